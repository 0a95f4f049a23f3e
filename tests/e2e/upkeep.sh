#!/usr/bin/env bash
# What killed sinks leave is told by verify and removed by maintain; nothing that a table names ever is.
. "$(dirname "$0")/../support/e2e.sh"

run 0 k2 simulate --symbols 20 --rate 20K --seconds 5 --seed 3 --quotes
for wait in 0.02 0.05 0.08 0.12; do
    k2 sink --once >/dev/null 2>&1 &
    sleep $wait
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
done
run 0 k2 sink --once
trades=k2-data/warehouse/market_data/trades
file=$(k2 table files trades --format csv | sed -n 2p | cut -d , -f 4)
cp "$file" "$(dirname "$file")/left.parquet"
echo half a manifest >"$trades/metadata/left-m0.avro"
run 0 k2 verify
has out "files that no table names"

# Young files stay: a writer may be about to name them.
run 0 k2 maintain --yes
[ -e "$trades/metadata/left-m0.avro" ] || fail "a young file was removed"

# All files are old now, those that are named too.
find k2-data/warehouse -type f -exec touch -d '3 days ago' {} +
run 0 k2 table remove-orphans --dry-run --format csv
has out "left.parquet"
has out "left-m0.avro"
found=$(tail -n +2 out | wc -l)
run 2 k2 table remove-orphans
has err "--yes"
run 0 k2 maintain --dry-run
has out "$found files that no table names"
[ -e "$trades/metadata/left-m0.avro" ] || fail "--dry-run removed a file"
run 0 k2 table remove-orphans --older-than 4d --yes
[ -e "$trades/metadata/left-m0.avro" ] || fail "--older-than was not heeded"
run 0 k2 maintain --yes
has out "removed"
[ ! -e "$trades/metadata/left-m0.avro" ] || fail "an old file that nothing names is there still"
run 0 k2 verify
grep -q "no table names" out && fail "verify still tells of files that no table names"
run 0 k2 reconcile

# While something is missing nothing is removed.
echo half a manifest >"$trades/metadata/left-m0.avro"
touch -d '3 days ago' "$trades/metadata/left-m0.avro"
mv "$file" elsewhere
run 3 k2 table remove-orphans --yes
has err "$file"
[ -e "$trades/metadata/left-m0.avro" ] || fail "a file was removed from a damaged table"
mv elsewhere "$file"
run 0 k2 table remove-orphans trades --yes --format json
has out "left-m0.avro"

# Snapshots of the last hour stay.
run 0 k2 table expire --yes --format csv
has out "trades,"
run 1 k2 table expire trads --yes
has err "did you mean trades?"
run 0 k2 reconcile
finish
