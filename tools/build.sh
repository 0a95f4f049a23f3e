#!/usr/bin/env bash
# Configures one preset of CMakePresets.json and builds targets of it. Says
# little unless something fails.
#
# usage: tools/build.sh PRESET [-DNAME=VALUE ...] TARGET...
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
options=()
while [[ ${1-} == -D* ]]; do
    options+=("$1")
    shift
done
mkdir -p build/log
log=build/log/$preset.configure.log
cmake --preset "$preset" "${options[@]}" >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
printf 'build: %s: %s\n' "$preset" "$*"
# Ninja's lines overwrite each other on a terminal; in a log only what it has
# to tell (the compiler's words) is wanted.
quiet=
[ -t 1 ] || quiet=--quiet
exec ninja -C "build/$preset" $quiet "$@"
