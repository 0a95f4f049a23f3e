#!/usr/bin/env bash
# k2-test: timeout=400
# Retention of a journal on Kafka: what the tables are proven to hold is deleted from the brokers, by hand and by k2 up;
# reconcile goes on proving it by digest; what a table lacks, holds otherwise or a group has not read stays.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address
at() { rm -rf k2-data; export K2_JOURNAL_URL="kafka://$broker/$1."; }
market() { k2 simulate -q --symbols 5 --rate 5000 --seconds 2 --start 2026-03-02T10:00:00Z "$@"; }
kept() { k2 topic describe market.ticks.sim --format csv | awk -F , 'NR > 1 { n += $4 } END { print n }'; }
rows() { value "SELECT count(*) FROM trades"; }

# --- by hand: nothing goes that a table lacks ---

at hand
run 0 market --seed 1
run 1 k2 maintain --older-than 0s --yes
has err 'no catalog'
run 0 k2 init
run 0 k2 maintain --older-than 0s --dry-run
has out 'the next one stays'
[ "$(kept)" -gt 10000 ] || fail "only $(kept) offsets before"
run 0 k2 maintain --older-than 0s --yes
has out 'the next one stays: '
[ "$(kept)" -gt 10000 ] || fail "$(kept) offsets are left, and no table holds them"

# --- what it holds goes, and is proven by digest from then on ---

run 0 k2 sink --once
first=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
run 0 k2 maintain --older-than 1h --dry-run
has out '0 segments would go'
run 0 k2 maintain --older-than 0s --dry-run
before=$(kept)
[ "$before" -gt 10000 ] || fail "a dry run removed something"
run 0 k2 maintain --older-than 0s --yes
has out 'removed; all digests are kept'
same "$(kept)" 0 "offsets of trades"
run 0 k2 reconcile --format csv
has err 'equal'
has err 'digest'
same "$(rows)" 10000 "rows"
run 0 k2 maintain --older-than 0s --yes
has out '0 segments'

# --- the journal goes on behind it; an instant before is still told ---

sleep 1
run 0 market --seed 2
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'
same "$(rows)" 20000 "rows after more"
as_of() { k2 query -q --format csv --as-of "$first" 'SELECT count(*) FROM trades' | tail -n 1; }
same "$(as_of)" 10000 "as of before the second"
run 0 k2 maintain --older-than 0s --yes
run 0 k2 simulate --symbols 5 --rate 5000 --seconds 2 --start 2026-03-02T10:00:00Z --seed 1
has out 'duplicates 10000' # although the journal has nothing left
same "$(as_of)" 10000 "as of what is gone"
run 0 k2 verify

# --- another data directory cannot prove what it never had ---

run 1 k2 sink --once --data other
has err 'has been removed'

# --- a row that is missing from the table keeps the part ---

at changed
run 0 market --seed 3
run 0 k2 sink --once
victim=$(find k2-data/warehouse -path '*trades*' -name '*.parquet' | sort | head -n 1)
cp "$victim" saved.parquet
other=$(find k2-data/warehouse -path '*trades*' -name '*.parquet' | sort | tail -n 1)
if [ "$victim" != "$other" ]; then cp "$other" "$victim"; else : >"$victim"; fi
k2 maintain --older-than 0s --yes >out 2>err && has out 'the next one stays'
[ "$(kept)" -gt 10000 ] || fail "$(kept) offsets are left although the table is damaged"
cp saved.parquet "$victim"
run 0 k2 maintain --older-than 0s --yes
same "$(kept)" 0 "offsets of trades once the table is whole"

# --- a killed retention: the note is there, its records are too, or not; either way all is proven ---

for i in 1 2 3 4 5 6; do
    at "killed$i"
    run 0 market --seed 4
    run 0 k2 sink --once
    k2 maintain --older-than 0s --yes >/dev/null 2>&1 & p=$!
    sleep "0.$((i * 13 + 20))"
    kill -9 $p 2>/dev/null
    wait $p 2>/dev/null
    run 0 k2 reconcile
    has err 'equal'
    run 0 k2 maintain --older-than 0s --yes
    same "$(kept)" 0 "offsets after a killed retention"
    run 0 k2 reconcile
    has err 'equal'
done

# --- k2 up does it by itself ---

at platform
run 0 market --seed 5
cat >k2.ini <<END
[journal]
retention = 1s
[maintain]
interval = 1s
[sink]
interval = 1s
END
k2 up --config k2.ini >up.out 2>&1 & p=$!
until_true sh -c '[ "$(k2 topic describe market.ticks.sim --format csv | awk -F , '"'"'NR > 1 { n += $4 } END { print n }'"'"')" -eq 0 ]'
kill -TERM $p
wait $p || fail "k2 up failed"
run 0 k2 reconcile
has err 'equal'
same "$(rows)" 10000 "rows after k2 up"
finish
