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
finish
