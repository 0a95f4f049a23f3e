#!/usr/bin/env bash
# Every mapping of docs/mapping.md reads the rows shown beside it; and what is wrong with a mapping is told.
tree=$(cd "$(dirname "$0")/../.." && pwd)
. "$tree/tests/support/e2e.sh"

doc=$tree/docs/mapping.md
# Each block of a mapping has the rows that it reads in the block behind it: N.mapping and N.csv or N.jsonl.
awk '/^```/ { if (out) { close(out); out = "" } else { kind = substr($0, 4); n += kind == "mapping"
    if (kind == "mapping") print n > "names"
    if (kind == "mapping" || kind == "csv" || kind == "jsonl") out = n "." kind } ; next }
    out { print > out }' "$doc"
[ "$(wc -l <names)" -ge 9 ] || fail "docs/mapping.md has fewer mappings than it should"

while read -r name; do
    source=$name.csv
    [ -f "$source" ] || source=$name.jsonl
    rows=$(wc -l <"$source")
    [ "$source" = "$name.jsonl" ] || rows=$((rows - 1)) # its header
    run 0 k2 ingest "$name.mapping" "$source" --data "data$name"
    has out "quarantined 0 + filtered 0"
    has out "gaps 0"
    run 0 k2 sink --once --data "data$name"
    kind=$(awk '$1 == "kind" { print $3; exit }' "$name.mapping")
    table=${kind}s
    run 0 k2 query --data "data$name" --format csv "SELECT count(DISTINCT (trade_date, exchange_sequence_number)) FROM $table"
    same "$(tail -n 1 out)" "$rows"
done <names

# Told apart from what it is not: a repeat is a duplicate, also as an option.
run 0 k2 ingest --mapping 1.mapping 1.csv --data data1
has out "accepted 0 + duplicates 2"
run 0 k2 query --data data3 --format csv \
    "SELECT action, quantity, flags FROM book_events ORDER BY exchange_sequence_number"
same "$(tail -n +2 out | tr '\n' ' ')" "SET,18640.0000000000,3 DELETE,,1 "
run 0 k2 query --data data1 --format csv "SELECT extra['id'], price FROM trades ORDER BY 2"
same "$(tail -n +2 out | tr '\n' ' ')" "b46c84da,8531.000000000 ccc3c1fa,8531.500000000 "

sed 's/^price = /prise = /' 1.mapping >wrong.mapping
run 1 k2 ingest wrong.mapping 1.csv
has err "wrong.mapping line 9: there is no such key: prise; did you mean price?"
sed 's/^price = price/price = pryce/' 1.mapping >wrong.mapping
run 1 k2 ingest wrong.mapping 1.csv
has err "no column pryce"
run 1 k2 ingest mapped 1.csv
has err "--mapping"
run 1 k2 ingest missing.mapping 1.csv
has err "missing.mapping"

# Of a directory the files that have the mapping's columns, also packed and in a zip archive; the others are named.
mkdir -p many/below
cp 1.csv many/a.csv
sed 's/XBTUSD/ETHUSD/' 1.csv | gzip >many/below/b.csv.gz
printf 'x,y\n1,2\n' >many/other.csv
cp 1.mapping many/1.mapping
run 0 k2 ingest --mapping 1.mapping many --data many1
has out "accepted 4"
has err "2 files passed over: hidden or not of the format (1.mapping, other.csv)"
run 0 k2 ingest 1.mapping many --data many1
has out "accepted 0 + duplicates 4"
rm many/a.csv many/below/b.csv.gz
run 1 k2 ingest 1.mapping many --data many2
has err "many holds no file with the columns of the mapping"
mkdir lines && cp "$(ls ./*.jsonl | head -n 1)" lines/rows.jsonl && echo '{"other":1}' >lines/other.jsonl
name=$(basename "$(ls ./*.jsonl | head -n 1)" .jsonl)
run 0 k2 ingest "$name.mapping" lines --data many3
has out "quarantined 0 + filtered 0"
has err "1 file passed over: hidden or not of the format (other.jsonl)"

