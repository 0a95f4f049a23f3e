#!/usr/bin/env bash
# K2 at work, in a few seconds and without a question: a simulated market, durable in the journal, is
# committed to Iceberg tables, asked by SQL, and proven to be complete. Everything is below build/demo,
# which is made afresh each time.
#
# usage: tools/demo.sh      (after make build; K2_BIN names another k2)
set -euo pipefail
cd "$(dirname "$0")/.."
K2_BIN=$(realpath "${K2_BIN:-build/release/bin/k2}")
[ -x "$K2_BIN" ] || { echo "demo: $K2_BIN is not there; run make build" >&2; exit 1; }

# Only what this script made is removed: a mark tells.
dir=build/demo
[ ! -e $dir ] || [ -e $dir/.k2-demo ] || { echo "demo: $dir is not a demo's; move it away" >&2; exit 1; }
rm -rf $dir
mkdir -p $dir
touch $dir/.k2-demo
export K2_DATA=$dir/k2-data

step() { printf '\n== %s\n' "$1"; }

# show WORDS...: the command as it could be typed again.
show() {
    local word line='$ k2'
    for word; do
        case $word in
        *[!a-zA-Z0-9_./=:-]*) line+=" \"$word\"" ;;
        *) line+=" $word" ;;
        esac
    done
    printf '%s\n\n' "$line"
}

run() {
    show "$@"
    "$K2_BIN" "$@"
}

step "1. A simulated market of 20 symbols, 100 seconds that end now, made durable in the journal"
run simulate --rate 2000 --seconds 100 --quotes

step "2. From the journal into Apache Iceberg tables, exactly once"
run sink --once

step "3. SQL: the last hour of AAPL, newest first (the first 10 of 1000 rows)"
sql="SELECT timestamp, symbol, price, volume
    FROM market_data.ticks
    WHERE symbol = 'AAPL'
      AND timestamp >= NOW() - INTERVAL '1 hour'
    ORDER BY timestamp DESC
    LIMIT 1000"
show query "$sql"
"$K2_BIN" query "$sql" >$dir/answer.txt
rows=$(grep -c ' AAPL ' $dir/answer.txt || true)
[ "$rows" -gt 10 ] || { echo "demo: $rows rows where 1000 were expected" >&2; exit 1; }
awk '/ AAPL / && ++n > 10 { next } { print }' $dir/answer.txt

step "4. Proof: the tables hold every row of the journal, once, equal in every column"
show reconcile
rc=0
"$K2_BIN" reconcile >$dir/reconcile.txt 2>$dir/verdict.txt || rc=$?
head -n 4 $dir/reconcile.txt
echo "... and $(($(wc -l <$dir/reconcile.txt) - 4)) lines more, one a table, symbol and session date"
echo
cat $dir/verdict.txt
[ $rc -eq 0 ] || exit $rc

step "Where to look next"
cat <<END
  export K2_DATA=$PWD/$K2_DATA PATH=${K2_BIN%/*}:\$PATH
  k2 query "SELECT symbol, count(*), k2_vwap(price, quantity) FROM trades GROUP BY ALL"
  k2 table snapshots trades
  k2 ingest --help               your own files
END
