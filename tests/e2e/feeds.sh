#!/usr/bin/env bash
# What a venue sends, as the simulator prints it, goes through the decoders as if the venue had sent it.
. "$(dirname "$0")/../support/e2e.sh"

number() { sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p" out; }

# Binance numbers each symbol for itself: many symbols in one file, no gap.
sim=(k2 simulate --print binance-json --symbols 20 --rate 1K --seconds 10 --start 2026-03-02T10:00:00Z)
"${sim[@]}" >whole.json
run 0 k2 ingest binance-json --format json - <whole.json
same "$(number read)" 10000
same "$(number accepted)" 10000
same "$(number gaps)" 0
# Lost messages: what is missing between the first and the last that came of each symbol, and no more.
"${sim[@]}" --gaps 1% --seed 2 >lost.json
want=$(python3 - lost.json <<'PY'
import json, sys
came = {}
for line in open(sys.argv[1]):
    trade = json.loads(line.split(" ", 1)[1])["data"]
    came.setdefault(trade["s"], []).append(trade["t"])
missing = [b - a - 1 for t in came.values() for a, b in zip(t, t[1:])]
print(sum(m > 0 for m in missing), sum(missing))
PY
)
run 0 k2 --data lost ingest binance-json --format json - <lost.json
same "$(number gaps) $(number missing)" "$want"
[ "$(number gaps)" -gt 50 ] || fail "few gaps were made"
# A later run lists the gaps that it found itself; those from before it only counts.
k2 simulate --print binance-json --symbols 5 --seconds 1 --start 2026-03-03T10:00:00Z >next_day.json
run 0 k2 --data lost ingest binance-json next_day.json
has out "gaps 0 "
if grep -q "  missing" out; then fail "gaps of another run are listed: $(cat out)"; fi
has out "gaps are open from before"

# A file of something else: all is filtered, and that is said; --strict makes it a failure of the data.
printf '{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n' >foreign.json
run 0 k2 ingest binance-json foreign.json
has err "foreign.json: nothing in it is an event of binance-json"
run 3 k2 ingest --strict binance-json foreign.json whole.json
has err "files with no event 1"
run 0 k2 ingest binance-json whole.json --symbols NOSUCH
has err "with a symbol of --symbols"
run 0 k2 ingest --strict binance-json whole.json
if grep -q "nothing in it" err; then fail "a file of duplicates is not foreign"; fi

# What the formats are, and what a file is taken for.
run 2 k2 feed show siac-opra-6.3
has err "did you mean siac-opra-6.2?"
run 0 k2 feed list --format csv
has out ',files
binance-json,'
has out ',"files, live"'
run 1 k2 feed detect nowhere.csv
has err "1 of 1 file could not be read"
for format in $(k2 feed list --format csv | tail -n +2 | cut -d , -f 1 | grep -v '^mapped$'); do
    k2 feed show "$format" --format markdown >shown
    grep -q "^| specification |" shown || fail "$format says no document and version"
    same "$(sort shown | uniq -d)" "" "$format says something twice"
    if grep -nv '^|.*|$' shown; then fail "$format: a row of k2 feed show has more than one line"; fi
done
for format in asx-csv binance-json; do
    run 0 k2 feed show $format
    has out "file name"
    has out "exchange_timestamp_ns"
    run 0 k2 feed show $format --format json
    python3 -m json.tool out >/dev/null || fail "feed show --format json is not JSON"
    sed -n 's/^line  *[a-z]* *//p' <(k2 feed show $format) | head -n 1 >1_BHP.csv
    run 0 k2 feed detect 1_BHP.csv --format csv
    has out "1_BHP.csv,$format,"
done
printf '%s\n' 'exchange,symbol,timestamp,local_timestamp,id,side,price,amount' \
    'bitmex,XBTUSD,1583020803145000,1583020803307160,a1,sell,8531.5,2' >ticks.csv
echo '[[1499040000000,"1","2","1","2","9",1499644799999,"9",3,"4","5","0"]]' >bars.json
run 0 k2 feed detect ticks.csv bars.json --format csv
has out "ticks.csv,tardis-csv,97,TARDIS,XBTUSD,2020-03-01,"
has out "bars.json,binance-json,60,"
cp 1_BHP.csv some.json
echo '03/10/2014,10:05:44.516,37.51,1200,3,X,' >2_CBA.csv
cp 2_CBA.csv nameless.csv
run 1 k2 feed detect 2_CBA.csv nameless.csv some.json foreign.json --format csv
has out "2_CBA.csv,asx-csv,95,ASX,CBA,2014-03-10,"
has out "nameless.csv,asx-csv,80,,,,"
has out "does not say the symbol"
has out "some.json,binance-json,95,BINANCE,BTCUSDT,2024-08-08,"
has out "foreign.json,,0,,,,its first lines are in none of the known formats"
run 1 k2 feed detect missing.csv
has err "there is no file missing.csv"

# An address that is none is no file; each format says which connections can bring it.
for word in tcpp://127.0.0.1:1 http://127.0.0.1/x moldudp64://127.0.0.1:1; do
    run 2 k2 ingest binance-json "$word" --exchange BINANCE
    has err "no source begins with ${word%%//*}//"
    has err "tcp://HOST:PORT, soupbintcp://HOST:PORT, udp://GROUP:PORT"
done
run 2 k2 ingest binance-json tcpp://127.0.0.1:1 --exchange BINANCE
has err "did you mean tcp://?"
run 2 k2 ingest binance-json 'pcap:some.json?sped=10x'
has err "what stands behind the file is ?speed=1x, 10x or max, not '?sped=10x'"
run 0 k2 feed show nasdaq-totalview-itch-5.0
has out "k2 ingest FORMAT tcp://, soupbintcp://, udp://, ws://, wss://"
run 0 k2 feed show binance-json
has out "k2 ingest FORMAT tcp://, udp://, ws://, wss://"
for verb in ingest capture; do
    run 0 k2 $verb --help
    has out "soupbintcp://"
done
for verb in ingest decode; do
    run 0 k2 $verb --help
    has out "ends in .mapping or .layout"
done
finish
