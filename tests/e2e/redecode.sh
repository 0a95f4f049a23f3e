#!/usr/bin/env bash
# What is kept raw, decoded once more: a mapping and a layout are mended between two decodes, so that a row is added and one
# changed. Nothing is stored without --commit, a second commit adds nothing, and journal and tables stay equal. Also beside
# a running k2 up, and on a file that is not what it was.
. "$(dirname "$0")/../support/e2e.sh"
up=''
# shellcheck disable=SC2154  # scratch: e2e.sh
trap '[ -z "$up" ] || kill -KILL "$up" 2>/dev/null; rm -rf "$scratch"' EXIT

# --- a file that is kept by reference ---
cat >rows.csv <<'ROWS'
symbol,time,seq,side,price,amount
BTCUSD,1583020803145000,1,buy,8531.5,2
BTCUSD,1583020803145001,2,sell,8531.0,5
BTCUSD,1583020803145002,3,cross,8530.0,7
BTCUSD,1583020803145003,4,buy,8532.0,9
ROWS
cat >good.mapping <<'MAPPING'
kind = trade
exchange = "BITMEX"
symbol = symbol
calendar = utc
sequence = seq
time = time us
side = side
price = price
quantity = amount
[side]
buy = BUY
sell = SELL
cross = UNKNOWN
MAPPING
{ echo "null = 5" && grep -v cross good.mapping; } >bad.mapping # no cross, and a quantity of 5 is none

run 0 k2 ingest bad.mapping rows.csv
has out "accepted 3"
run 0 k2 redecode bad.mapping rows.csv --format csv
same "$(tail -n 1 out)" "trade,3,3,0,0,0"
run 3 k2 redecode good.mapping rows.csv --format csv
same "$(tail -n 1 out)" "trade,4,2,1,1,0"
has err "added 1, changed 1, missing 0"
run 3 k2 redecode good.mapping rows.csv
has out 'BITMEX/2020-03-01/BTCUSD/trade/0/2/0'
has out 'quantity nothing -> "5.0000000000"'
run 3 k2 redecode good.mapping rows.csv --rows added --format json
python3 - <<'PY' || fail "the rows as JSON"
import json
rows = json.load(open("out"))
assert [(r["change"], r["message_id"], r["raw_offset"]) for r in rows] == [
    ("added", "BITMEX/2020-03-01/BTCUSD/trade/0/3/0", 113)], rows
PY
run 3 k2 redecode good.mapping rows.csv --commit # the changed one is a conflict
has err "read 4 = accepted 1 + duplicates 2 + conflicts 1 + quarantined 0 + filtered 0 + halted 0"
run 3 k2 redecode good.mapping rows.csv --commit
has err "read 4 = accepted 0 + duplicates 3 + conflicts 1"
run 0 k2 sink --once
run 0 k2 reconcile
same "$(value "SELECT count(*) FROM trades")" 4
same "$(value "SELECT count(*) FROM trades WHERE quantity IS NULL")" 1 "what was stored stays"
same "$(value "SELECT count(*) FROM quarantine WHERE reason = 'CONFLICT'")" 1 "one conflict, once"
run 3 k2 redecode good.mapping rows.csv --format csv # known from the table too
same "$(tail -n 1 out)" "trade,4,3,0,1,0"

# One row less in today's decoder: it is missing, and stays.
grep -v '^sell' good.mapping >less.mapping
run 3 k2 redecode less.mapping rows.csv --rows missing --format csv
has out "missing,BITMEX/2020-03-01/BTCUSD/trade/0/2/0,BTCUSD,73"

# The record has the file's SHA-256; another file under its name is refused.
run 0 k2 topic tail k2.sources --from start
has out "\"sha256\":\"$(sha256sum rows.csv | cut -c 1-64)\""
cp rows.csv kept.csv
sed -i 's/8532.0/8533.0/' rows.csv
run 3 k2 redecode good.mapping rows.csv
has err "rows.csv is not what was read on"
has err "its SHA-256 was $(sha256sum kept.csv | cut -c 1-64) and is $(sha256sum rows.csv | cut -c 1-64)"
run 1 k2 redecode good.mapping kept.csv
has err "was never read by k2 ingest under this name"
cp kept.csv rows.csv

# Read by a mapping, which the record does not keep.
run 2 k2 redecode rows.csv
has err "rows.csv was read by a mapping, which its record does not keep: k2 redecode FILE.mapping rows.csv"

