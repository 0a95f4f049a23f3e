#!/usr/bin/env bash
# k2-test: timeout=900
# k2 derive with the journal on a real Kafka broker: totals, and positions of the consumer group, in one transaction;
# after kill -9 the totals are those of a model, and what a read_committed consumer of other make sees is whole.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address

export K2_JOURNAL_URL="kafka://$broker/killed."
run 0 python3 "$tree/tests/support/killed_derive.py" --k2 "$K2_BIN" --data killed --rows 1000 --kills 4
cat out
# The group's offsets are those of the last row: they were committed with it.
positions=$(K2_DATA=killed value "SELECT arg_max(extra['positions'], journal_offset) FROM pnl WHERE extra['positions'] IS NOT NULL")
k2 group list --data killed --format csv | grep '^derive.pnl' | while IFS=, read -r _ topic partition offset _; do
    case " $positions " in
    *" $topic/$partition=$offset "*) ;;
    *) echo "$topic/$partition is at $offset, the rows say $positions"; exit 1 ;;
    esac
done || fail "group and rows differ"
export K2_JOURNAL_URL="kafka://$broker/up."
run 0 python3 "$tree/tests/support/killed_derive.py" --k2 "$K2_BIN" --data up --rows 600 --kills 2 --up
cat out
finish
