#!/usr/bin/env bash
# k2 trace and k2 coverage: rows of files from the raw bytes to the table, what is ambiguous, what is
# unknown, what is not in the table yet, and what retention has removed from the journal.
. "$(dirname "$0")/../support/e2e.sh"

# Four session dates of BHP: Monday, Tuesday, Friday, and the Monday after; one of them compressed.
for date in 2014-03-10 2014-03-11 2014-03-14 2014-03-17; do
    k2 simulate --symbols 1 --rate 50 --seconds 4 --start ${date}T00:00:00Z --print asx-csv \
        >7078_BHP_${date//-/}.csv
done
gzip 7078_BHP_20140317.csv
run 0 k2 ingest 7078_BHP_20140310.csv 7078_BHP_20140311.csv 7078_BHP_20140314.csv 7078_BHP_20140317.csv.gz
run 0 k2 sink --once

# A row of the middle file: its source is that file, and its raw line gives the row.
id=ASX/2014-03-11/BHP/trade/0/7/0
run 0 k2 trace $id
has out "$id"
has out "7078_BHP_20140311.csv"
has out "the raw bytes decode to this row"
has out "$(sed -n 7p 7078_BHP_20140311.csv | tr -d '\r')"
has out "record and table row are equal in every column"
has out "market.ticks.asx"
has out "journal/00000000000000000000.seg"
has out "quarantined  none"
run 0 k2 trace ASX/2014-03-17/BHP/trade/0/200/0 # the last line, compressed
has out "7078_BHP_20140317.csv.gz"
has out "the raw bytes decode to this row"

# Every row's own line, by JSON.
for n in 1 2 100 199; do
    k2 trace --format json ASX/2014-03-10/BHP/trade/0/$n/0 >out 2>err || fail "row $n: $(cat err)"
    has out "\"raw\":\"$(sed -n ${n}p 7078_BHP_20140310.csv | tr -d '\r')\""
    has out "\"proof\":\"the raw bytes decode to this row\""
done

# Rows of standard input have a record and no file: the next one on the same channel is not said to be it, but that one's
# rows are its. The same through a running k2 up, and of a pipe with a name.
run 0 k2 ingest asx-csv - --symbol BHP --data piped <7078_BHP_20140310.csv
run 0 k2 ingest 7078_BHP_20140311.csv --data piped
run 0 k2 trace ASX/2014-03-10/BHP/trade/0/7/0 --data piped --format json
has out '"source":{"path":"-","format":"asx-csv"'
has out "\"sha256\":\"$(sha256sum 7078_BHP_20140310.csv | cut -c 1-64)\""
has out "\"bytes\":$(stat -c %s 7078_BHP_20140310.csv),"
has out "standard input, which is not kept"
has out "the bytes were not compared"
grep -q '"raw":' out && fail "bytes of another row are shown: $(cat out)"
gzip -c 7078_BHP_20140310.csv >piped.gz
mkfifo 7078_BHP_20140312.csv
cat 7078_BHP_20140311.csv >7078_BHP_20140312.csv &
run 0 k2 ingest asx-csv 7078_BHP_20140312.csv --data fifo
wait
k2 up --data there >there.out 2>&1 &
up=$!
until_true grep -q 'Ctrl-C ends it' there.out
run 0 k2 ingest asx-csv - --symbol BHP --data there <piped.gz
kill "$up"
wait "$up"
for where in "fifo 7078_BHP_20140311.csv" "there piped.gz"; do
    run 0 k2 topic tail k2.sources --from start --data "${where% *}"
    has out "\"sha256\":\"$(sha256sum "${where#* }" | cut -c 1-64)\""
    has out "\"bytes\":$(stat -c %s "${where#* }"),"
done
rm 7078_BHP_20140312.csv piped.gz
run 0 k2 trace $id --data piped
has out "the raw bytes decode to this row"

# A row of a file in a zip archive: it is that member, by its record; what was refused of it is known by its format.
mkdir zipped
sed '3s/,[0-9.]*,/,none,/' 7078_BHP_20140310.csv >zipped/7078_BHP_20140310.csv
python3 - <<'PY'
import zipfile
with zipfile.ZipFile("zipped.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.write("zipped/7078_BHP_20140310.csv")
    z.write("7078_BHP_20140311.csv")
PY
run 0 k2 ingest zipped.zip --data zip
same "$(k2 topic tail k2.sources --from start --data zip | grep -c "zipped.zip/")" 2 "a record of each member"
run 0 k2 topic tail k2.sources --from start --data zip
has out "\"sha256\":\"$(sha256sum 7078_BHP_20140311.csv | cut -c 1-64)\""
run 0 k2 trace $id --data zip
has out "zipped.zip/7078_BHP_20140311.csv"
has out "the raw bytes decode to this row"
run 0 k2 redecode zipped.zip --data zip
run 0 k2 quarantine retry --all --data zip --format csv
has out "MALFORMED: not a number"
python3 - <<'PY'
import zipfile
with zipfile.ZipFile("zipped.zip", "w") as z:
    z.write("zipped/7078_BHP_20140310.csv")
PY
run 0 k2 trace $id --data zip
has out "gone, or of another size"

# The file is not what it was: the source is still named, and nothing is claimed of its bytes.
echo "more" >>7078_BHP_20140311.csv
run 0 k2 trace $id
has out "gone, or of another size"
has out "the bytes were not compared"

# The short form names a row of each date: candidates, exit 2. Of one that is alone: that one.
run 2 k2 trace ASX.BHP.3
same "$(cat out)" "$(printf 'ASX/2014-03-%s/BHP/trade/0/3/0\n' 10 11 14 17)" "candidates"
has err "names 4 rows"
run 2 k2 trace ASX.BHP.3 --format json
has out '["ASX/2014-03-10/BHP/trade/0/3/0",'
run 1 k2 trace ASX.BHP.9999
has err "there is no row ASX.BHP.9999: looked into tables trades and quotes"
run 1 k2 trace ASX/2014-03-12/BHP/trade/0/3/0
has err "looked into table trades"
run 2 k2 trace BHP
has err "is no message id"
run 1 k2 trace ASX.BHP.1 --data nothing
has err "holds no data"

# A conflict is linked to the row that it names.
sed '5s/,[0-9.]*,/,99.5,/' 7078_BHP_20140310.csv >changed.csv
mkdir again && mv changed.csv again/7078_BHP_20140310.csv
run 3 k2 ingest again/7078_BHP_20140310.csv
for where in journal table; do
    run 0 k2 trace ASX/2014-03-10/BHP/trade/0/5/0
    has out "CONFLICT"
    linked=$(sed -n 's/.*id  *\(ASX\/[0-9]*\/[0-9]*\)$/\1/p' out)
    run 0 k2 quarantine show "$linked" --raw
    has out ",99.5,"
    [ $where = table ] || run 0 k2 sink --once
done

# What no table holds yet is found in the journal; simulated rows have no file.
run 0 k2 simulate --symbols 1 --rate 10 --seconds 1
run 0 k2 trace SIM.AAPL.4
has out "not in the table yet"
has out "no file is recorded"
run 0 k2 sink --once
run 0 k2 trace SIM.AAPL.4
has out "record and table row are equal"

# Sealed segments have digests; once retention has removed one, its rows still have their life.
K2_JOURNAL_SEGMENT_BYTES=4KB run 0 k2 simulate --symbols 1 --rate 100 --seconds 5 --seed 9
run 0 k2 sink --once
K2_JOURNAL_SEGMENT_BYTES=4KB run 0 k2 simulate --symbols 1 --rate 10 --seconds 1 --seed 10
run 0 k2 sink --once
run 0 k2 trace $id
has out "sealed     true"
has out "digest"
run 0 k2 maintain --older-than 0s --yes
grep -q "^0 segments" out && fail "nothing was removed: $(cat out)"
run 0 k2 trace $id
has out "removed by retention"
has out "digest"
has out "rows          200"
run 2 k2 trace ASX.BHP.1
has err "names 4 rows"

# Coverage: rows, sessions, and the weekdays without any.
run 0 k2 coverage --exchange ASX --format csv
has out "ASX,BHP,trade,2014-03-10T00:00:00."
has out ",800,0,0,4,2,2014-03-12 2014-03-13"
run 0 k2 coverage --symbols 'B*' --from 2014-03-11 --to 2014-03-12 --tz ASX --format csv
has out ",200,0,0,1,0,"
run 0 k2 coverage --symbols ASX.CBA --format csv
same "$(wc -l <out)" 1 "only the head"
run 0 k2 simulate --symbols 3 --rate 1000 --seconds 2 --gaps 0.02 --seed 77
run 0 k2 coverage --exchange SIM
has err "k2 sink --once"
run 0 k2 sink --once
run 0 k2 coverage --exchange SIM --symbols AAPL --format json
grep -q '"open_gaps":0' out && fail "the gaps of the channel are not told: $(cat out)"
run 1 k2 coverage --data nothing
has err "holds no tables"
finish
