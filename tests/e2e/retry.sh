#!/usr/bin/env bash
# k2 quarantine retry: with a mended mapping what was refused is stored with the number it had used up, once; what
# is refused still says so.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

cat >wrong.mapping <<'END'
kind = trade
exchange = "BITMEX"
symbol = symbol
calendar = utc
time = timestamp us
price = price
quantity = amount
END
sed 's/^price = price/price = price\nnull = none/' wrong.mapping >right.mapping
{
    echo symbol,timestamp,price,amount
    echo XBTUSD,1583020803145000,8531.5,10
    echo XBTUSD,1583020803146000,none,11
    echo XBTUSD,1583020803147000,8532.5,12
    echo XBTUSD,1583020803148000,eight,13
} >rows.csv
rows() { value "SELECT string_agg(exchange_sequence_number || ':' || quantity::INT, ' ' ORDER BY exchange_sequence_number) FROM trades"; }
quarantined() { k2 quarantine list --format csv | sed 1d | wc -l; }

run 0 k2 ingest --mapping wrong.mapping rows.csv
has out 'accepted 2 '
same "$(quarantined)" 2 "both bad rows"
run 2 k2 quarantine retry
run 1 k2 quarantine retry BITMEX/0/999

# --- without the mapping's mending nothing changes, and it is said ---

run 0 k2 quarantine retry --all --mapping wrong.mapping --format csv
has err '0 accepted, 0 were there already, 2 refused still'
has out 'refused'
same "$(quarantined)" 2 "nothing is added"

# --- mended: one row is an event, with its number; the other is refused still ---

run 0 k2 quarantine retry --reason MALFORMED --mapping right.mapping --format csv
has err '1 accepted, 0 were there already, 1 refused still'
run 0 k2 sink --once
same "$(rows)" '1:10 2:11 3:12'
same "$(quarantined)" 2 "the records stay"
run 0 k2 quarantine list --format csv
has out ',true'
has out ',false'
same "$(value "SELECT count(*) FROM quarantine WHERE reason = 'RETRIED'")" 1 "and one says what became of it"
run 0 k2 reconcile

# --- again: nothing is there twice ---

run 0 k2 quarantine retry --all --mapping right.mapping
has err '0 accepted, 1 were there already, 1 refused still'
run 0 k2 ingest --mapping right.mapping rows.csv
has out 'accepted 0 + duplicates 3 + conflicts 0 + quarantined 1'
run 0 k2 sink --once
same "$(rows)" '1:10 2:11 3:12'
same "$(value "SELECT count(*) FROM quarantine WHERE reason = 'RETRIED'")" 1
same "$(lines=$(k2 gaps --format csv | sed 1d | wc -l); echo "$lines")" 0 "no gaps"

# --- another calendar: the session date is that of today's, with the venue's number; a counted one is not known there ---

sed -e 's/^calendar.*//' -e 's/"BITMEX"/"ASX"/' -e 's/^price = price/price = price\nsequence = n/' wrong.mapping >numbered.mapping
sed 's/^price = price/price = price\nnull = none/' numbered.mapping >mended.mapping
grep -v '^sequence' mended.mapping >counted.mapping
{
    echo symbol,timestamp,price,amount,n
    echo BHP,1583179200000000,8531.5,10,1 # 20:00 UTC: in Sydney it is the next day
    echo BHP,1583179201000000,none,11,2
} >late.csv
run 0 k2 ingest --mapping numbered.mapping late.csv --calendar utc --data late
run 0 k2 quarantine retry --all --mapping counted.mapping --data late --format csv
has err '0 accepted, 0 were there already, 1 refused still'
has out 'it is of session date 2020-03-03 now'
run 0 k2 quarantine retry --all --mapping mended.mapping --data late --format csv
has err '1 accepted'
run 0 k2 trace ASX/2020-03-03/BHP/trade/0/2/0 --data late
run 1 k2 trace ASX/2020-03-02/BHP/trade/0/2/0 --data late
run 0 k2 ingest --mapping mended.mapping late.csv --data late
has out 'accepted 1 + duplicates 1 + conflicts 0'

# --- the same while k2 up holds the journal ---

run 0 k2 ingest --mapping wrong.mapping rows.csv --data other
k2 up --data other >up.out 2>up.log &
up=$!
for _ in $(seq 100); do
    k2 status --data other >/dev/null 2>&1
    grep -q http up.out && break
    sleep 0.1
done
run 0 k2 quarantine retry --all --mapping right.mapping --data other --format csv
has err '1 accepted, 0 were there already, 1 refused still'
kill "$up"
wait "$up"
same "$(k2 query --data other --format csv 'SELECT count(*) FROM trades' 2>/dev/null | sed 1d)" 3 "through k2 up"
finish
