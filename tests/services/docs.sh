#!/usr/bin/env bash
# k2-test: timeout=200
# The commands that docs/kafka.md shows, as they are printed.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
servers+=("kafka $scratch/broker") # the document starts it
ln -s "$tree/tools" tools
awk '/^```console$/ { open = 1; next } /^```$/ { open = 0 } open' "$tree/docs/kafka.md" >script
[ -s script ] || fail "no block was found"
run 0 bash -euo pipefail script
has err 'equal'
finish
