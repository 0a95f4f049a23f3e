#!/usr/bin/env bash
# k2-test: timeout=200
# The ledger of gaps: a lossy market, restarts, filling, acknowledging; halts, and going on after them.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

sim=(k2 simulate -q --symbols 3 --rate 4000 --seconds 2 --seed 5 --start 2026-03-02T10:00:00Z)
lines() { k2 gaps list "$@" --format csv | sed 1d | wc -l; }
first() { k2 gaps list "$@" --format csv | sed -n 2p | cut -d , -f 1; }

# --- a lossy market leaves gaps, each once, whatever is read again ---

run 0 "${sim[@]}" --gaps 0.01
open=$(lines --open)
[ "$open" -gt 20 ] || fail "only $open gaps"
same "$(lines)" "$open" "all are open"
run 0 "${sim[@]}" --gaps 0.01 # all duplicates
has out 'accepted 0 '
same "$(lines)" "$open" "read again"
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM gaps WHERE state = 'OPENED'")" "$open" "in the table"
same "$(lines)" "$open" "from the table"
run 0 k2 reconcile
has err 'equal'
same "$(lines --min-size 1000)" 0 "of so many numbers"
same "$(lines --exchange NYSE)" 0 "of another exchange"
same "$(lines --since now)" 0 "from now on"

# --- what came late in time left no gap ---

rm -rf late
run 0 "${sim[@]}" --data late --out-of-order 0.05
same "$(k2 gaps --data late --format csv | sed 1d | wc -l)" 0 "late, but in time"

# --- one of them is acknowledged; it stays in the ledger ---

id=$(first --open)
run 0 k2 gaps ack "$id" --note 'the venue says so'
run 0 k2 gaps ack "$id"
has err 'already'
same "$(lines --open)" $((open - 1)) "acknowledged"
run 0 k2 gaps show "$id" --format csv
has out 'ACKNOWLEDGED'
has out 'the venue says so'
run 1 k2 gaps ack "$id"0000
run 2 k2 gaps ack nonsense
run 0 k2 gaps fill "$id"
has out 'k2 ingest FILE'

# --- holes of files: told, and filled by the file that has the numbers ---

trades() { # trades FROM TO
    local i
    for ((i = $1; i <= $2; i++)); do
        printf '{"e":"trade","E":1772445600000,"s":"BTCUSDT","t":%d,"p":"1.5","q":"2","T":%d,"m":true,"M":true}\n' \
            "$i" $((1772445600000 + i))
    done
}
trades 1 1000 >all.json
sed 301,320d all.json >holes.json
rm -rf k2-data
run 0 k2 ingest binance-json holes.json
has out 'gaps 1 (20 numbers missing)'
id=$(first --open)
run 0 k2 gaps show "$id" --format csv
has out 'OPENED,20,engine'
has out 'REQUESTED,20,engine'
sed -n 301,312p all.json >some.json
run 0 k2 gaps fill "$id" binance-json some.json
has out '12 numbers filled, 8 missing still'
same "$(k2 gaps --format csv | sed -n 2p | cut -d , -f 8)" 8 "missing still"
run 0 k2 gaps fill "$id" binance-json all.json
has out '8 numbers filled, 0 missing still'
run 0 k2 gaps show "$id" --format csv
has out 'FILLED,0,engine'
same "$(lines --open)" 0 "all is filled"
run 0 k2 ingest binance-json all.json
has out 'accepted 0 '

# --- a large gap halts its channel; filled, it goes on ---

sed 301,500d all.json >holes.json
rm -rf k2-data
export K2_SEQUENCE_REORDER_EVENTS=10
run 0 k2 ingest --halt binance-json holes.json
has out '+ halted 4'
has err 'k2 halt list'
run 0 k2 halt list --format csv
has out 'halted'
channel=$(k2 halt list --format csv | sed -n 2p | cut -d , -f 1)
run 0 k2 ingest --halt binance-json holes.json # a restart forgets no halt
has out 'accepted 0 '
run 0 k2 ingest --halt binance-json all.json
has out 'accepted 6'
run 0 k2 halt list --format csv
same "$(wc -l <out)" 1 "nothing is halted"
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM trades")" 1000 "nothing is lost, nothing is there twice"
run 0 k2 reconcile

# --- given up, it goes on without the gap; reading again adds exactly what was missed ---

rm -rf k2-data
run 0 k2 ingest --halt binance-json holes.json
run 1 k2 halt resume "${channel}x"
run 0 k2 halt resume "$channel"
has err 'goes on'
has err 'when its file is read again (k2 ingest)'
run 0 k2 ingest --halt binance-json holes.json
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM trades")" 800 "all of the file"
same "$(value "SELECT string_agg(state, ',' ORDER BY part) FROM gaps")" '"OPENED,GIVEN_UP"'
run 0 k2 reconcile
same "$(k2 halt list --format csv | wc -l)" 1 "nothing is halted"

# --- without --halt a file's holes are only told ---

rm -rf k2-data
run 0 k2 ingest binance-json holes.json
has out 'accepted 800 '
run 0 env K2_SEQUENCE_HALT=all K2_EXCHANGE_BINANCE_HALT_ABOVE=500 k2 ingest --data other binance-json holes.json
has out 'accepted 800 '
run 0 env K2_SEQUENCE_HALT=all k2 ingest --data third binance-json holes.json
has out '+ halted 4'
run 1 env K2_SEQUENCE_HALT=perhaps k2 ingest --data fourth binance-json holes.json
finish
