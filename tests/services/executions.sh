#!/usr/bin/env bash
# k2-test: timeout=600
# Executions with the journal on a real Kafka broker: what was acknowledged survives kill -9 of the command and of k2 up.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address
killed() { python3 "$tree/tests/support/killed_executions.py" --k2 "$K2_BIN" --seconds 2 "$@"; }

K2_JOURNAL_URL="kafka://$broker/killed." run 0 killed --data killed --rows 1000 --kills 5
cat out
K2_JOURNAL_URL="kafka://$broker/up." run 0 killed --data up --rows 600 --kills 3 --up
cat out
finish
