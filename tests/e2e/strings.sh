#!/usr/bin/env bash
# k2-test: timeout=200
# Strings that come only once are forgotten again and again while a source is read: every row keeps its own, also where
# a batch is full in the middle of a message of several rows.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

python3 - <<'END' >depth.json
for n in range(1, 60001):
    levels = ",".join(f'["{n}.{i}","{i + 1}"]' for i in range(5))
    print(f'{{"e":"depthUpdate","E":{1700000000000 + n},"s":"SYMBOLWITHALONGNAME{n}","U":{n},"u":{n},"b":[{levels}],"a":[]}}')
END
run 0 k2 ingest -q binance-json depth.json
has out 'accepted 300000 '
run 0 k2 sink -q --once
same "$(value "SELECT count(*) FROM book_events")" 300000 "rows"
same "$(value "SELECT count(*) FROM book_events WHERE symbol <> 'SYMBOLWITHALONGNAME' || CAST(floor(price) AS BIGINT)")" 0 \
    "rows with another's symbol"
same "$(value "SELECT count(DISTINCT symbol) FROM book_events")" 60000 "symbols"
finish
