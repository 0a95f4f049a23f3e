#!/usr/bin/env bash
# k2-test: timeout=240
# Venues that speak over TCP in packets with a length: IEX-TP gap fills, units of Cboe's spin servers. The bytes come cut
# at odd places; a connection ends inside a packet; a length lies. What is whole is stored, once; what is not is in
# quarantine. What is published over UDP only is refused with that reason.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
# shellcheck source=tests/support/venue.sh
. "$tree/tests/support/venue.sh"
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 0; }

cat >framed.py <<'PY'
# framed.py FORM HOW: one connection; FORM iex or pitch, HOW odd, half or lie.
import json, os, random, socket, struct, sys, time
form, how = sys.argv[1:]

def trade(i):  # IEX TOPS 1.6, Trade Report Message
    body = struct.pack("<cBq8sIqq", b"T", 0, 1501248600 * 10**9 + i, b"ZIEXT   ", 100, 990500, i)
    return struct.pack("<H", len(body)) + body

def segment(first, n):  # IEX-TP 1.25, Outbound Segment
    payload = b"".join(trade(first + i) for i in range(n))
    return struct.pack("<BBHIIHHqqq", 1, 0, 0x8003, 1, 77, len(payload), n, 0, first, 1501248600 * 10**9) + payload

def unit(first, n):  # PITCH 2.41: a unit of Time, then Add Order (long)
    added = [struct.pack("<BBI", 6, 0x20, 34200)]
    for i in range(first + 1, first + n):
        added.append(struct.pack("<BBIQcI6sQB", 34, 0x21, i, i, b"B", 100, b"ZVZZT ", 1500000, 1))
    payload = b"".join(added)
    return struct.pack("<HBBI", 8 + len(payload), n, 1, first) + payload

make = segment if form == "iex" else unit
packets = [make(1 + 5 * i, 5) for i in range(40)]
bytes_ = b"".join(packets)
if how == "half":
    bytes_ = b"".join(packets[:20]) + packets[20][:61]
if how == "lie":  # the 21st says that it is longer than it is; what comes later cannot be told apart any more
    at = 12 if form == "iex" else 0
    lying = bytearray(packets[20])
    lying[at:at + 2] = struct.pack("<H", 60000)
    bytes_ = b"".join(packets[:20]) + bytes(lying) + b"".join(packets[21:])

server = socket.create_server(("127.0.0.1", 0))
with open("ports.new", "w") as f:
    json.dump({"tcp": server.getsockname()[1]}, f)
os.rename("ports.new", "ports")
peer, _ = server.accept()
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
pieces = random.Random(20261121)
while bytes_:
    n = pieces.choice((1, 2, 3, 7, 13, 39, 41, 97, 331))
    peer.sendall(bytes_[:n])
    bytes_ = bytes_[n:]
    time.sleep(0.001)
if how == "odd":
    time.sleep(1)  # that it ends is another story
peer.close()
PY

serve() { # serve FORM HOW
    rm -f ports
    python3 framed.py "$@" &
    server=$!
    until_true test -e ports
}

take() { # take FORMAT FORM HOW
    serve "$2" "$3"
    run 0 k2 ingest "$1" "tcp://127.0.0.1:$(port tcp)" --exchange "$4" --date 2017-07-28 --seconds 4 --data "$2-$3"
    wait "$server"
    server=''
}

# --- all of it, however it is cut ---
take iex-tops-1.6 iex odd IEXG
has out "accepted 200 + duplicates 0 + conflicts 0 + quarantined 0"
take cboe-byx-pitch-2.41 pitch odd BATY
has out "+ duplicates 0 + conflicts 0 + quarantined 0"
run 0 k2 sink --once --data pitch-odd
same "$(K2_DATA=pitch-odd value "SELECT count(DISTINCT exchange_sequence_number) FROM book_events")" 160
k2 gaps --data pitch-odd --format json >gaps.json
grep -q '"SEQUENCE"' gaps.json && fail "a number is missing: $(cat gaps.json)"

# --- a connection that ends inside a packet ---
take iex-tops-1.6 iex half IEXG
has out "accepted 100 + duplicates 0 + conflicts 0 + quarantined 1"
run 0 k2 quarantine list --data iex-half
has out "ends inside a frame"
take cboe-byx-pitch-2.41 pitch half BATY
has out "quarantined 1"

# --- a length that lies: everything before it is there, the rest is in quarantine, and k2 ends well ---
take iex-tops-1.6 iex lie IEXG
has out "accepted 100 + duplicates 0 + conflicts 0 + quarantined"
grep -q 'quarantined 0' out && fail "a lie was not noticed"
take cboe-byx-pitch-2.41 pitch lie BATY
grep -q 'quarantined 0' out && fail "a lie was not noticed"

# --- no TCP form: said so ---
for format in b3-umdf-1.8 eurex-eobi-6.0 siac-opra-6.2 nyse-integrated-pillar-2.5; do
    run 1 k2 ingest "$format" tcp://127.0.0.1:9 --exchange X --seconds 1 --data none
    has err "is published over UDP only"
done
finish
