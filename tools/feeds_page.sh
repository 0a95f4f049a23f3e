#!/usr/bin/env bash
# Prints docs/feeds.md: what `k2 feed list` and `k2 feed show` tell of each format.
#
# usage: tools/feeds_page.sh K2
set -euo pipefail
k2=$1

cat <<'END'
<!-- Made by tools/feeds_page.sh from the program. Change its formats, then run tools/docs_in_sync.sh --write. -->

# Feeds

What K2 reads, as `k2 feed list` and `k2 feed show NAME` tell it: for each format where its numbers come from, what of it
becomes which event, and where its fields go. What no column takes goes into `extra`. `k2 decode` shows a source in any of them
without storing it ([decode.md](decode.md)); formats of fixed binary fields are tables that you can add to
([layouts.md](layouts.md)), and any CSV or JSON lines can be described by a mapping ([mapping.md](mapping.md)).

END
"$k2" feed list --format markdown
"$k2" feed list --format csv | tail -n +2 | cut -d , -f 1 | while read -r name; do
    printf '\n## %s\n\n' "$name"
    "$k2" feed show "$name" --format markdown
done
