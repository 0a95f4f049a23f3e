#!/usr/bin/env bash
# Prints docs/feeds.md: what `k2 feed list` and `k2 feed show` tell of each format.
#
# usage: tools/feeds_page.sh K2
set -euo pipefail
k2=$1

cat <<'END'
<!-- Made by tools/feeds_page.sh from the program. Change its formats, then run tools/docs_in_sync.sh --write. -->

# Feeds

What K2 reads, as `k2 feed list` and `k2 feed show NAME` tell it: for each format the document and version it follows, where
its numbers come from, what of it becomes which event ([tables.md](tables.md)), and where its fields go. What no column takes
goes into `extra`, so nothing decoded is thrown away. `k2 decode` shows a source in any of them without storing it
([decode.md](decode.md)); formats of fixed binary fields are tables that you can add to ([layouts.md](layouts.md)), and any CSV
or JSON lines can be described by a mapping ([mapping.md](mapping.md)).

"By the venue" means that a number which is missing is a gap, and one that comes again with other bytes is a conflict; "by
place" that the feed numbers nothing and rows are counted as they stand. "Read from: files, live" are the formats that
captures, logs and connections (`tcp://`, `soupbintcp://`, `udp://`, `ws://`, `wss://`) are read in; the others are files only.

END
# Each name leads to its section, whose anchor has no points.
"$k2" feed list --format markdown | awk 'NR > 2 { name = $2; gsub("[.]", "", name); $2 = "[" $2 "](#" name ")" } { print }'
"$k2" feed list --format csv | tail -n +2 | cut -d , -f 1 | while read -r name; do
    printf '\n## %s\n\n' "$name"
    "$k2" feed show "$name" --format markdown
done
