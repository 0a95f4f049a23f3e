#!/usr/bin/env bash
# k2 decode shows frames and events of files, captures, archives; k2 ingest takes the same sources.
. "$(dirname "$0")/../support/e2e.sh"

# A capture of MoldUDP64 packets with messages of ASX's ITCH: seconds, then two orders and their deletion;
# one packet that was cut, and one that is no IP.
python3 - <<'PY'
import gzip, lzma, struct, zipfile

def mold(sequence, *messages):
    out = b"1567326030" + struct.pack(">QH", sequence, len(messages))
    return out + b"".join(struct.pack(">H", len(m)) + m for m in messages)

def packet(payload):
    udp = struct.pack(">HHHH", 1000, 17510, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, 0x0a000001, 0xe9000001) + udp
    return bytes(12) + b"\x81\x00\x00\x64\x08\x00" + ip

def record(second, data, lost=0):
    return struct.pack("<IIII", second, 5, len(data) - lost, len(data)) + data[:len(data) - lost]

def order(nanoseconds, number, price):
    return b"A" + struct.pack(">IHIcQQIq", nanoseconds, 18143, 77030, b"B", number, 1, 42, price)

start = 1567494517
packets = [packet(mold(1, b"T" + struct.pack(">I", start))),
           packet(mold(2, order(7, 1001, 650), order(8, 1002, 651)))]
