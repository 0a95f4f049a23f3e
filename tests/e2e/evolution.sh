#!/usr/bin/env bash
# k2-test: timeout=900 serial
# A field comes and goes while everything runs: a sink, a consumer and queries of this k2 beside a k2 of tomorrow that
# writes one field more. Nothing is started again, no row and no value is lost, and either k2 proves journal and table
# equal. Then the field is deprecated; and a schema that does not fit is refused.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
# shellcheck source=tests/support/newer.sh
. "$(dirname "$0")/../support/newer.sh"
export K2_SINK_INTERVAL=1s
subject=market.ticks.asx-value
build_newer
running=()
# shellcheck disable=SC2154  # scratch: e2e.sh
trap 'kill "${running[@]}" 2>/dev/null; rm -rf "$scratch"' EXIT

row() { # row NUMBER VENUE: one more line of the file
    printf '03/10/2014,10:%02d:%02d.000,37.5,%d,0,%s,\n' $(($1 / 60)) $(($1 % 60)) "$1" "$2" >>1_BHP.csv
}
holds() { [ "$(value "SELECT count(*) FROM trades WHERE $1")" = "$2" ]; }

# --- version 1, and all that stays running ---

row 1 ''
run 0 k2 ingest asx-csv 1_BHP.csv
k2 sink >sink.out 2>sink.err &
running+=($!)
k2 topic tail market.ticks.asx --from start --follow >tail.out 2>tail.err &
running+=($!)
until_true holds true 1

# --- version 2: a k2 of tomorrow ---

row 2 X
run 0 "$newer" ingest asx-csv 1_BHP.csv
has out 'read 2 = accepted 1'
until_true holds "rumour = 'up'" 1
same "$(value "SELECT count(*) FROM trades WHERE rumour IS NULL")" 1 "rows of version 1"
until_true grep -q '"rumour":"up"' tail.out
has sink.err 'column is added'
# This k2 goes on with version 1 in between, as a second writer that was not updated yet.
row 3 ''
run 0 k2 ingest asx-csv 1_BHP.csv
row 4 X
run 0 "$newer" ingest asx-csv 1_BHP.csv
until_true holds true 4
same "$(value "SELECT count(rumour) FROM trades")" 2 "rows that say it"
for k2 in k2 "$newer"; do
    run 0 "$k2" reconcile
    has err 'equal'
    run 0 "$k2" verify
done

# Merged files keep the column, and what retention removed from the journal is still proved by its digest, by both.
run 0 k2 table compact trades --all --yes
run 0 k2 query -q --format csv "SELECT count(*) AS n, count(rumour) AS r FROM trades"
has out "4,2"
for k2 in k2 "$newer"; do
    run 0 "$k2" reconcile
    has err 'equal'
done

# --- version 3: deprecated ---

k2 schema show "$subject" | sed 's/"what they say"/"what they say; deprecated since 2026-10-01"/' >deprecated.avsc
run 0 k2 schema check deprecated.avsc --against "$subject"
run 0 k2 schema register "$subject" deprecated.avsc
row 5 ''
run 0 "$newer" ingest asx-csv 1_BHP.csv
until_true holds true 5
same "$(value "SELECT string_agg(coalesce(rumour, '-'), ' ' ORDER BY exchange_sequence_number) FROM trades")" "- up - up -"

# --- version 4: gone; what was said stays ---

k2 schema show 1 >gone.avsc
run 0 k2 schema check gone.avsc --against "$subject"
row 6 ''
run 0 k2 ingest asx-csv 1_BHP.csv
until_true holds true 6
same "$(value "SELECT count(rumour) FROM trades")" 2
run 0 k2 reconcile
has err 'equal'

# --- what does not fit is refused ---

k2 schema show 1 | sed 's/"price","type":\["null",{[^}]*}\]/"price","type":["null","string"]/' >wrong.avsc
grep -q '"price","type":\["null","string"\]' wrong.avsc || fail "no other type was made"
run 1 k2 schema register "$subject" wrong.avsc
has err 'cannot read or be read by theirs'
k2 schema show 1 | sed 's/"fields":\[/"fields":[{"name":"inside","type":["null",{"type":"bytes","logicalType":"decimal","precision":38,"scale":2}],"default":null},/' >wide.avsc
run 1 k2 schema register "$subject" wide.avsc
has err 'no column'

# --- nobody was started again ---

for pid in "${running[@]}"; do kill -0 "$pid" || fail "process $pid ended"; done
same "$(wc -l <tail.out)" 6 "records that the old consumer saw"
kill -TERM "${running[@]}"
wait "${running[@]}"
running=()
finish
