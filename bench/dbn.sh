#!/usr/bin/env bash
# Decoding DBN (mbo) beside databento-dbn for Python: the same file, in turn, ROUNDS times; the ratio of the
# medians per CPU-second is printed.
#
# databento_dbn copies each record into an object; databento_dbn_values also reads its fields, as a row needs
# them. decode_dbn makes whole events: texts interned, session date and number told, what has no column in a map.
#
# usage: bench/dbn.sh        environment: RECORDS (default 2000000), ROUNDS (5), PYTHON (one with databento-dbn)
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BENCH_BIN:-$PWD/build/release/bench}
python=${PYTHON:-$PWD/.deps/venv/bin/python}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$python" -c 'import databento_dbn' 2>/dev/null || {
    echo "skipped: $python has no databento-dbn (tools/bootstrap.sh --with-tests)"
    exit 0
}
"$bin/decode_dbn" make "$tmp/mbo.dbn" "${RECORDS:-2000000}"
for ((i = 1; i <= ${ROUNDS:-5}; i++)); do
    "$bin/decode_dbn" decode "$tmp/mbo.dbn"
    "$python" bench/dbn.py "$tmp/mbo.dbn"
done | tee "$tmp/figures.jsonl"
"$python" - "$tmp/figures.jsonl" <<'END'
import json
import statistics
import sys

by = {}
for line in open(sys.argv[1]):
    f = json.loads(line)
    by.setdefault(f["stage"], []).append(f)
assert len({f["records"] for figures in by.values() for f in figures}) == 1, "both read the same records"
mid = {s: statistics.median(f["cpu_ns_per_record"] for f in figures) for s, figures in by.items()}
ours = mid.pop("decode_dbn")
for stage, peer in mid.items():
    print(f"decode_dbn {ours:.1f} ns/record, {stage} {peer:.1f} ns/record of CPU time: ratio {peer / ours:.2f} "
          f"(median of {len(by[stage])})")
END
