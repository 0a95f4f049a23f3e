#!/usr/bin/env bash
# Runs the benches beside their peers and limits and prints the ratios: every measure is taken in turn with
# what it is compared to, ROUNDS times; medians are compared (bench/table.py).
#
# usage: bench/run.sh        environment: ROWS (default 4000000), ROUNDS (5), BENCH_TMP (a folder on a real disk)
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/release/bench
python=$PWD/.deps/venv/bin/python
rows=${ROWS:-4000000}
rounds=${ROUNDS:-5}
tmp=$(mktemp -d "${BENCH_TMP:-$PWD/build}/bench.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
out=$tmp/figures.jsonl

"$bin/pipeline" "$tmp" "$rows" --csv "$tmp/rows.csv"
for ((i = 1; i <= rounds; i++)); do
    printf 'round %d of %d\n' "$i" "$rounds" >&2
    "$bin/pipeline" "$tmp/data" "$rows" >>"$out"
    rm -rf "$tmp/data"
    for peer in duckdb pyiceberg; do
        "$python" bench/peers.py "$tmp/rows.csv" "$tmp/peer" "$peer" >>"$out"
        rm -rf "$tmp/peer"
    done
done
mkdir "$tmp/append"
for block in 65536 262144; do
    "$bin/append" "$tmp/append" "$block" 400 "$rounds" >>"$out"
done
python3 bench/table.py "$out"
mkdir "$tmp/follow"
"$bin/follow" "$tmp/follow" 4 2000 1000 2>/dev/null
"$bin/encryption" "$tmp/append" 256 "$rounds"
cp "$out" build/bench.jsonl
bench/decode.sh
