#!/usr/bin/env bash
# Bad rows and bad files: nothing disappears, nothing stops the rest, and the exit code tells.
. "$(dirname "$0")/../support/e2e.sh"

row() { printf '03/10/2014,10:00:0%d.000,%s,%d,0,X,\n' "$1" "$2" "$3"; }
{ row 1 1.5 100; echo "rubbish"; row 2 1.6e9 100; row 3 1.7 100; } >1_ZZZ_20140310.csv

run 0 k2 ingest 1_ZZZ_20140310.csv
has out "read 4 = accepted 2 + duplicates 0 + conflicts 0 + quarantined 2 + filtered 0"
has out "gaps 0"
run 0 k2 quarantine list --format csv
same "$(wc -l <out)" 3
has out "MALFORMED"
id=$(sed -n 2p out | cut -d , -f 1)
run 0 k2 quarantine show "$id" --raw
same "$(cat out)" rubbish "the bytes as they came"
run 0 k2 quarantine show "$id"
has out '"raw":"rubbish"'
run 1 k2 quarantine show ASX/0/999
run 2 k2 quarantine show what

# Again: nothing new, neither rows nor refusals. --strict makes them count.
run 3 k2 ingest --strict 1_ZZZ_20140310.csv
has out "accepted 0 + duplicates 2"
run 0 k2 quarantine list --format csv
same "$(wc -l <out)" 3

# Another row under a number that is used: a conflict, kept, exit 3 without --strict.
cp 1_ZZZ_20140310.csv first.csv
{ row 1 1.5 100; echo "rubbish"; row 2 1.6e9 100; row 3 1.8 100; } >1_ZZZ_20140310.csv
run 3 k2 ingest 1_ZZZ_20140310.csv
has out "conflicts 1"
has err "identity conflicts: 1 event, kept in quarantine as 1 record (k2 quarantine list)"
has err "--continue counts on"
run 0 k2 quarantine list --reason CONFLICT --format csv
same "$(wc -l <out)" 2
has out "ZZZ"
run 0 k2 quarantine list --reason conflict --format CSV
same "$(wc -l <out)" 2 "in small letters too"
run 2 k2 quarantine list --reason conflikt
has err "did you mean CONFLICT?"
k2 quarantine list --format csv >before
run 0 k2 sink --once
run 0 k2 quarantine list --format csv
same "$(sort out)" "$(sort before)" "the same records from the table"
run 0 k2 quarantine show "$id" --raw
same "$(cat out)" rubbish "from the table too"
same "$(value "SELECT price FROM trades ORDER BY exchange_sequence_number DESC LIMIT 1")" 1.700000000
same "$(value "SELECT count(*) FROM quarantine")" 3
run 0 k2 reconcile

# A file that is missing or cut does not stop the others, but the exit code is 1.
row 1 2.5 100 >2_YYY_20140310.csv
for i in 1 2 3 4 5 6 7 8 9; do row "$i" "3.$RANDOM" 100; done >3_VVV_20140310.csv
gzip -k 3_VVV_20140310.csv
head -c 80 3_VVV_20140310.csv.gz >4_WWW_20140310.csv.gz
run 1 k2 ingest missing_file.csv 4_WWW_20140310.csv.gz 2_YYY_20140310.csv 3_VVV_20140310.csv.gz
has err "there is no file missing_file.csv"
has err "4_WWW_20140310.csv.gz"
has err "2 of 4 sources"
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM trades WHERE symbol = 'YYY'")" 1 "the file after the bad ones"
same "$(value "SELECT count(*) FROM trades WHERE symbol = 'VVV'")" 9
run 1 k2 ingest missing_file.csv
run 1 k2 ingest README.unknown

# Symbols: a filter counts what it leaves out; directories take what they know.
mkdir -p dir/below
row 1 1 1 >dir/5_AAA_20140310.csv
row 1 1 1 >dir/below/6_BBB_20140310.csv
echo "no feed" >dir/notes.txt
run 0 k2 ingest --data d --symbols 'A*' dir
has out "read 2 = accepted 1 + duplicates 0 + conflicts 0 + quarantined 0 + filtered 1"
has err "1 file passed over"
printf '# wanted\nASX.BBB\n' >list
run 0 k2 ingest --data d --symbols @list asx-csv dir
has out "accepted 1 + duplicates 0"
run 0 k2 ingest --data d asx-csv --symbol CCC - <dir/5_AAA_20140310.csv
has out "accepted 1"
run 1 k2 ingest --data d --symbols @nolist dir

# --continue: another piece of the same day goes on counting.
row 5 9 9 >piece.csv
run 0 k2 ingest --data d asx-csv --symbol AAA --continue piece.csv
has out "accepted 1"
run 0 k2 --data d sink --once
same "$(k2 --data d query --format csv "SELECT max(exchange_sequence_number) FROM trades WHERE symbol = 'AAA'" | tail -n 1)" 2
finish
