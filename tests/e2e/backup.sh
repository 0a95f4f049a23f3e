#!/usr/bin/env bash
# k2-test: timeout=300
# Backups as they are typed: cuts, what they cost, restores to an instant, damage, wrong words; and data
# directories that were moved or copied.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

last_new() { tail -n 1 out | cut -d , -f 7; }
rows() { k2 query -q --data "$1" --format csv "SELECT count(*) FROM trades" | tail -n 1; }

# --- cuts ---
run 0 k2 simulate -q --seconds 3 --seed 1 --start 2026-03-02T10:00:00Z --quotes
run 0 k2 sink --once
run 0 k2 backup --dry-run B --format csv
[ ! -e B ] || fail "a dry run made B"
run 0 k2 backup B --format csv
[ "$(last_new)" -gt 100000 ] || fail "the first cut copied $(last_new) bytes"
first=$(tail -n 1 out | cut -d , -f 1)
run 0 k2 backup B --format csv
same "$(last_new)" 0 "bytes of a cut without anything new"
before=$(rows k2-data)
run 0 k2 simulate -q --seconds 1 --seed 2 --start 2026-03-03T10:00:00Z
run 0 k2 backup B # the journal is ahead of the tables
run 0 k2 sink --once
run 0 k2 backup B
run 0 k2 backup list B --format csv
same "$(wc -l <out)" 5 "lines of k2 backup list"
run 0 k2 backup verify B
has out 'right checksum'

# --- restores ---
run 0 k2 restore B --data latest
run 0 k2 verify --data latest
run 0 k2 reconcile --data latest
same "$(rows latest)" "$(rows k2-data)" "rows of the latest cut"
run 0 k2 restore B --cut "$first" --data older
run 0 k2 reconcile --data older
same "$(rows older)" "$before" "rows of the first cut"
third=$(k2 backup list B --format csv | sed -n 4p | cut -d , -f 2)
run 0 k2 restore B --cut "$third" --data ahead
same "$(rows ahead)" "$before"
run 0 k2 sink --once --data ahead # the tail of the journal came along
run 0 k2 reconcile --data ahead
same "$(rows ahead)" "$(rows k2-data)"
run 0 k2 simulate -q --seconds 1 --seed 3 --start 2026-03-04T10:00:00Z --data ahead # and it goes on
run 0 k2 sink --once --data ahead
run 0 k2 reconcile --data ahead
run 0 k2 doctor --data ahead

# The first cut goes on under the names that later cuts know: its own bytes are backed up.
cp -r B again
run 0 k2 simulate -q --seconds 3 --seed 4 --start 2026-03-05T10:00:00Z --quotes --data older
run 0 k2 backup again --data older
run 0 k2 restore again --data older-restored
run 0 k2 verify --data older-restored
cmp -s {older,older-restored}/journal/00000000000000000000.seg || fail "the segment was restored with other bytes"

# --- what is refused ---
run 1 k2 restore B --data latest
has err 'not empty'
run 1 k2 restore B --cut 2020-01-01 --data nothing
run 2 k2 restore B --cut 20201301 --data nothing
[ ! -e nothing ] || fail "a refused restore made the directory"
run 1 k2 backup k2-data/inside
run 1 k2 backup latest
has err 'no backup'
run 1 k2 backup list latest
run 2 k2 backup
run 2 k2 backup B C
run 1 k2 backup B --data nowhere
object=$(find B/objects -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2) # a segment's
printf x | dd of="$object" bs=1 seek=100 conv=notrunc status=none
run 3 k2 backup verify B
has out "$object"
cuts=$(k2 backup list B --format csv | tail -n +2 | cut -d , -f 1)
[ "$(wc -w <<<"$cuts")" -gt 1 ] || fail "there is only one cut"
concerned=0
for cut in $cuts; do
    run 3 k2 backup verify B
    if grep -qF "$cut" out; then
        concerned=$((concerned + 1))
        run 3 k2 restore B --cut "$cut" --data "broken-$cut"
    else
        run 0 k2 restore B --cut "$cut" --data "whole-$cut"
    fi
done
[ "$concerned" -gt 1 ] || fail "of all cuts only $concerned need the piece"
run 3 k2 backup verify B
has err "run k2 backup B again"
run 3 k2 restore B --data broken
run 1 k2 verify --data broken
has err 'restore again'
run 1 k2 simulate --seconds 1 --data broken

# --- moved and copied directories ---
cp -r k2-data copy
mv k2-data elsewhere
for command in "sink --once" reconcile "table list" "backup B2" verify; do
    # shellcheck disable=SC2086 # words
    run 1 k2 $command --data elsewhere
    has err 'k2 doctor --fix'
done
run 1 k2 query --data elsewhere "SELECT 1"
has err 'k2 doctor --fix'
find elsewhere -not -path '*/run*' -printf '%p %s %T@ %C@\n' | sort >was
run 3 k2 doctor --data elsewhere
has out 'moved directory'
run 3 k2 doctor --fix --dry-run --data elsewhere
has out 'would fix'
run 2 k2 doctor --fix --data elsewhere
find elsewhere -not -path '*/run*' -printf '%p %s %T@ %C@\n' | sort >is
cmp -s was is || fail "a command that must not write changed the moved directory"
run 0 k2 doctor --fix --yes --data elsewhere
has out 'fixed'
run 0 k2 verify --data elsewhere
run 0 k2 reconcile --data elsewhere
# The copy names files of the place where elsewhere was; now something else is there.
cp -r latest k2-data
run 1 k2 query "SELECT 1" --data copy
run 0 k2 doctor --fix --yes --data copy
run 0 k2 reconcile --data copy
run 0 k2 simulate -q --seconds 1 --seed 9 --start 2026-03-09T10:00:00Z --data copy
run 0 k2 sink --once --data copy
run 0 k2 reconcile --data copy
snapshot=$(k2 table snapshots trades --data copy --format csv | sed -n 2p | cut -d , -f 1)
same "$(k2 query -q --data copy --format csv --as-of "trades@$snapshot" "SELECT count(*) FROM trades" | tail -n 1)" \
    "$before" "rows of the first snapshot after the move"

# --- doctor ---
K2_JOURNAL_URLL=x run 3 k2 doctor --data copy
has out 'K2_JOURNAL_URLL'
printf '[journal]\nsegment_byte = 1MB\n' >bad.ini
run 3 k2 doctor --config bad.ini --data copy
has out 'segment_bytes'
K2_DUCKDB=/nowhere run 3 k2 doctor --data copy
has out 'SQL engine'
run 1 k2 doctor --data nowhere
printf 'k2 data directory, format 2\n' >copy/format
run 3 k2 doctor --data copy
has out 'newer'
run 1 k2 sink --once --data copy
run 1 k2 simulate --seconds 1 --data copy
finish
