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

# An instant that is still to come, and one from before K2 knew anything.
run 2 k2 query --as-of 2200-01-01 "SELECT count(*) FROM trades"
has err "that instant is still to come; now is 2"
same "$(cat out)" ""
run 0 k2 query --as-of 2014-03-10 "SELECT count(*) FROM trades"
has err "nothing was durable before 2"
has err "WHERE exchange_timestamp < '2014-03-10"

# A clock that was ahead for one run: what came then, and all that comes until it is there, is of that time.
cat >clock.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    int (*next)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int rc = next(id, t);
    t->tv_sec += id == CLOCK_REALTIME ? 7200 : 0;
    return rc;
}
C
if cc -shared -fPIC -o clock.so clock.c 2>cc.err && LD_PRELOAD=./clock.so k2 version >/dev/null 2>&1; then
    export K2_DATA=$PWD/ahead
    run 0 env LD_PRELOAD=./clock.so k2 simulate --quiet --seconds 2
    run 0 k2 sink --once
    run 0 k2 query --format csv --as-of now "SELECT count(*) FROM trades"
    same "$(tail -n 1 out)" 0
    has err "which is still to come: a clock was ahead; without --as-of they are read"
    run 0 k2 query "SELECT count(*) FROM trades"
    same "$(cat err)" ""
    run 3 k2 status
    has out "journal: the last records are of 2"
    has err "degraded: journal: the last records are of 2"
    unset K2_DATA
fi

# A directory that holds something else stays as it is.
mkdir -p papers
echo important >papers/thesis.txt
run 1 k2 init --data papers
has err "papers is no K2 data directory and holds thesis.txt"
run 1 k2 simulate --data papers
mkdir -p nothing-in-it
for verb in "" status doctor; do
    code=1
    [ "$verb" != doctor ] || code=3
    # shellcheck disable=SC2086  # none, or one word
    run $code k2 $verb --data papers
    cat out >>err
    has err "papers is no K2 data directory: it holds thesis.txt; check --data"
    grep -q "k2 simulate" err && fail "an advice that cannot be followed: $verb"
    # shellcheck disable=SC2086
    run $code k2 $verb --data papers/thesis.txt
    cat out >>err
    has err "papers/thesis.txt is a file, no K2 data directory; check --data"
done
run 3 k2 doctor --data nothing-in-it
has out "nothing-in-it is empty, so it is no K2 data directory yet"
has err "k2 doctor: 1 finding"
run 0 k2 --data nothing-in-it
has out "nothing-in-it (empty)"
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