# Rows without numbers that were counted on behind another file's: they are decoded again with the same numbers.
k2 simulate --symbols 1 --rate 50 --seconds 4 --start 2014-03-10T00:00:00Z --print asx-csv >both.csv
head -n 120 both.csv >7078_BHP_1.csv
tail -n +121 both.csv >7078_BHP_2.csv
export K2_DATA=counted
run 0 k2 ingest 7078_BHP_1.csv
rows=$(wc -l <7078_BHP_2.csv)
run 3 k2 ingest 7078_BHP_2.csv # the same numbers again
run 0 k2 ingest --continue 7078_BHP_2.csv
has out "accepted $rows "
run 3 k2 ingest 7078_BHP_2.csv # brings nothing, so how it was counted before stands
run 0 k2 topic tail k2.sources --from start
has out 'counted_from'
has out "120]]"
run 0 k2 redecode 7078_BHP_2.csv --format csv
has out "trade,$rows,$rows,0,0,0"
run 0 k2 redecode 7078_BHP_1.csv
run 0 k2 redecode 7078_BHP_2.csv --commit
has err "read $rows = accepted 0 + duplicates $rows + conflicts 0"
run 0 k2 redecode 7078_BHP_2.csv # and after that
run 0 k2 trace ASX/2014-03-10/BHP/trade/0/130/0
has out "7078_BHP_2.csv"
has out "the raw bytes decode to this row"
export K2_DATA=k2-data

# Words that are wrong.
run 2 k2 redecode asx-cvs rows.csv
has err "did you mean asx-csv?"
run 2 k2 redecode good.mapping rows.csv --rows adde
has err "did you mean added?"
run 2 k2 redecode good.mapping rows.csv --from yesterday
has err "a file is decoded as a whole"
run 1 k2 redecode BITMEX
has err "neither a file BITMEX nor a raw topic of exchange BITMEX"

# --- a raw topic ---
cat >bad.layout <<'LAYOUT'
layout     tape-mini-1.0
title      TAPE mini feed, trades over datagrams
spec       TAPE mini feed 1.0
exchange   TAPE
order      big
framing    udp
numbering  the header has the number of the packet's first message, the others follow

sequence   packet_header.sequence_number each message
channel    packet_header.session
time       ns(timestamp)

struct packet_header
    text10  session
    u64     sequence_number
    u16     message_count

struct message_header
    u16     message_length
    char    message_type

struct message  sized=message_header.message_length+2
    message_header
    choose  message_header.message_type

packet
    packet_header
    message repeat=packet_header.message_count none=65535

message 'T' trade_message
    u64     timestamp
    text8   symbol
    u64     price scale=4
    u32     quantity
    event trade symbol=symbol price=price quantity=quantity

message 'E' exact_trade_message
    u64     timestamp
    text8   symbol
    u64     price
    u32     quantity
    event trade symbol=symbol price=price quantity=quantity

message 'O' odd_lot_message
    u64     timestamp
    text8   symbol
    u64     price scale=4
    u32     quantity
LAYOUT
# 1.1: exact prices have nine digits behind the point (what had none of them was out of range), and odd lots are trades.
sed -e 's/tape-mini-1.0/tape-mini-1.1/' -e '/^message .E/,$s/u64     price$/u64     price scale=9/' bad.layout >good.layout
echo '    event trade symbol=symbol price=price quantity=quantity' >>good.layout

