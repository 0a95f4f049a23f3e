#!/usr/bin/env bash
# What was damaged on disk is found by verify, and what is missing by reconcile: exit 3.
. "$(dirname "$0")/../support/e2e.sh"

flip() { # flip FILE OFFSET: changes one byte
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

run 0 k2 simulate --seconds 5 --seed 3
run 0 k2 sink --once
run 0 k2 verify
run 0 k2 reconcile
cp -r k2-data whole

file=$(k2 table files trades --format csv | sed -n 2p | cut -d , -f 4)
flip "$file" 200
run 3 k2 verify
has out "trades"
has err "finding"
rm -rf k2-data && cp -r whole k2-data

run 0 k2 doctor
rm "$file"
run 3 k2 verify
has out "$file"
run 3 k2 doctor
has out "data files are missing or of another size, the first: $file"
has err "k2 doctor: 1 finding"
: >"$file"
run 3 k2 doctor
has out "the first: $file"
rm -rf k2-data && cp -r whole k2-data

segment=$(find k2-data/journal -type f -size +10k | sort | head -n 1)
flip "$segment" 5000
run 3 k2 verify
has out "journal"
rm -rf k2-data && cp -r whole k2-data

# One data file in the place of another: every reference and checksum fits, but the rows do not.
run 0 k2 simulate --seconds 5 --seed 4
run 0 k2 sink --once
run 0 k2 reconcile
k2 table files trades --format csv | tail -n +2 | cut -d , -f 4 >files
cp "$(sed -n 1p files)" "$(sed -n 2p files)"
run 3 k2 reconcile --out proof.json --format csv
has err "differ"
has out ",false"
[ -s proof.json ] || fail "no proof.json about a difference"
finish
