#!/usr/bin/env bash
# A live feed whose messages need what was told before, and a k2 that is killed in between: the directory of symbols comes at
# the start of the session, executions that name nothing but a number later. Rows that came before are not there twice.
# k2-test: timeout=300
. "$(dirname "$0")/../support/e2e.sh"
reader='' server=''
# shellcheck disable=SC2154  # scratch: e2e.sh
trap 'for p in $reader $server; do kill -KILL "$p" 2>/dev/null; done; rm -rf "$scratch"' EXIT

is_sent() { grep -q '"done"' server.out; }
frames() { # frames N: so many are in the raw topic
    [ "$(k2 topic tail market.raw.xnas --from start 2>/dev/null | grep -c DATAGRAM)" -ge "$1" ]
}
is_stored() { # is_stored N: the trade of message N
    k2 topic tail market.ticks.xnas --from start 2>/dev/null | grep -q "\"exchange_sequence_number\":$1,"
}
read_feed() {
    k2 ingest nasdaq-totalview-itch-5.0 "udp://127.0.0.1:$udp" --exchange NASDAQ >out 2>err &
    reader=$!
}

# Message N of the session is of symbol 1 + N mod 9: directory entries, then executions with a price of N cents.
python3 - <<'PY'
import struct
def head(kind, symbol, i):
    return kind + struct.pack(">HH", symbol, 0) + (34200 * 10**9 + i).to_bytes(6, "big")
messages = [head(b"R", n, n) + f"S{n}".ljust(8).encode() + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" + bytes(4) + b"N"
            for n in range(1, 10)]
messages += [head(b"C", 1 + n % 9, n) + struct.pack(">QIQ", n, 100, n) + b"Y" + struct.pack(">I", n * 100)
             for n in range(10, 1201)]
open("session", "wb").write(b"".join(struct.pack(">H", len(m)) + m for m in messages))
PY
udp=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
read_feed
until_true k2 topic tail market.raw.xnas --from start
python3 "${K2_SOURCE:?}/tests/support/venue_server.py" session --as len16 --mold 20261121A --udp "127.0.0.1:$udp" \
    --clients 0 --rate 200 --exit --ports ports >server.out &
server=$!
for after in 200 600; do
    until_true frames "$after"
    kill -KILL "$reader"
    wait "$reader" 2>/dev/null
    read_feed
done
until_true is_sent
wait "$server"
server=''
until_true is_stored 1200
kill -INT "$reader"
wait "$reader" || fail "ingest: $(cat err)"
reader=''
has out " + conflicts 0 + quarantined 0" # what came behind the last mark is decoded again: duplicates
run 0 k2 sink --once
run 0 k2 reconcile --quiet
same "$(value "SELECT count(*) - count(DISTINCT exchange_sequence_number) FROM trades")" 0 "rows that are there twice"
same "$(value "SELECT count(*) FROM trades WHERE symbol != 'S' || (1 + exchange_sequence_number % 9) OR
    price * 100 != exchange_sequence_number")" 0 "trades of another symbol or price"
late=$(value "SELECT count(*) FROM trades WHERE exchange_sequence_number > 800")
[ "$late" -gt 100 ] || fail "$late trades behind the second kill"
finish