# send PORT: ten messages in datagrams of two, numbered from 1; the third is exact, the eighth an odd lot.
send() {
    python3 - "$1" <<'PY'
import socket, struct, sys

def message(n):
    kind, price = {3: (b"E", 101500000000000), 8: (b"O", 1015000)}.get(n, (b"T", 1010000 + n))
    body = struct.pack(">cQ8sQI", kind, 1583020803000000000 + n, b"ABC     ", price, 10 * n)
    return struct.pack(">H", len(body)) + body

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for first in range(1, 11, 2):
    s.sendto(struct.pack(">10sQH", b"DAY1", first, 2) + message(first) + message(first + 1),
             ("127.0.0.1", int(sys.argv[1])))
PY
}
port=$(python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
is_bound() { grep -qi ":$(printf %04X "$port") " /proc/net/udp; }

export K2_DATA=live
k2 ingest ./bad.layout "udp://127.0.0.1:$port" --exchange TAPE --calendar utc --seconds 4 >live.out 2>live.err &
ingest=$!
until_true is_bound
send "$port"
wait "$ingest" || fail "the live ingest ended badly: $(cat live.err)"
has live.out "accepted 9"
has live.out "quarantined 1"
run 0 k2 redecode ./bad.layout TAPE --calendar utc --format csv
same "$(grep -c '^trade,8,8,0,0,0\|^message,1,1,0,0,0' out)" 2
run 3 k2 redecode ./good.layout market.raw.tape --calendar utc --format csv
has out "trade,10,8,1,1,0"
run 3 k2 redecode ./good.layout tape --calendar utc
has out "TAPE/2020-03-01/DAY1/trade/0/3/0"
has out "message -> trade"
run 0 k2 redecode ./good.layout TAPE --calendar utc --to 2020-01-01 --format csv # nothing was received before
same "$(wc -l <out)" 1
run 2 k2 redecode TAPE --calendar utc
has err "a raw topic does not say its format"
run 2 k2 redecode ./good.layout TAPE --source tap
has err "has no source 'tap'"
run 1 k2 redecode ./good.layout TAPES
has err "raw topics: market.raw.tape"
run 2 k2 redecode ./good.layout TAPE --from now --to yesterday
has err "is not before"
run 3 k2 redecode ./good.layout TAPE --calendar utc --commit
has err "read 10 = accepted 1 + duplicates 8 + conflicts 1 + quarantined 0 + filtered 0 + halted 0"
run 3 k2 redecode ./good.layout TAPE --calendar utc --commit
has err "read 10 = accepted 0 + duplicates 9 + conflicts 1"
run 0 k2 sink --once
run 0 k2 reconcile
same "$(value "SELECT raw_offset FROM trades WHERE exchange_sequence_number = 3")" \
    "$(value "SELECT raw_offset FROM trades WHERE exchange_sequence_number = 4")" "the offset of the frame in the topic"
same "$(value "SELECT count(*) FROM quarantine WHERE reason = 'CONFLICT'")" 1


# k2 trace shows the frame that the row came in: the second datagram, of messages 3 and 4.
run 0 k2 trace TAPE/2020-03-01/DAY1/trade/0/4/0
has out "market.raw.tape"
has out "udp://127.0.0.1:$port"
has out "DATAGRAM"
has out "$(printf 'DAY1' | od -An -tx1 | tr -d ' ')"
run 0 k2 trace TAPE/2020-03-01/DAY1/trade/0/4/0 --format json
python3 - <<'PY' || fail "the frame as JSON"
import json
t = json.load(open("out"))
s = t["source"]
assert s["offset"] == t["fields"]["raw_offset"] and s["line"] == "A", s
assert bytes.fromhex(s["raw_hex"])[10:20] == (3).to_bytes(8, "big") + b"\0\2", s
PY

# --- beside a running k2 up, which stores it ---
say() { # say SYMBOL: three trades of it, as Binance sends them
    python3 - "$port" "$1" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in 1, 2, 3:
    t = {"e": "trade", "E": 1723161256000 + i, "T": 1723161256000 + i, "s": sys.argv[2], "t": i,
         "p": "61800.30", "q": "0.006", "X": "MARKET", "m": False}
    s.sendto(json.dumps(t, separators=(",", ":")).encode(), ("127.0.0.1", int(sys.argv[1])))
PY
}
rows() { same_rows=$(value "SELECT count(*) FROM trades WHERE symbol = '$1'") && [ "$same_rows" = "$2" ]; }

export K2_DATA=beside K2_SINK_INTERVAL=1s
k2 ingest binance-json "udp://127.0.0.1:$port" --exchange BINANCE --symbols 'ETH*' --seconds 4 >live.out 2>live.err &
ingest=$!
until_true is_bound
say BTCUSDT
say ETHUSDT
wait "$ingest" || fail "the live ingest ended badly: $(cat live.err)"
has live.out "accepted 3"
run 0 k2 redecode binance-json BINANCE --symbols 'ETH*' --format csv
has out "trade,3,3,0,0,0"
run 3 k2 redecode binance-json BINANCE --format csv
has out "trade,6,3,3,0,0"

export K2_FEED_WIRE_FORMAT=binance-json K2_FEED_WIRE_EXCHANGE=BINANCE K2_FEED_WIRE_SOURCE="udp://127.0.0.1:$port"
k2 up >up.out 2>up.err &
up=$!
until_true grep -q 'Ctrl-C ends it' up.out
until_true is_bound
say SOLUSDT
until_true rows SOLUSDT 3
run 2 k2 redecode binance-json BINANCE
has err "holds several sources; --source takes one of"
run 0 k2 redecode BINANCE --source wire --format csv # the format is that of the feed's section
has out "trade,3,3,0,0,0"
run 0 k2 redecode binance-json BINANCE --source "udp://127.0.0.1:$port" --commit
has err "accepted 3 + duplicates 3 + conflicts 0"
until_true rows BTCUSDT 3
run 0 k2 redecode binance-json BINANCE --source "udp://127.0.0.1:$port" --commit
has err "accepted 0 + duplicates 6 + conflicts 0"
kill -TERM "$up"
wait "$up"
same $? 0 "exit code of a stopped k2 up"
up=''
run 0 k2 reconcile
finish
