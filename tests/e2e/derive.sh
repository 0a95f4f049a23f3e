#!/usr/bin/env bash
# k2-test: timeout=300
# k2 derive: volume and profit with each record counted once: after busts and corrections, late rows and duplicates,
# kill -9 of the command and of k2 up, at the same time as another writer.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

cat >trades.mapping <<'END'
kind = trade
exchange = "BITMEX"
symbol = symbol
calendar = utc
time = time us
sequence = n
price = price
quantity = quantity
END
cat >busts.mapping <<'END'
kind = correction
exchange = "BITMEX"
symbol = symbol
calendar = utc
time = time us
sequence = n
action = action
original_price = old_price
original_quantity = old_quantity
price = price
quantity = quantity
END
{
    echo symbol,time,n,price,quantity
    echo X,1583020803145000,1,10.5,100
    echo X,1583020803146000,2,10,3
    echo Y,1583020803147000,1,2,5
} >trades.csv
{
    echo symbol,time,n,action,old_price,old_quantity,price,quantity
    echo X,1583020803148000,1,BUST,10,3,,
    echo Y,1583020803149000,1,CORRECT,2,5,2.5,4
    echo Y,1583020803149000,2,BUST,,,,
} >busts.csv
latest() { value "SELECT string_agg(symbol || ' ' || trade_count || ' ' || quantity::INT || ' ' || notional || ' ' ||
    busted_count || ' ' || unresolved_count, '; ' ORDER BY symbol) FROM
    (SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY exchange_sequence_number DESC) AS r FROM volumes) WHERE r = 1"; }

run 0 k2 ingest --mapping trades.mapping trades.csv
run 0 k2 derive volume
has out '3 records read, 2 totals written'
run 0 k2 sink --once
same "$(latest)" 'X 2 103 1080 0 0; Y 1 5 10 0 0'
run 0 k2 derive volume --verify
has out '2 totals are what the tables say'

# --- nothing is counted twice ---

run 0 k2 ingest --mapping trades.mapping trades.csv # duplicates
run 0 k2 derive volume --once
has out '0 records read, 0 totals written'
echo 'X,1583020803145500,3,1,1' >late.csv
sed -i '1i symbol,time,n,price,quantity' late.csv
run 0 k2 ingest --mapping trades.mapping late.csv
run 0 k2 ingest --mapping busts.mapping busts.csv
run 0 k2 derive volume
has out '4 records read, 2 totals written'
run 1 k2 derive volume --verify
has err 'k2 sink --once first'
run 0 k2 sink --once
same "$(latest)" 'X 2 101 1051 1 0; Y 1 4 10 2 1'
run 0 k2 derive volume --verify
run 0 k2 reconcile

# --- a second one, and words ---

mkfifo rows
k2 ingest --mapping trades.mapping - <rows >other.out 2>&1 &
other=$!
exec 7>rows
until_true test -e k2-data/run/journal.lock
until_true sh -c '! k2 derive volume'
run 1 k2 derive volume
has err 'is locked by'
exec 7>&-
wait "$other"
run 2 k2 derive volumes
has err 'did you mean volume'
run 2 k2 derive volume --once --verify
run 0 k2 derive pnl
has out '0 records read'

# --- through k2 up, which derives as a role too ---

K2_DERIVE_VOLUME=true k2 up >up.out 2>up.log &
up=$!
until_true grep -q http up.out
sed 's/,n,/,n,/; s/^X,\(.*\),3,1,1/X,\1,4,1,1/' late.csv >later.csv
run 0 k2 ingest --mapping trades.mapping later.csv
run 0 k2 derive volume
until_true sh -c 'k2 topic tail market.derived.volume.bitmex | grep -q 1052'
k2 status >status.txt
has status.txt 'derive'
kill "$up"
wait "$up" || fail "k2 up"
same "$(latest)" 'X 3 102 1052 1 0; Y 1 4 10 2 1'
run 0 k2 derive volume --verify

# --- kill -9 ---

run 0 python3 "$tree/tests/support/killed_derive.py" --k2 "$K2_BIN" --data killed --rows 2000 --kills 6
cat out
run 0 python3 "$tree/tests/support/killed_derive.py" --k2 "$K2_BIN" --data killed-up --rows 1500 --kills 3 --up
cat out

# A directory without a journal stays one.
run 1 k2 derive volume --data nowhere
has err 'holds no journal'
[ ! -e nowhere ] || fail "k2 derive made a journal"
finish
