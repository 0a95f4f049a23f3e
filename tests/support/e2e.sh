# shellcheck shell=bash
# What the scripts in tests/e2e share; sourced, not run. $K2_BIN is the program under test. Each script
# works in a scratch directory of its own, where the data directory is ./k2-data.
set -uo pipefail
K2_BIN=${K2_BIN:?set K2_BIN to the program to test}
[ -x "$K2_BIN" ] || { echo "there is no program $K2_BIN" >&2; exit 1; }
PATH=$(dirname "$K2_BIN"):$PATH
export PATH
unset K2_DATA
# Tests run side by side: each k2 up takes a free port.
export K2_HTTP_LISTEN=127.0.0.1:0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/k2e2e.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

fail() { # fail WORDS...
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# run CODE COMMAND...: stdout goes to ./out, stderr to ./err; the exit code must be CODE.
run() {
    local want=$1 got
    shift
    "$@" >out 2>err
    got=$?
    [ "$got" -eq "$want" ] || {
        fail "exit $got instead of $want: $*"
        head -n 5 out err >&2
    }
}

# until_true COMMAND...: waits until it succeeds, two minutes at most. What comes next builds on it, so the script ends.
until_true() {
    local log
    for _ in $(seq 1200); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    fail "never: $*"
    for log in ./*.log ./*.out ./*.err; do
        [ ! -e "$log" ] || { echo "== $log"; tail -n 20 "$log"; } >&2
    done
    exit 1
}

# has FILE TEXT: the text is in the file, as it stands.
has() {
    grep -qF -- "$2" "$1" || {
        fail "no '$2' in $1:"
        head -n 20 "$1" >&2
    }
}

same() { [ "$1" = "$2" ] || fail "'$1' instead of '$2'${3:+: $3}"; }

# The one value that a query gives.
value() { k2 query --quiet --format csv "$1" | tail -n 1; }

finish() {
    [ "$failures" -eq 0 ] || { echo "$failures failed" >&2; exit 1; }
    echo "all as it should be"
    exit 0
}
