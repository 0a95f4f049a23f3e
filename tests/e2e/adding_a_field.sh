#!/usr/bin/env bash
# k2-test: timeout=600 serial
# One line in trade.def is a new column everywhere: a k2 built from such a tree reads the journal and the
# table of the k2 before it, adds the column, and proves both equal; old rows have null there.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"
# shellcheck source=tests/support/newer.sh
. "$(dirname "$0")/../support/newer.sh"

printf '03/10/2014,10:00:00.000,37.5,100,0,,\n' >1_BHP.csv
run 0 k2 ingest asx-csv 1_BHP.csv
run 0 k2 sink --once

build_newer
new=$newer

printf '03/10/2014,10:00:01.000,37.6,200,0,X,\n' >>1_BHP.csv
run 0 "$new" ingest asx-csv 1_BHP.csv
has out 'read 2 = accepted 1'
run 0 "$new" sink --once
run 0 "$new" query "SELECT exchange_sequence_number AS n, rumour FROM trades ORDER BY n" --format csv
same "$(tr -d '\r' <out | tr '\n' ' ')" "n,rumour 1, 2,up "
run 0 "$new" reconcile
run 0 "$new" verify
# And the k2 before it still reads what it knows, and what it does not know.
run 0 k2 query "SELECT count(*) AS n, max(rumour) AS r FROM trades" --format csv
same "$(tr -d '\r' <out | tr '\n' ' ')" "n,r 2,up "
run 0 k2 reconcile
exit $((failures > 0))
