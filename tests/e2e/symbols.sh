#!/usr/bin/env bash
# Reference tables become definitions; k2 symbol tells what a symbol meant on a date; k2 check counts what is odd.
. "$(dirname "$0")/../support/e2e.sh"

mkdir -p equity/usa/map_files
printf '19980102,nb,N\n19980930,nb,N\n20501231,bac,N\n' >equity/usa/map_files/bac.csv
{
    echo "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size"
    echo "# a comment"
    echo "usa,AAPL,equity,Apple,USD,1,0.01,1"
    echo "cme,ES,future,E-mini S&P 500,USD,50,0.25,1"
} >symbol-properties-database.csv
cat >master.jsonl <<'E2'
{"ts_record":"2024-08-07T23:00:00Z","ts_effective":"2024-08-15T00:00:00Z","listing_id":"L-1","operating_mic":"XNAS","local_code":"AAPL","issuer_name":"Apple Inc","security_type":"EQS","isin":"US0378331005","trading_currency":"USD","lot_size":100,"delisting_date":null}
E2

# Told by their first lines, recognised when they come again.
run 0 k2 ingest symbol-properties-database.csv master.jsonl equity
has out "read 6 = accepted 6 + duplicates 0 + conflicts 0 + quarantined 0 + filtered 0"
run 0 k2 ingest symbol-properties-database.csv master.jsonl equity
has out "accepted 0 + duplicates 6"
sed -i 's/0.25/0.5/' symbol-properties-database.csv # another tick "always" is a contradiction ...
run 3 k2 ingest symbol-properties-database.csv
has out "accepted 0 + duplicates 1 + conflicts 1"
run 0 k2 ingest --date 2025-01-02 symbol-properties-database.csv # ... from a date on it is a change
has out "accepted 2"
run 0 k2 sink --once

# By which calendars and time zones dates were made is with each file's record, and in k2 version.
k2 topic tail k2.sources --from start --count 1 >record
k2 version >versions
calendars=$(sed -n 's/^calendars \([0-9a-f]\{16\}\), time zones .*/\1/p' versions)
[ -n "$calendars" ] || fail "k2 version says no calendars: $(cat versions)"
grep -q "\"calendars\":\"$calendars\"" record || fail "another version of calendars: $(cat record)"
mkdir zones && printf '# version 2099z\n' >zones/tzdata.zi
same "$(TZDIR=zones k2 version | tail -n 1)" "calendars $calendars, time zones 2099z"
same "$(TZDIR=nowhere k2 version | tail -n 1)" "calendars $calendars, time zones unknown"

# A symbol on a date.
run 0 k2 symbol ES --format csv
has out "CME,ES,ES,2025-01-02,,FUTURE,USD,0.500000000,"
run 0 k2 symbol CME.ES --date 2024-12-31 --format csv
has out "CME,ES,ES,1970-01-01,2025-01-02,FUTURE,USD,0.250000000,"
run 0 k2 symbol NB --date 1998-05-01 --format csv
has out "US-EQUITY,NB,BAC,1998-01-02,1998-10-01"
run 0 k2 symbol NB --format csv
same "$(wc -l <out)" 1
has err "has no definition that holds on that date"
run 0 k2 symbol history NB --format csv
has out "US-EQUITY,BAC,BAC,1998-10-01,"
run 0 k2 symbol NASDAQ.AAPL --format csv # another code of XNAS
has out "XNAS,AAPL,L-1,2024-08-15,,EQS,USD,,100.0000000000,,,US0378331005"
run 0 k2 symbol list --symbols 'CME.*,B*' --format csv
same "$(tail -n +2 out | cut -d, -f1,2 | tr '\n' ' ')" "CME,ES US-EQUITY,BAC " "symbols today"
run 0 k2 symbol list --all --symbols ES --format csv
same "$(wc -l <out)" 3

# What is of several exchanges is asked back; what is of none, with the nearest.
run 2 k2 symbol AAPL
has err "AAPL is a symbol of several exchanges; say which: US-EQUITY.AAPL, XNAS.AAPL"
run 1 k2 symbol AAPLE
has err "no table knows the symbol AAPLE; near it: US-EQUITY.AAPL, XNAS.AAPL"
run 2 k2 symbol ES --date yesteryear
has err "--date takes a session date"

