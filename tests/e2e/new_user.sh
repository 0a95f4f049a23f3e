#!/usr/bin/env bash
# What a new user types wrong, or from another program's habit, and the word that helps.
. "$(dirname "$0")/../support/e2e.sh"

run 0 k2 simulate -q --seconds 2 --start 2026-03-02T10:00:00Z
run 0 k2 sink --once

# Results in files: where they are and how many rows, for every format, however it is spelled.
for name in a.csv a.json a.ndjson a.md a.parquet b.CSV b.JSONL b.PARQUET; do
    run 0 k2 query "SELECT * FROM trades LIMIT 3" --out "$name"
    has err "3 rows in $name"
    [ -s "$name" ] || fail "no $name"
done
same "$(wc -l <b.JSONL)" 3
same "$(head -c 4 b.PARQUET)" PAR1
run 0 k2 table list --out tables.csv
has err "rows in tables.csv"
run 1 k2 query "SELECT 1" --out nodir/t.csv
has err "there is no directory nodir"
run 1 k2 query "SELECT 1" --out nodir/t.parquet
has err "there is no directory nodir"
run 1 k2 table list --out nodir/t.csv
has err "there is no directory nodir"
run 2 k2 table list --out t.xlsx
has err "does not end in .csv, .json, .ndjson or .md; add"
grep -q parquet err && fail "a list is not written as Parquet"
run 2 k2 query "SELECT 1" --out t.xlsx
has err "or .parquet"
run 2 k2 reconcile --out proof.pdf
has err "the proof is JSON; name it .json"
[ ! -e proof.pdf ] || fail "a proof.pdf that is JSON"
run 1 k2 reconcile --out nodir/proof.json
has err "there is no directory nodir"
run 0 k2 reconcile --out proof.json

# Codes that are none.
run 0 k2 coverage --exchange sim
has err "there is no exchange sim; did you mean SIM?"
run 0 k2 coverage --symbols aapl
has err "nothing is of aapl in these bounds"
run 0 k2 quarantine list --exchange QQQ
has err "there is no exchange QQQ"
run 1 k2 trace asx.BHP.1
has err "there is no exchange asx; did you mean ASX?"
for verb in check "gaps list"; do
    # shellcheck disable=SC2086  # two words are two
    run 0 k2 $verb --exchange sim
    has err "there is no exchange sim; did you mean SIM?"
    # shellcheck disable=SC2086  # likewise
    run 0 k2 $verb --exchange SIM
    if grep -q "no exchange" err; then fail "k2 $verb knows SIM"; fi
done
printf '03/10/2014,10:00:00.000,37.5,100,0,,\n' | tee 1_BHP.csv 2_CBA.csv >3_RIO.csv
run 1 k2 ingest --calendar MOON 1_BHP.csv 2_CBA.csv 3_RIO.csv
same "$(grep -c 'there is no calendar "MOON"' err)" 1 "it is said once"
has err "utc, ASX"

# Files that are not looked at, and files that are nothing of ours.
mkdir mixed
cp 1_BHP.csv mixed
echo "meeting at ten" >mixed/notes.txt
run 0 k2 ingest mixed
has err "1 file passed over: hidden or not of the format (notes.txt)"
mkdir -p mixed/below nothing
cp 1_BHP.csv mixed/below/4_WOW.csv
python3 -m zipfile -c mixed/both.zip 1_BHP.csv mixed/notes.txt
run 1 k2 feed detect mixed --format csv
has out "mixed/below/4_WOW.csv,asx-csv,"
has out "mixed/both.zip/1_BHP.csv,asx-csv,"
has out "mixed/both.zip/notes.txt,,"
has err "2 of 5 files are in no known format"
run 1 k2 feed detect nothing
has err "nothing holds no file"
rm -r mixed/both.zip mixed/below
run 1 k2 feed detect mixed 2_CBA.csv nowhere.csv
has out "mixed/1_BHP.csv"
has out "mixed/notes.txt"
has out "2_CBA.csv"
has out "nowhere.csv"
has err "1 of 4 files could not be read"
for i in 1 2 3; do echo "170000000$i,of,something,else"; done >some.csv
run 0 k2 ingest binance-json some.csv
has err "all 3 records were refused; k2 quarantine list shows why"
run 3 k2 ingest --strict binance-json some.csv
has err "files with no event 1"
run 0 k2 quarantine list --format csv
has out "in front of it"

# Topics.
run 0 k2 topic tail market.ticks.sim --from 99999999
has err "market.ticks.sim ends at offset"
run 0 k2 topic tail market.ticks.sim --from start --count 1
same "$(cat err)" ""

# Other words for the same.
said() { # said TEXT WORDS...
    local text=$1
    shift
    run 2 k2 "$@"
    has err "$text"
}
said "k2 halt resume ROLE" resume sink
said "k2 maintain removes" drop trades
said "k2 maintain removes" purge
said "k2 maintain removes" delete
said "k2 trace MESSAGE_ID" lineage
said "k2 coverage" symbols
said "speed = 1x" replay
said "kill -HUP" reload
said "k2 doctor --fix" repair
said "a lock ends with its process" unlock
said "--format table, csv, json" status --json
said "[feed.NAME] source = FILE" ingest --follow x
said "--data is empty" status --data ""
run 0 k2 --help
has out "3 the data is not as it should be"

# SQL of other tongues.
run 1 k2 query 'SELECT count(*) FROM trades WHERE symbol = "AAPL"'
has err "if a text is meant, it is in single quotes: 'AAPL'"
run 1 k2 query "SELECT count(*) FROM trades WHERE symbol = \$s"
has err "--param NAME=VALUE"
run 1 k2 query "SELECT count(*) FROM ticks WHERE timestamp IN '2026-03'"
has err "here: timestamp >= '2026-03-01'"
finish
