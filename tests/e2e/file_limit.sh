#!/usr/bin/env bash
# A limit on the size of files (ulimit -f) is an error that is told, and not a signal that kills.
# shellcheck source=tests/support/e2e.sh
. "$(dirname "$0")/../support/e2e.sh"

limited() (ulimit -S -f 2048 && exec "$@") # 2 MB
market=(k2 simulate --quiet --symbols 5 --rate 2K --seed 7 --start 2026-03-02T10:00:00Z)

run 1 limited "${market[@]}" --seconds 120
has err "File too large"
run 0 "${market[@]}" --seconds 120
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM trades")" 240000
same "$(value "SELECT count(*) - count(DISTINCT message_id) FROM trades")" 0
run 1 limited bash -c 'k2 query --format csv "SELECT * FROM trades" >all.csv'
has err "File too large"
rm -rf k2-data all.csv

# k2 up is degraded as long as it lasts, and goes on behind it.
command -v prlimit >/dev/null || finish
python3 -c '
for i in range(60000):
    print("03/10/2014,10:%02d:%02d.%03d,37.5,%d,0,," % (i // 60000, i // 1000 % 60, i % 1000, i + 1))' >1_BHP.csv
printf '[feed.asx]\nformat = asx-csv\nsource = %s/1_BHP.csv\n' "$PWD" >k2.ini
ulimit -S -f 2048
k2 --config k2.ini up >up.out 2>up.err &
pid=$!
ulimit -S -f unlimited
for _ in $(seq 60); do
    sleep 0.5
    k2 status >out 2>err || grep -q "File too large" err && break
done
has err "File too large"
kill -0 $pid || fail "k2 up is gone"
prlimit --pid $pid --fsize=unlimited
run 0 k2 halt resume ingest
for _ in $(seq 120); do
    sleep 0.5
    [ "$(value "SELECT count(*) FROM trades" 2>err)" = 60000 ] && break
done
same "$(value "SELECT count(*) FROM trades")" 60000
kill -TERM $pid
wait $pid
same $? 0 "exit code of k2 up"
run 0 k2 reconcile --quiet
run 0 k2 verify --quiet
finish
