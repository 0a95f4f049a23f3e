#!/usr/bin/env bash
# k2-test: timeout=300
# What once lost, doubled or hid something: closed descriptors, links that lead back, a copied data directory,
# numbers of long ago, quarantine after retention.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

# A closed stderr must not be given to a segment file.
run 0 k2 simulate -q --seconds 2 --start 2026-03-02T10:00:00Z
k2 simulate --seconds 2 --start 2026-03-03T10:00:00Z <&- >&- 2>&-
run 0 k2 verify
rm -rf k2-data

# A directory that links to itself is read once.
mkdir -p loop/sub
printf '04/01/2014,10:00:00.000,1.5,100,,X,\n' >loop/1_LP.csv
ln -s . loop/self
ln -s .. loop/sub/up
run 0 timeout 20 k2 ingest loop
has out 'read 1 = accepted 1'
rm -rf k2-data

# --continue finds the end of a session date that the sequence state no longer holds.
for d in 01 02 03 04 05 08 09 10 11 12 15 16; do
    printf '04/%s/2014,10:00:00.000,1.5,100,,X,\n' $d
done >all.csv
run 0 k2 ingest asx-csv --symbol AAA all.csv
printf '04/01/2014,10:00:00.000,1.5,100,,X,\n' >next.csv
run 0 k2 ingest --continue asx-csv --symbol AAA next.csv
has out 'accepted 1 + duplicates 0'

# A copy is refused: its tables name the files of the original.
run 0 k2 sink --once
cp -r k2-data copy
run 1 k2 sink --once --data copy
has err 'copied or moved'
rm -rf copy

# An exchange code that could not be a topic is wrong usage, before anything is read.
run 2 k2 ingest asx-csv --symbol AAA --exchange a/b next.csv
has err 'A-Z 0-9'

# What was refused is kept once, also after its segment is gone.
rm -rf k2-data
export K2_JOURNAL_SEGMENT_BYTES=64KB
printf '{"e":"trade","s":"AAPL","t":7,"p":"not a price"\n' >bad.ndjson
run 0 k2 ingest binance-json bad.ndjson
run 0 k2 simulate -q --seconds 5 --rate 2000 --start 2026-03-02T10:00:00Z
run 0 k2 sink --once
run 0 k2 maintain --older-than 0s --yes
run 0 k2 ingest binance-json bad.ndjson
run 0 k2 sink --once
run 0 k2 query "SELECT count(*) AS n FROM quarantine" --format csv
same "$(tr '\n' ' ' <out)" "n 1 "
run 0 k2 simulate --seconds 5 --rate 2000 --start 2026-03-02T10:00:00Z
has out 'accepted 0 + duplicates 10000'
run 0 k2 reconcile
exit $((failures > 0))
