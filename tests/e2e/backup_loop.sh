#!/usr/bin/env bash
# k2-test: timeout=600
# Backups in a loop while a feed, the sink and retention run on tiny segments and commits, and all of them
# are killed now and then. Every cut is whole: restored, it verifies and reconciles, and its sink goes on.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
export K2_JOURNAL_SEGMENT_BYTES=100KB K2_INGEST_BATCH_BYTES=8KB K2_SINK_COMMIT_ROWS=700
RANDOM=${K2_SEED:-20261121}

run 0 k2 simulate -q --seconds 1 --start 2026-01-01T10:00:00Z
run 0 k2 sink --once

# again COMMAND...: runs it again and again, and kills it after a time now and then; until ./stop is there.
again() {
    local n=0
    while [ ! -e stop ]; do
        n=$((n + 1))
        if [ $((RANDOM % 3)) -eq 0 ]; then
            timeout -s KILL "0.0$((RANDOM % 90 + 10))" "$@" >/dev/null 2>&1
        else
            "$@" >/dev/null 2>&1
        fi
    done
}

feed() {
    local day
    for day in 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28; do
        [ ! -e stop ] || return
        timeout -s KILL "$((RANDOM % 2)).$((RANDOM % 9 + 1))" \
            k2 simulate -q --seconds 2 --rate 3000 --gaps 1% --duplicates 1% --start 2026-01-${day}T10:00:00Z
        k2 simulate -q --seconds 2 --rate 3000 --gaps 1% --duplicates 1% --start 2026-01-${day}T10:00:00Z
    done
} >/dev/null 2>&1

feed & feeder=$!
again k2 sink --once 2>/dev/null & sink=$!
again k2 maintain --older-than 0s --yes 2>/dev/null & maintain=$!
cuts=0
for i in $(seq 40); do
    if [ $((i % 4)) -eq 0 ]; then
        { timeout -s KILL "0.0$((RANDOM % 90 + 10))" k2 backup B; } >/dev/null 2>&1
    elif k2 backup B >out 2>err; then
        cuts=$((cuts + 1))
    else
        fail "backup $i: $(cat err)"
    fi
done
touch stop
wait "$feeder" "$sink" "$maintain"
[ "$cuts" -ge 20 ] || fail "only $cuts cuts were made"

run 0 k2 backup verify B
k2 backup list B --format csv | tail -n +2 >cuts
[ "$(wc -l <cuts)" -ge "$cuts" ] || fail "$(wc -l <cuts) cuts are listed, $cuts were made"
removed=0 rows=0 n=0
while IFS=, read -r id _; do
    n=$((n + 1))
    [ $((n % 4)) -eq 0 ] || continue # each takes a while
    rm -rf R
    run 0 k2 restore B --cut "$id" --data R
    run 0 k2 verify --data R
    run 0 k2 reconcile --data R
    before=$rows
    rows=$(k2 query -q --data R --format csv "SELECT count(*) FROM trades" | tail -n 1)
    [ "$rows" -ge "$before" ] || fail "cut $id has $rows rows, an earlier one had $before"
    [ -e R/journal/00000000000000000000.seg ] || removed=$((removed + 1))
    run 0 k2 sink --once --data R
    run 0 k2 reconcile --data R
done <cuts
[ "$removed" -gt 0 ] || fail "retention removed nothing before any of the cuts"
[ "$rows" -gt 10000 ] || fail "only $rows rows in the last cut"
echo "$cuts cuts, $rows rows, $removed restored cuts without their first segment"
run 0 k2 reconcile
finish
