#!/usr/bin/env bash
# k2-test: timeout=240
# docs/first-ten-minutes.md prints what it says: the first word of every line, and the columns of every table.
tree=$(cd "$(dirname "$0")/../.." && pwd)
. "$tree/tests/support/e2e.sh"
page=$tree/docs/first-ten-minutes.md
check=$tree/tests/support/first_minutes.py

# The page names the default port, which may be taken here: another one stands for it.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export K2_HTTP_LISTEN=127.0.0.1:$port
python3 "$check" SCRIPT "$page" | sed "s/127\.0\.0\.1:7420/127.0.0.1:$port/g" >script
mkdir run_here
(cd run_here && timeout 200 bash -euo pipefail ../script) >printed </dev/null ||
    fail "the block at $(grep '^@@' printed | tail -n 1): $(tail -n 3 printed)"
run 0 python3 "$check" CHECK "$page" printed
has out "outputs compared, 0 differ"

# The comparison sees what is missing, what is new, and other columns.
sed 's/^SIM   /SAM   /; s/^symbol  trades/symbol  deals/' "$page" >wrong.md
run 1 python3 "$check" CHECK wrong.md printed
has out "not printed: ['symbol deals"
sed '/^quotes$/d' "$page" >wrong.md
run 1 python3 "$check" CHECK wrong.md printed
has out "printed and not said: ['quotes']"
finish
