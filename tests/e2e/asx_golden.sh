#!/usr/bin/env bash
# Recorded ASX trades and quotes of BHP: the counts that their publisher's files are known to have.
. "$(dirname "$0")/../support/e2e.sh"

asx=${K2_SHARED_DATA:-}/asx-csv
[ -d "$asx" ] || { echo "skipped: there is no recorded data (K2_SHARED_DATA)"; exit 77; }

run 0 k2 ingest asx-csv "$asx"/trades/7078_BHP_*.csv.gz "$asx"/quotes/7078_BHP_*.csv.gz
has out "read 109083 = accepted 109083 + duplicates 0 + conflicts 0 + quarantined 0 + filtered 0"
run 0 k2 sink --once
run 0 k2 query --format csv "SELECT trade_date, count(*), count(DISTINCT exchange_sequence_number)
    FROM trades GROUP BY 1 ORDER BY 1"
same "$(tail -n +2 out | tr '\n' ' ')" \
    "2014-03-10,17000,17000 2014-03-11,21681,21681 2014-03-12,20283,20283 "
run 0 k2 query --format csv "SELECT count(*) FROM quotes GROUP BY trade_date ORDER BY trade_date"
same "$(tail -n +2 out | tr '\n' ' ')" "14312 17980 17827 "
# Equal rows are real trades: none of them was dropped.
same "$(value "SELECT count(*) - count(DISTINCT (exchange_timestamp, price, quantity,
    conditions::VARCHAR, venue, extra::VARCHAR)) FROM trades")" 2107
# Sydney was at UTC+11: the first trade of 2014-03-10, 07:57:14.754 there.
same "$(value "SELECT min(exchange_timestamp_ns) FROM trades")" 1394398634754000000

# Exact volume of the first day, against the file itself.
same "$(value "SELECT sum(quantity)::BIGINT FROM trades WHERE trade_date = '2014-03-10'")" \
    "$(gzip -dc "$asx/trades/7078_BHP_20140310.csv.gz" | awk -F , '{n += $4} END {printf "%d", n}')"

run 0 k2 reconcile --format csv
same "$(grep -c ',true$' out)" 6
run 0 k2 ingest asx-csv "$asx"/trades/7078_BHP_20140311.csv.gz
has out "accepted 0 + duplicates 21681"

# All files of the folder, formats told by themselves; what is no feed is passed over.
run 0 k2 ingest "$asx" --data all
has out "read 109935 = accepted 109935"
finish
