#!/usr/bin/env bash
# Fifty kills at all stages; nothing is lost and nothing doubled. K2_SEED chooses other ones.
# k2-test: timeout=300
. "$(dirname "$0")/../support/e2e.sh"

# shellcheck disable=SC2154 # made by e2e.sh
TMPDIR=$scratch python3 "${K2_SOURCE:?}/tools/crash_loop.py" --k2 "$K2_BIN" --kills 50 \
    --seed "${K2_SEED:-20261121}" || fail "see above"
finish