# Odd rows.
run 0 k2 check
has err "no trade or quote that was asked for, so none was checked"
cat >odd.mapping <<'E2'
kind = quote
exchange = "ASX"
symbol = s
time = t iso
bid_price = b
ask_price = a
E2
printf 's,t,b,a\nBHP,2014-03-10T00:00:00Z,5,4\nBHP,2014-03-10T00:00:02Z,4,4\nBHP,2014-03-10T00:00:01Z,3,4\n' >odd.csv
run 0 k2 ingest odd.mapping odd.csv
run 0 k2 sink --once
run 0 k2 check --format csv
same "$(tail -n +2 out | cut -d, -f1-6 | tr '\n' ' ')" \
    "ASX,BHP,quote,BACKWARDS,1,3 ASX,BHP,quote,CROSSED,1,3 ASX,BHP,quote,LOCKED,1,3 " "checks"
run 3 k2 check --strict --date 2014-03-10
run 0 k2 check --strict --date 2014-03-11
has err "so none was checked"
printf 's,t,b,a\nCBA,2014-03-11T00:00:03Z,3,4\n' >clean.csv
run 0 k2 ingest odd.mapping clean.csv
run 0 k2 sink --once
run 0 k2 check --symbols CBA
has err "nothing is odd"
run 0 k2 check --symbols BHP,NOPE
run 0 k2 check --symbols NOPE
has err "so none was checked; k2 coverage lists what there is"

# An exchange that is not built in.
sed 's/"ASX"/"MYVENUE"/' odd.mapping >mine.mapping
run 0 k2 ingest mine.mapping odd.csv --calendar utc --symbols MYVENUE.BHP
has out "accepted 3"
run 0 k2 sink --once
run 0 k2 symbol MYVENUE.BHP
has err "MYVENUE.BHP has no definition"
run 1 k2 symbol MYVENUE.CBA
has err "no table knows the symbol MYVENUE.CBA"
run 0 k2 check --symbols MYVENUE.BHP --format csv
same "$(tail -n +2 out | cut -d, -f1 | sort -u)" MYVENUE
run 0 k2 query --format csv "SELECT count(*) FROM checked_quotes WHERE symbol = 'BHP' AND exchange = 'ASX'"
same "$(tail -n 1 out)" 3 "no row is dropped"

# One number space for several symbols: what is left out of it is no gap, also for a later run and in a later file; what
# nobody sent is one.
cat >all.mapping <<'END'
kind = trade
exchange = "MYVENUE"
symbol = s
channel = "all"
sequence = n
time = t ns
price = p
quantity = q
END
lines() { # lines FROM TO: numbers of three symbols by turns
    echo s,n,t,p,q
    awk -v a="$1" -v b="$2" 'BEGIN { split("BBB CCC AAA", s)
        for (n = a; n <= b; n++) printf "%s,%d,%.0f,1,1\n", s[(n - 1) % 3 + 1], n, 1723161256000 * 1000000 + n }'
}
lines 1 20 >part1.csv
lines 21 40 >part2.csv
lines 43 50 >part3.csv
ingest_all() { run 0 k2 ingest all.mapping "$1" --calendar utc --data shared --symbols MYVENUE.AAA; }
ingest_all part1.csv
has out "accepted 6 + duplicates 0 + conflicts 0 + quarantined 0 + filtered 14"
has out "gaps 0"
ingest_all part2.csv
has out "accepted 7 "
has out "gaps 0"
ingest_all part3.csv
has out "gaps 1 (2 numbers missing)"
has out "all/trade epoch 0: 41 to 42"
# A channel for each symbol: nothing of the others is kept.
grep -v '^channel' all.mapping >each.mapping
run 0 k2 ingest each.mapping part1.csv --calendar utc --data each --symbols MYVENUE.AAA
run 1 k2 topic tail k2.passed --from start --data each
finish
