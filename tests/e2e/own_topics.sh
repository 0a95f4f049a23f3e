#!/usr/bin/env bash
# K2's own topics can be read: which files came in, and what the sequence engine remembers.
. "$(dirname "$0")/../support/e2e.sh"

printf '03/10/2014,10:00:01.000,1.5,100,0,X,\n' >1_ZZZ_20140310.csv
run 0 k2 ingest 1_ZZZ_20140310.csv
run 0 k2 simulate --rate 100 --seconds 2 --symbols 2 --gaps 0.05
run 0 k2 topic tail k2.sources
has out "/1_ZZZ_20140310.csv\",\"bytes\":37,"
has out '"format":"asx-csv","read":1,"accepted":1'
run 0 k2 topic tail k2.sequence --from -1
has out '"ends":[{"topic":"market.ticks.asx","partition":0,"end":'
has out '{"exchange":"ASX","trade_date":"2014-03-10","channel":"ZZZ","kind":"trade","epoch":0,"highest":1}'
has out '"gaps":[{"exchange":"SIM"'
for topic in $(k2 topic list --format csv | cut -d , -f 1 | grep '^k2\.'); do
    run 0 k2 topic tail "$topic" --from start
    grep -q unreadable out && fail "$topic has a record that its schema does not explain"
done
finish