header = struct.pack("<IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1)
good = header + b"".join(record(start + i, p) for i, p in enumerate(packets))
bad = record(start + 2, packets[1], 5) + record(start + 3, bytes(12) + b"\x08\x06" + bytes(28))
open("good.pcap", "wb").write(good)
open("bad.pcap", "wb").write(good + bad)
gzip.open("packed.pcap.gz", "wb").write(good)
open("packed.pcap.xz", "wb").write(lzma.compress(good))
with zipfile.ZipFile("captures.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("day/one.pcap", good)
    z.writestr("day/two.txt", "nothing of ours")
PY
itch=asx-ntp-itch-1.05

# Frame by frame: each field with its place.
run 0 k2 decode $itch good.pcap
same "$(wc -l <out)" 2
python3 - out <<'PY' || fail "frames: $(cat out)"
import json, sys
one, two = [json.loads(line) for line in open(sys.argv[1])]
assert (one["frame"], two["frame"]) == (1, 2)
assert two["time_ns"] == "1567494518000000005" and two["time_epoch"] == "1567494518.000000005"
assert two["flow"] == "udp://233.0.0.1:17510", two["flow"]
assert isinstance(one["decoded"]["message"], dict), "a group that occurs once is an object"
first, second = two["decoded"]["message"]
orders = [[v for k, v in m.items() if k != "message_header"][0] for m in (first, second)]
assert [o["order_id"] for o in orders] == ["1001", "1002"], orders
assert two["offsets"]["packet_header"]["sequence_number"] == [10, 8]
raw = open("good.pcap", "rb").read()
at, size = two["offsets"]["message"][1]["add_order_message"]["order_id"]
assert int.from_bytes(raw[two["offset"] + at:two["offset"] + at + size], "big") == 1002
PY
has err "frames 2, rejects 0"
run 0 k2 decode $itch good.pcap --no-offsets --limit 1
if grep -q offsets out; then fail "--no-offsets: $(cat out)"; fi
same "$(wc -l <out)" 1
for name in AddOrderMessage AddOrder add_order ADDORDER_message; do
    run 0 k2 decode $itch good.pcap --where message=$name
    same "$(wc -l <out)" 1 "message=$name"
done
run 0 k2 decode $itch good.pcap --where message=AddOrdr
same "$(cat out)" ""
has err "no message AddOrdr; near it: add_order_message"
run 0 k2 decode $itch good.pcap --where message=Quote
has err "no message Quote; there are: packet_header, "
run 0 k2 decode $itch good.pcap --events --where message=Quote
has err "no message Quote"
printf '03/10/2014,10:00:00.000,37.5,100,0,,\n' >1_BHP_20140310.csv
run 2 k2 decode 1_BHP_20140310.csv --where message=AddOrder
has err "--where message= is about formats of frames, and 1_BHP_20140310.csv (asx-csv) is none"
# A directory is of the layout that was named, also where the newest built in would take its files.
mkdir -p captures && cp good.pcap captures/
if [ -n "${K2_SOURCE:-}" ]; then
    sed 's/^layout .*/layout my-asx-1.0/' "$K2_SOURCE/feeds/$itch.layout" >my-asx.layout
    run 0 k2 decode ./my-asx.layout captures
    has err "frames 2, rejects 0"
fi
run 1 k2 decode b3-umdf-1.5 captures
has err "captures holds no file that is of b3-umdf-1.5 by its first bytes; name the files"
run 0 k2 decode $itch good.pcap --format csv
has out "2,message[1].add_order_message.order_id,"
run 0 k2 decode $itch good.pcap --format json
same "$(python3 -c 'import json; print(len(json.load(open("out"))))')" 2

# What cannot be read is shown too, and counted.
run 0 k2 decode $itch bad.pcap
has out '"kind":"reject","position":3,'
has out "the packet was cut when it was captured"
has err "frames 2, rejects 1, filtered 1"
run 3 k2 decode --strict $itch bad.pcap

# As events.
run 0 k2 decode $itch good.pcap --where kind=book_event
same "$(wc -l <out)" 2
has out '"order_id":"1001"'
if grep -q null out; then fail "columns without a value: $(cat out)"; fi
run 0 k2 decode $itch good.pcap --where kind=book_event --where symbol=none
same "$(wc -l <out)" 0
run 2 k2 decode $itch good.pcap --where kind=book_evnt
has err "did you mean book_event"
run 2 k2 decode $itch good.pcap --where colour=red
run 2 k2 decode no-such-format good.pcap

# A source is the same however it is packed, and however it is fed.
run 0 k2 decode $itch good.pcap
mv out want
for source in packed.pcap.gz packed.pcap.xz captures.zip/day/one.pcap; do
    run 0 k2 decode $itch $source
    same "$(cat out)" "$(cat want)" "$source"
done
run 0 k2 decode $itch - <packed.pcap.xz
same "$(cat out)" "$(cat want)" "standard input"
run 0 k2 decode auto captures.zip
has err "1 file passed over"
run 1 k2 decode $itch captures.zip/day/three.pcap
has err "the archive has no such member"

# And ingest takes it through the same frames, from a plain file, in pieces, and from an archive.
run 0 k2 ingest $itch bad.pcap
has out "read 5 = accepted 3 + duplicates 0 + conflicts 0 + quarantined 1 + filtered 1"
run 0 k2 ingest $itch good.pcap
has out "duplicates 3"
run 0 k2 ingest $itch captures.zip
has out "duplicates 3"
run 0 k2 quarantine list --format csv
has out "bad.pcap"

# Lines, with rows that are refused.
printf '03/10/2014,10:00:00.000,37.51,5,,,\n03/10/2014,10:00:01.000,no price,5,,,\n' >1_BHP.csv
run 0 k2 decode 1_BHP.csv
same "$(wc -l <out)" 2
has out '{"kind":"trade","position":1,"offset":0,"exchange":"ASX","symbol":"BHP"'
has out '"price":"37.510000000"'
has out '{"kind":"reject","position":2,'
run 0 k2 decode 1_BHP.csv --where kind=reject
same "$(wc -l <out)" 1
run 0 k2 decode 1_BHP.csv --format csv --where kind=trade
has out "1,0,trade,quantity,5"

# A raw capture of a later version says so, also where no FORMAT is named.
printf 'K2RAW\r\n\011and what follows' >later.k2raw
run 1 k2 decode later.k2raw
has err "a raw capture of version 9; this K2 reads version 1"
finish
