#!/usr/bin/env bash
# k2-test: timeout=180
# Many small commits, then few large files: by hand and by k2 up; nothing else changes.
. "$(dirname "$0")/../support/e2e.sh"

files() { k2 table list --format csv | sed -n "s/^$1,[0-9]*,\([0-9]*\),.*/\1/p"; }
rows="SELECT count(*), sum(price), sum(quantity), max(journal_offset) FROM trades"

run 0 k2 init
run 0 k2 table compact --yes
has err "nothing to merge"
for i in 1 2 3 4 5 6; do
    run 0 k2 simulate --symbols 4 --rate 1K --seconds 4 --seed "$i" --quotes \
        --start "2026-03-0$((i % 2 + 2))T10:00:0$((i % 3))Z"
    run 0 k2 sink --once
done
same "$(files trades)" 6
before=$(value "$rows")
snapshot=$(k2 table snapshots trades --format csv | sed -n 4p | cut -d , -f 1)
then=$(k2 query --format csv "$rows" --as-of "trades@$snapshot")

# It asks first, and it says what it would do.
run 2 k2 table compact trades --all
has err "say --yes"
run 2 k2 table compact trades --all --date 2026-03-02 --yes
run 1 k2 table compact trade --all --yes
has err "did you mean trades?"
run 2 k2 table compact trades --date tomorrow --yes
run 0 k2 table compact trades --all --dry-run --format csv
same "$(cat out)" "table,trade_date,rows,files_before,files_after,bytes_before,bytes_after
$(grep trades,2026-03-02 out)
$(grep trades,2026-03-03 out)"
same "$(files trades)" 6

# Fresh partitions of few files are left alone, unless it is asked for all.
run 0 k2 table compact --yes
has err "nothing to merge"
run 0 k2 table compact trades --date 2026-03-02 --yes
has err "3 files became 1"
same "$(files trades)" 4
run 0 k2 table compact --all --yes
same "$(files trades) $(files quotes)" "2 2"
run 0 k2 table snapshots trades --format csv
has out ",replace,"

same "$(value "$rows")" "$before"
same "$(k2 query --format csv "$rows" --as-of "trades@$snapshot")" "$then"
run 0 k2 reconcile
run 0 k2 verify
run 0 k2 query --format csv "SELECT message_id FROM trades LIMIT 1"
run 0 k2 trace "$(tail -n 1 out)"
has out "data/trade_date=2026-03-0"

# What was merged away stays for the snapshots that have it, and orphans are other files.
run 0 k2 table remove-orphans --dry-run --older-than 1m
same "$(find k2-data/warehouse/market_data/trades/data -name '*.parquet' | wc -l)" 8

# Damage is told, and nothing is merged over it.
run 0 k2 simulate --symbols 4 --rate 1K --seconds 4 --seed 77 --start 2026-03-02T11:00:00Z
run 0 k2 sink --once
file=$(k2 table files trades --format csv | grep ^2026-03-02 | head -n 1 | cut -d , -f 4)
cp "$file" saved.parquet
printf '\xff\xff\xff\xff' | dd of="$file" bs=1 seek=2000 conv=notrunc status=none
run 3 k2 table compact trades --all --yes
has err "$file"
same "$(files trades)" 3
cp saved.parquet "$file"
run 0 k2 table compact trades --all --yes
same "$(files trades)" 2

# k2 up does it while it sinks: files stay few.
: >up.err
K2_SINK_INTERVAL=500ms K2_MAINTAIN_INTERVAL=1s k2 up --simulate 2000 >up.out 2>up.err &
up=$!
for _ in $(seq 60); do
    grep -q "files are merged table=trades" up.err && break
    sleep 0.5
done
has up.err "files are merged table=trades"
sleep 8
[ "$(files trades)" -lt 24 ] || fail "$(files trades) files although k2 up merges them"
rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$up/status")
[ "$rss" -lt 204800 ] || fail "k2 up holds $rss kB"
kill -TERM $up
wait $up || fail "k2 up ended with $?"
run 0 k2 reconcile
run 0 k2 verify
K2_MAINTAIN_COMPACT=false run 0 k2 config show
has out "maintain.compact"
finish