# Parquet is read as the CSV that it would be: exact, in its order, and the file is the source.
k2 --data data1 query "SELECT exchange_timestamp_ns AS ns, exchange_timestamp AS stamp, symbol, price, quantity, NULL::BIGINT
    AS nothing, [1, 2] AS pair FROM trades ORDER BY price" --out rows.parquet 2>/dev/null
printf 'kind = trade\nexchange = "SIM"\nsymbol = symbol\ntime = stamp iso\nprice = price\nquantity = quantity\n' >p.mapping
run 0 k2 --data parquet ingest p.mapping rows.parquet
has out "read 2 = accepted 2"
run 0 k2 --data parquet sink --once
run 0 k2 --data parquet query --format csv "SELECT exchange_timestamp_ns, exchange_sequence_number, price, extra['ns'], extra['nothing'], extra['pair'] FROM trades ORDER BY price"
same "$(sed -n 2p out)" '1583020803276000000,1,8531.000000000,1583020803276000000,,"[1, 2]"'
run 0 k2 --data parquet topic tail k2.sources --from start
has out "rows.parquet"
[ -z "$(ls parquet/run/tmp)" ] || fail "rows are left behind: $(ls parquet/run/tmp)"
run 0 k2 --data parquet ingest p.mapping rows.parquet
has out "duplicates 2"
run 0 k2 decode p.mapping rows.parquet
has out 8531
run 1 k2 --data parquet ingest p.mapping nosuch.parquet
echo no parquet >bad.parquet
run 1 k2 --data parquet ingest p.mapping bad.parquet
has err "bad.parquet"

# A feed of k2 up that a mapping reads: what it gains is read on, also behind a restart, and counted on.
up=
# shellcheck disable=SC2154  # scratch: e2e.sh
trap '[ -z "$up" ] || kill -KILL "$up" 2>/dev/null; rm -rf "$scratch"' EXIT
until_rows() { # until_rows N: the table holds so many, two minutes at most
    for _ in $(seq 1200); do
        got=$(k2 --data fed query --format csv "SELECT count(*) FROM trades" 2>/dev/null | tail -n 1)
        [ "$got" = "$1" ] && return 0
        sleep 0.1
    done
    fail "$got rows instead of $1"
}
export K2_HTTP_LISTEN=127.0.0.1:0 K2_SINK_INTERVAL=1s
mkdir grows && cp 1.csv grows/1.csv
export K2_FEED_T_SOURCE=grows/1.csv K2_FEED_T_MAPPING=1.mapping K2_FEED_T_POLL=100ms
k2 --data fed up >up.out 2>up.err &
up=$!
until_rows 2
kill -TERM "$up" && wait "$up"
echo "bitmex,XBTUSD,1583020803345000,1583020803407160,aaaaaaaa,buy,8532.5,7" >>grows/1.csv
k2 --data fed up >up.out 2>up.err &
up=$!
until_rows 3
kill -TERM "$up" && wait "$up"
up=
run 0 k2 --data fed query --format csv "SELECT exchange_sequence_number, extra['id'] FROM trades ORDER BY 1"
same "$(tail -n 1 out)" "3,aaaaaaaa" "the row that came between"
run 0 k2 --data fed quarantine list --format csv
same "$(wc -l <out)" 1 "nothing is refused"
mkdir folder && cp 1.mapping folder/
sed 's/XBTUSD/ETHUSD/' 1.csv >folder/2.csv
K2_FEED_T_SOURCE=folder k2 --data fed up >up.out 2>up.err &
up=$!
until_rows 5
kill -TERM "$up" && wait "$up"
up=
run 0 k2 --data fed quarantine list --format csv
same "$(wc -l <out)" 1 "what the mapping does not fit is passed over"
sed 's/^price = /prise = /' 1.mapping >wrong.mapping
run 1 env K2_FEED_T_MAPPING=wrong.mapping k2 config check
has err "did you mean price?"
K2_FEED_T_MAPPING=missing.mapping run 1 k2 config check
unset K2_FEED_T_SOURCE K2_FEED_T_MAPPING K2_FEED_T_POLL

finish
