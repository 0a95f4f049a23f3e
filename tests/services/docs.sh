#!/usr/bin/env bash
# k2-test: timeout=200
# The commands that docs/kafka.md shows, as they are printed.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
[ -e "$tree/.deps/services/kafka/complete" ] || {
    echo "skipped: there is no Kafka here; make test-services fetches it"
    exit 77
}
trap '"$tree/tools/services.sh" kill kafka "$scratch/broker"; rm -rf "$scratch"' EXIT
ln -s "$tree/tools" tools
awk '/^```console$/ { open = 1; next } /^```$/ { open = 0 } open' "$tree/docs/kafka.md" >script
[ -s script ] || fail "no block was found"
run 0 bash -euo pipefail script
has err 'equal'
exit $((failures > 0))
