#!/usr/bin/env bash
# Holds the documents to the tree:
#   - docs/tables.md, docs/configuration.md and docs/errors.md are what tools/gen_docs.py makes;
#   - every path of the tree that a document names is there, and every link between documents leads
#     somewhere;
#   - every test that docs/market-data-guarantees.md or docs/checklist.md names exists.
#
# usage: tools/docs_in_sync.sh [--write]      --write makes the generated documents anew
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${1-}" != --write ] || tools/gen_docs.py

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

documents=(README.md CONTRIBUTING.md CHANGELOG.md docs/*.md docs/decisions/*.md)

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

# Tests are sentences_with_underscores.
for document in docs/market-data-guarantees.md docs/checklist.md; do
    while read -r name; do
        grep -rqw -- "$name" tests || say "$document names the test $name, which is not there"
    done < <(grep -oE '`[a-z0-9]+(_[a-z0-9]+){3,}`' "$document" | tr -d '`' | sort -u || true)
done
[ $bad -ne 0 ] || echo "${#documents[@]} documents"
exit $bad
