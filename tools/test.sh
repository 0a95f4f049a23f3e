#!/usr/bin/env bash
# Builds and runs the tests. Tests of code run under sanitizers; those that
# use the program as a whole get the one that is shipped (release).
# The last line, "N passed, N failed, N skipped", counts the ctest tests.
#
# usage: tools/test.sh [asan|release|tsan|services|campaign ...]     (default: asan release tsan)
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- asan release tsan
jobs=$(nproc)
out=$PWD/build/results
rm -rf "$out"
mkdir -p "$out"

# The thread sanitizer of gcc 12 fails on kernels that randomise addresses by
# more bits than it knows; without randomisation it works on all of them.
steady=()
! setarch -R true 2>/dev/null || steady=(setarch -R)

reports=()
# The disk of the power-cut tests is a simulated one; what stands behind it had better be memory, if there is enough.
fast=${TMPDIR:-/tmp}
room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)
[ "${room:-0}" -lt 4000000 ] || [ ! -w /dev/shm ] || fast=/dev/shm

# run PRESET LABELS: a failed test does not stop the runs after it.
run() {
    local preset=$1 labels=$2
    local report=$out/$preset-${labels%%|*}.xml
    reports+=("$report")
    printf '\n== %s: %s\n' "$preset" "${labels//|/ }"
    local launch=()
    [ "$preset" != tsan ] || launch=("${steady[@]}")
    "${launch[@]}" ctest --test-dir "build/$preset" -L "^($labels)\$" -j "$jobs" \
        --output-on-failure --output-junit "$report" --no-tests=ignore ||
        true # tools/sum_tests.py reads what failed
}

for preset; do
    case $preset in
    asan) tools/build.sh asan -DK2_TESTS=ON tests-unit tests-prop tests-fuzz ;;
    release) tools/build.sh release -DK2_TESTS=ON k2_all tests-crash tests-judge ;;
    tsan) tools/build.sh tsan -DK2_TESTS=ON tests-thread ;;
    services | campaign) tools/build.sh release -DK2_TESTS=ON k2_all ;;
    *) echo "unknown kind of run: $preset" >&2; exit 2 ;;
    esac
done
for preset; do
    case $preset in
    asan) run asan 'unit|prop|fuzz-replay' ;;
    release)
        TMPDIR=$fast run release crash
        run release 'e2e|judge'
        ;;
    tsan) run tsan 'thread' ;;
    services) run release 'services' ;;
    campaign) run release 'campaign' ;;
    esac
done
echo
exec python3 tools/sum_tests.py "${reports[@]}"
