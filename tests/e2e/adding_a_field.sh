#!/usr/bin/env bash
# k2-test: timeout=600 serial
# One line in trade.def is a new column everywhere: a k2 built from such a tree reads the journal and the
# table of the k2 before it, adds the column, and proves both equal; old rows have null there.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

src=${K2_SOURCE:?}
printf '03/10/2014,10:00:00.000,37.5,100,0,,\n' >1_BHP.csv
run 0 k2 ingest asx-csv 1_BHP.csv
run 0 k2 sink --once

# The tree with the field; feeds do not fill it yet, so one assignment is added where ASX trades are made.
mkdir tree
cp -r "$src"/{src,cmake,include,tests,CMakeLists.txt,CMakePresets.json,VERSION} tree/
echo 'K2_FIELD(99, rumour, STR, OPT, PAYLOAD, "what they say")' >>tree/src/codec/trade.def
line='t->venue = feed_intern(a->in, &a->venue_id, f[5]);'
grep -qF -- "$line" tree/src/feed/rows/asx_csv.c || fail "asx_csv.c sets the venue otherwise now: mend this test"
sed -i "s/\(t->venue = feed_intern(.*\)/{ \1 t->rumour = k2_intern(a->in, K2_SV(\"up\")); }/" tree/src/feed/rows/asx_csv.c
cmake -S tree -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DK2_TESTS=OFF \
    -DK2_DUCKDB_ROOT="$src/.deps/duckdb" -DK2_RDKAFKA_ROOT="$src/.deps/kafka" >log 2>&1 || { tail -n 20 log; fail "cmake"; }
ninja -C build k2 >log 2>&1 || { tail -n 30 log; fail "build"; }
new=$PWD/build/bin/k2

printf '03/10/2014,10:00:01.000,37.6,200,0,X,\n' >>1_BHP.csv
run 0 "$new" ingest asx-csv 1_BHP.csv
has out 'read 2 = accepted 1'
run 0 "$new" sink --once
run 0 "$new" query "SELECT exchange_sequence_number AS n, rumour FROM trades ORDER BY n" --format csv
same "$(tr -d '\r' <out | tr '\n' ' ')" "n,rumour 1, 2,up "
run 0 "$new" reconcile
run 0 "$new" verify
# And the k2 before it still reads what it knows.
run 0 k2 query "SELECT count(*) AS n FROM trades" --format csv
same "$(tr -d '\r' <out | tr '\n' ' ')" "n 2 "
exit $((failures > 0))
