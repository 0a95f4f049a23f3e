#!/usr/bin/env bash
# Runs of k2 ingest that are killed in the middle, and then one that is not: the rows are those of one that never was.
# K2_SEED chooses other places. What is recorded is read by tools/killed_ingest.py alone, which takes longer.
# k2-test: timeout=300
. "$(dirname "$0")/../support/e2e.sh"

# shellcheck disable=SC2154 # made by e2e.sh
K2_SHARED_DATA='' TMPDIR=$scratch python3 "${K2_SOURCE:?}/tools/killed_ingest.py" --k2 "$K2_BIN" --kills 2 --rows 5000 \
    --seed "${K2_SEED:-20261121}" || fail "see above"
finish
