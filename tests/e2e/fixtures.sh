#!/usr/bin/env bash
# k2-test: timeout=300
# Data directories that earlier formats left (tests/fixtures/format-<N>, tools/make_fixture.sh): each opens,
# verifies, answers what it always answered, reconciles, and takes in more. A newer format is refused.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
export K2_BIN PYTHONDONTWRITEBYTECODE=1

answers() { # answers QUERIES: one behind the other
    local query
    while read -r query; do
        k2 query -q --format csv "$query"
    done <"$1"
}

seen=0
for fixture in "$tree"/tests/fixtures/format-*/; do
    seen=$((seen + 1))
    name=$(basename "$fixture")
    rm -rf k2-data
    tar -xzf "$fixture/k2-data.tar.gz"
    run 1 k2 sink --once # it was made elsewhere
    has err 'k2 doctor --fix'
    run 3 k2 doctor --fix --yes # its journal is ahead of its tables, and has been for long
    has out 'fixed'
    has out 'k2 sink --once'
    run 0 k2 verify
    run 0 k2 reconcile
    has err 'equal'
    answers "$fixture/queries.sql" >got 2>err
    cmp -s got "$fixture/answers.csv" || {
        fail "$name answers something else:"
        diff "$fixture/answers.csv" got >&2
    }
    first=$(k2 table snapshots trades --format csv | sed -n 2p | cut -d , -f 1)
    [ "$(k2 query -q --format csv --as-of "trades@$first" "SELECT count(*) FROM trades" | tail -n 1)" -gt 0 ] ||
        fail "$name: nothing at the first snapshot"
    before=$(value "SELECT count(*) FROM trades")
    run 0 k2 sink --once
    run 0 k2 doctor
    run 0 k2 simulate -q --symbols 4 --rate 300 --seed 7 --quotes --seconds 1 --start 2026-03-05T10:00:00Z
    run 0 k2 simulate -q --symbols 4 --rate 300 --seed 7 --quotes --seconds 1 --start 2026-03-03T10:00:00Z
    has out 'accepted 0 ' # the sequence state came along
    run 0 k2 sink --once
    run 0 k2 reconcile
    run 0 k2 verify
    [ "$(value "SELECT count(*) FROM trades")" -gt "$before" ] || fail "$name: no row was added"
done
[ "$seen" -gt 0 ] || fail "there is no fixture"

# --- a newer format of any part is refused, and says so ---

rm -rf k2-data
tar -xzf "$tree/tests/fixtures/format-1/k2-data.tar.gz"
k2 doctor -q --fix --yes >out 2>err
has out 'fixed'
mv k2-data whole # and back to where it was moved to, each time

# newer NAME FILE EDIT COMMAND...: after EDIT of FILE the command fails, and names a newer k2.
newer() {
    local name=$1 file=$2 edit=$3
    shift 3
    rm -rf k2-data
    cp -r whole k2-data
    # shellcheck disable=SC2086 # a glob
    python3 -c "
import glob, sqlite3, sys
path = sorted(glob.glob('k2-data/$file'))[-1]
$edit" || fail "$name: the edit failed"
    run 1 "$@"
    grep -q 'newer\|version 3' err || fail "$name: $(cat err)"
}
text() { echo "s = open(path, 'rb').read(); t = s.replace(b'$1', b'$2', 1); assert t != s; open(path, 'wb').write(t)"; }

newer "the directory" format "$(text 'format 1' 'format 2')" k2 sink --once
newer "the directory, to a reader" format "$(text 'format 1' 'format 2')" k2 query "SELECT 1"
newer "the journal" journal/meta "$(text 'k2-journal 1' 'k2-journal 4')" k2 topic list
newer "the journal, to a writer" journal/meta "$(text 'k2-journal 1' 'k2-journal 4')" k2 simulate --seconds 1
newer "positions" journal/positions/sink "$(text 'k2-positions 1' 'k2-positions 2')" k2 group list
newer "schemas" journal/schemas.json "$(text '"format":1' '"format":3')" k2 schema list
newer "an index" 'journal/*.idx' \
    "import struct
sys.path.insert(0, '$tree/tests/judge')
from _k2 import crc32c
s = bytearray(open(path, 'rb').read())
s[8] += 2
s[4:8] = struct.pack('<I', crc32c(bytes(s[8:])))
open(path, 'wb').write(s)" k2 topic list
newer "the catalog" catalog.db "c = sqlite3.connect(path); c.execute('PRAGMA user_version = 2'); c.commit()" \
    k2 sink --once
newer "a table" 'warehouse/market_data/trades/metadata/0*.json' "$(text '"k2.format":"1"' '"k2.format":"2"')" \
    k2 table describe trades
newer "a table of Iceberg" 'warehouse/market_data/trades/metadata/0*.json' \
    "$(text '"format-version":2' '"format-version":3')" k2 table describe trades
finish
