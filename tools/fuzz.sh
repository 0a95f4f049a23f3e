#!/usr/bin/env bash
# Runs every fuzz target for some seconds, as many at a time as there are
# cores. New inputs gather in build/fuzz/corpus/<name>, a crash leaves its
# input in build/fuzz/found/<name>; copy it to tests/fuzz/corpus/<name> to
# make a test of it.
#
# usage: tools/fuzz.sh [SECONDS [NAME ...]]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
tools/build.sh fuzz tests-fuzz

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for target in build/fuzz/fuzz/*_fuzz; do
        [ ! -x "$target" ] || names+=("$(basename "$target" _fuzz)")
    done
fi
[ ${#names[@]} -gt 0 ] || { echo "fuzz: no targets"; exit 0; }

fuzz_one() {
    local seconds=$1 name=$2 new=build/fuzz/corpus/$2 found=build/fuzz/found/$2
    local log=build/log/fuzz.$name.log seeds=()
    mkdir -p "$new" "$found"
    [ ! -d "tests/fuzz/corpus/$name" ] || seeds=("tests/fuzz/corpus/$name")
    if "build/fuzz/fuzz/${name}_fuzz" -max_total_time="$seconds" -timeout=10 \
        -artifact_prefix="$found/" -print_final_stats=1 "$new" "${seeds[@]}" >"$log" 2>&1; then
        echo "fuzz: $name: ok, $(awk '/number_of_executed_units/{print $2}' "$log") runs"
    else
        tail -n 40 "$log"
        echo "fuzz: $name: FAILED, see $log and $found"
        return 1
    fi
}
export -f fuzz_one
printf '%s\0' "${names[@]}" |
    xargs -0 -P "$(nproc)" -I '{}' bash -c 'fuzz_one "$@" || exit 1' - "$seconds" '{}'
