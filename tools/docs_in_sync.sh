#!/usr/bin/env bash
# Holds the documents to the tree:
#   - docs/tables.md, configuration.md, errors.md and metrics.md are what tools/gen_docs.py makes;
#   - docs/commands.md and docs/feeds.md are what the program prints (tests/e2e/help.sh holds it to that, here it is written);
#   - every path of the tree that a document names is there, and every link between documents leads
#     somewhere;
#   - every test that docs/market-data-guarantees.md or docs/checklist.md names exists.
#
# usage: tools/docs_in_sync.sh [--write]      --write makes the generated documents anew
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1-}" = --write ]; then
    tools/gen_docs.py
    if [ -x build/release/bin/k2 ]; then
        build/release/bin/k2 help --markdown >docs/commands.md
        tools/feeds_page.sh build/release/bin/k2 >docs/feeds.md
    fi
fi

bad=0
say() { printf '%s\n' "$*"; bad=1; }

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
tools/gen_docs.py "$made"
for file in "$made"/*.md; do
    name=docs/$(basename "$file")
    diff -u --label "$name" --label "what tools/gen_docs.py makes" "$name" "$file" ||
        say "$name is not what its table says; run tools/docs_in_sync.sh --write"
done

documents=(README.md CONTRIBUTING.md CHANGELOG.md docs/*.md docs/decisions/*.md docs/rfcs/*.md)

# Paths in `code`, as src/base/err.h; <...> and * stand for any text.
for document in "${documents[@]}"; do
    while read -r path; do
        pattern=$(sed -E 's/<[^>]*>/*/g' <<<"$path")
        compgen -G "$pattern" >/dev/null || say "$document names $path, which is not there"
    done < <(grep -oE '`(src|include|tools|tests|docs|clients|cmake)/[^` ]*`' "$document" |
        tr -d '`' | sort -u)
    while read -r link; do
        [ -e "$(dirname "$document")/${link%%#*}" ] ||
            say "$document links to $link, which is not there"
    done < <(grep -oE '\]\([^)]*\)' "$document" | sed -E 's/^\]\((.*)\)$/\1/' |
        grep -vE '^([a-z]+:|#)' | sort -u || true)
done

# Every decision is in the index, under its own title.
while IFS=$'\t' read -r file number title; do
    grep -qF "| [$number]($file) | $title |" docs/decisions/README.md ||
        say "docs/decisions/README.md does not list $file as '$number. $title'"
done < <(cd docs/decisions && awk 'FNR == 1 { n = $2; sub(/\.$/, "", n); t = $0
    sub(/^# [0-9]+\. /, "", t); printf "%s\t%s\t%s\n", FILENAME, n, t }' [0-9]*.md)

# The libraries of the program, with version and licence, are the same in both documents.
libraries() { # libraries DOCUMENT HEADING: "name version licence" of the first table below it
    awk -F ' *[|] *' -v heading="$2" '
        $0 == heading { on = 1; next }
        on && /^\|/ { seen = 1; if (++row > 2) print $2 "\t" $3 "\t" $4; next }
        on && seen { exit }
    ' "$1" | sed -E 's/ \([^)]*\)//g' | sort
}
diff <(libraries docs/dependencies.md "## In the program") \
    <(libraries docs/TECHNOLOGY_STACK.md "## What is linked, and where") ||
    say "docs/TECHNOLOGY_STACK.md (>) and docs/dependencies.md (<) name other libraries"

# Tests are sentences_with_underscores.
for document in docs/market-data-guarantees.md docs/checklist.md; do
    while read -r name; do
        grep -rqw -- "$name" tests || say "$document names the test $name, which is not there"
    done < <(grep -oE '`[a-z0-9]+(_[a-z0-9]+){3,}`' "$document" | tr -d '`' | sort -u || true)
done
[ $bad -ne 0 ] || echo "${#documents[@]} documents"
exit $bad
