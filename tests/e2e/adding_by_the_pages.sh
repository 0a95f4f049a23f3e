#!/usr/bin/env bash
# k2-test: timeout=600 serial
# The pages that tell how to add a feed, a verb and an endpoint are right: a k2 is built from this tree
# with the code that they print, and does what they say.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

src=${K2_SOURCE:?}
mkdir tree
cp -r "$src"/{src,cmake,include,tests,CMakeLists.txt,CMakePresets.json,VERSION} tree/
for page in adding-a-feed adding-a-verb adding-an-endpoint; do
    python3 "$src/tests/support/apply_page.py" "$src/docs/$page.md" tree || fail "$page.md"
done
"$src/tools/check_rooms.py" tree/src || fail "a page breaks the order of the rooms"
# Warnings are errors in the tree as on its own.
cmake -S tree -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DK2_TESTS=OFF \
    -DK2_DUCKDB_ROOT="$src/.deps/duckdb" -DK2_RDKAFKA_ROOT="$src/.deps/kafka" >log 2>&1 || { tail -n 20 log; fail "cmake"; }
ninja -C build k2 >log 2>&1 || { tail -n 30 log; fail "build"; }
new=$PWD/build/bin/k2
[ -x "$new" ] || finish

# The feed: good rows, and each way in which one can be bad.
{
    echo 'symbol,number,ns,price,quantity'
    echo 'AAPL,1,1772445600000000000,234.5,100'
    echo 'MSFT,1,1772445600000000001,410.25,7'
    echo 'AAPL,2,1772445600000000002,no price,1'
    echo 'AAPL,3,1772445600000000003,234.6'
    echo 'AAPL,4,1772445600000000004,234.6,1,2'
    echo ',5,1772445600000000005,234.6,1'
    echo 'AAPL,six,1772445600000000006,234.6,1'
    echo 'AAPL,7,soon,234.6,1'
    echo 'AAPL,8,1772445600000000008,0.0000000001,1'
    printf 'AAPL,9,1772445600000000009,234.7,2'
} >day.csv
run 0 "$new" feed detect day.csv
has out tape-csv
run 0 "$new" ingest day.csv
has out 'read 10 = accepted 3 + duplicates 0 + conflicts 0 + quarantined 7 + filtered 0'
has out 'gaps 1 (5 numbers missing)' # 3 to 7: 2 and 8 are used up
run 0 "$new" ingest day.csv
has out 'accepted 0 + duplicates 3'
run 0 "$new" ingest day.csv --symbols MSFT
has out 'quarantined 5 + filtered 4' # also two refused rows of AAPL
run 0 "$new" quarantine list --format csv
[ "$(grep -c RANGE out)" -eq 1 ] || fail "the reasons of the bad rows: $(cat out)"
run 0 "$new" sink --once
run 0 "$new" query "SELECT symbol, exchange_sequence_number, price FROM trades
    WHERE exchange = 'TAPE' AND trade_date = '2026-03-02' ORDER BY ALL" --format csv
same "$(tr -d '\r' <out | tail -n +2 | tr '\n' ' ')" \
    'AAPL,1,234.500000000 AAPL,9,234.700000000 MSFT,1,410.250000000 '
run 0 "$new" reconcile

# The verb.
run 0 "$new" days --format csv
same "$(tr -d '\r' <out | tr '\n' ' ')" 'trade_date,rows,files 2026-03-02,3,1 '
run 0 "$new" days trades --format json
run 0 "$new" days --help
has out 'k2 days trades --format json'
run 1 "$new" days nothing
run 2 "$new" days one two

# The endpoint.
ask() { # ask URL: prints the status and the body
    python3 - "$1" <<'END'
import sys, urllib.error, urllib.request
try:
    with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
        print(answer.status, answer.headers["Content-Type"], answer.read().decode())
except urllib.error.HTTPError as e:
    print(e.code)
END
}
mkfifo words
K2_HTTP_LISTEN=127.0.0.1:0 "$new" up >words 2>up.err &
up=$!
exec 3<words
url=
while [ -z "$url" ] && read -r -t 30 -u 3 line; do
    url=$(grep -oE 'http://[0-9.:]+' <<<"$line")
done
[ -n "$url" ] || fail "k2 up tells no address: $(cat up.err)"
ask "$url/version" >out
has out '200 application/json'
has out "\"version\":\"$(cat "$src/VERSION")\""
ask "$url/" >out
has out /version
ask "$url/versions" >out
has out 404
kill -TERM "$up"
wait "$up" || fail "k2 up ended with $?"
finish
