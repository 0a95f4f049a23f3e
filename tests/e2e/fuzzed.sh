#!/usr/bin/env bash
# Every format is reached by a fuzz target: those with a layout by one that takes any of them, all others by name.
. "$(dirname "$0")/../support/e2e.sh"

# shellcheck disable=SC2154 # made by e2e.sh
tree=${K2_SOURCE:?}
grep -q 'layout_at(.* % layout_count())' "$tree/tests/fuzz/feed_layout_fuzz.c" ||
    fail "feed_layout_fuzz.c does not take any layout"
run 0 k2 feed list --quiet --format csv
tail -n +2 out | cut -d, -f1 >formats
[ "$(wc -l <formats)" -gt 40 ] || fail "k2 feed list tells of few formats"
while read -r format; do
    [ ! -f "$tree/feeds/$format.layout" ] || continue
    grep -qF "\"$format\"" "$tree"/tests/fuzz/*_fuzz.c || fail "no fuzz target reaches $format"
done <formats
finish
