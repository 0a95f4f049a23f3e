#!/usr/bin/env bash
# What one would rather be told: an answer that is not final, a directory of somebody else's, a platform that was
# killed.
. "$(dirname "$0")/../support/e2e.sh"

# Rows from before the instant that the tables lack.
run 0 k2 init
run 0 k2 simulate --seconds 5
run 0 k2 query --as-of now "SELECT count(*) FROM trades"
has err "from before that instant: the answer is not final; k2 sink --once brings them"
run 0 k2 sink --once
run 0 k2 query --as-of now "SELECT count(*) FROM trades"
same "$(cat err)" ""

# A directory that holds something else stays as it is.
mkdir -p papers
echo important >papers/thesis.txt
run 1 k2 init --data papers
has err "papers is no K2 data directory and holds thesis.txt"
run 1 k2 simulate --data papers
same "$(ls papers/thesis.txt papers/journal/meta papers/catalog.db 2>/dev/null)" papers/thesis.txt

# The state, and who brings what is missing, while k2 up runs; and after it was killed.
k2 up --simulate 100 >up.out 2>up.err &
up=$!
for _ in $(seq 600); do
    grep -q 'Ctrl-C ends it' up.out && break
    sleep 0.1
done
run 0 k2
has out "k2 status                what runs"
run 0 k2 halt list
has err "every role of k2 up is at work"
run 0 k2 halt resume sink
run 1 k2 halt resume nothing
has err "there is no role 'nothing'; k2 status names them"
kill -KILL "$up"
wait "$up" 2>/dev/null
run 3 k2 status
has out "was killed while it held"
run 0 k2 halt list
has err "no k2 up runs here"
run 2 k2 up --simulate fast
has err "--simulate"
finish
