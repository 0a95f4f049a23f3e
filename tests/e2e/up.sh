#!/usr/bin/env bash
# `k2 up`: what it does from its start to its end, and after ends of all kinds. Nothing here is timed: what
# takes its time is polled for, with limits that only a hang reaches.
# k2-test: timeout=600
. "$(dirname "$0")/../support/e2e.sh"
export K2_HTTP_LISTEN=127.0.0.1:0 K2_SINK_INTERVAL=1s
up=
# shellcheck disable=SC2154  # scratch: e2e.sh
trap '[ -z "$up" ] || kill -KILL "$up" 2>/dev/null; rm -rf "$scratch"' EXIT

start() { # start WORDS...: k2 up with these, until it says that it runs
    : >up.out # else the words of the last one are still there for a moment
    k2 up "$@" >up.out 2>up.err &
    up=$!
    until_true grep -q 'Ctrl-C ends it' up.out
}

stop() { # stop: by SIGTERM, and it must be a good end
    kill -TERM "$up"
    wait "$up"
    same $? 0 "exit code of a stopped k2 up"
    up=
}

kill_up() {
    kill -KILL "$up"
    wait "$up" 2>/dev/null
    up=
}

rows() { # rows FROM TO: ASX rows; row i has quantity i
    awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i <= to; i++)
        printf "03/10/2014,10:%02d:%02d.%03d,37.%02d,%d,0,,\n", i / 60000 % 60, i / 1000 % 60, i % 1000, i % 100, i }'
}

count() { value "SELECT count(*) FROM $1"; } # count TABLE-AND-CONDITION
holds() { [ "$(count "$1")" = "$2" ]; }
reaches() { [ "$(count "$1")" -ge "$2" ]; }

# --- a fresh directory ---
from=$(date +%s%N)
start
until_true k2 query --quiet "SELECT count(*) FROM trades"
echo "first answer of a fresh directory after $((($(date +%s%N) - from) / 1000000)) ms"
same "$(count trades)" 0
has up.out "http://127.0.0.1:"
has up.out "feed    none yet"

# A second one is told who runs; the first does not mind.
run 1 k2 up
has err "pid $up (k2 up)"

# --- other commands beside it ---
rows 1 500 >1_BHP.csv
run 0 k2 ingest 1_BHP.csv
has err "running k2 up"
run 0 k2 ingest 1_BHP.csv
has out "500"
rows 1 300 | run 0 k2 ingest asx-csv --symbol CBA -
run 0 k2 ingest asx-csv --symbol RIO <(rows 1 200)
run 0 k2 simulate --seconds 2 --rate 1000 --seed 5
until_true holds "trades WHERE exchange = 'ASX'" 1000
until_true holds "trades WHERE exchange = 'SIM'" 2000
run 0 k2 maintain --yes
run 0 k2 sink --once
run 0 k2 reconcile
run 0 k2 verify
run 0 k2 quarantine list
timeout 60 k2 topic tail market.ticks.asx --from start 2>/dev/null | head -n 3 >out
same "$(wc -l <out)" 3 "lines of topic tail"
if k2 help status >/dev/null 2>&1; then
    run 0 k2 status
fi

# --- stop and restart ---
run 0 k2 simulate --seconds 1 --rate 1000 --seed 6
stop
has up.err "ending"
run 0 k2 query "SELECT count(*) FROM trades"
same "$(grep -c lacks err)" 0 "the end brings all rows into the tables"
same "$(count "trades WHERE exchange = 'SIM'")" 3000
run 0 k2 reconcile
[ ! -e k2-data/run/k2.sock ] || fail "the socket is still there"

# --- feeds of a configuration file, killed again and again ---
: >2_BHP2.csv
cat >k2.ini <<END
[feed.grows]
format = asx-csv
source = $scratch/2_BHP2.csv
poll = 20ms
[feed.market]
source = sim:
rate = 2000
quotes = true
END
( for i in $(seq 400); do rows $((i * 50 - 49)) $((i * 50)); sleep 0.05; done ) >>2_BHP2.csv &
writer=$!
for i in $(seq 10); do
    start --config k2.ini
    has up.out "grows from"
    sleep "0.$((i % 7 + 1))"
    kill_up
done
[ -S k2-data/run/k2.sock ] || fail "a killed k2 up leaves its socket"
run 0 k2 simulate --seconds 1 --rate 1000 --seed 7 # nobody listens there: the journal itself
start --config k2.ini
wait "$writer"
until_true holds "trades WHERE symbol = 'BHP2'" 20000
stop
same "$(value "SELECT count(*) || ' ' || count(DISTINCT message_id) || ' ' || sum(quantity)::BIGINT ||
    ' ' || min(exchange_sequence_number) || ' ' || max(exchange_sequence_number) FROM trades WHERE symbol = 'BHP2'")" \
    "20000 20000 200010000 1 20000" "the rows of the followed file"
same "$(value "SELECT count(*) - count(DISTINCT message_id) FROM trades")" 0 "rows that are there twice"
[ "$(count quotes)" -gt 0 ] || fail "no quotes of the simulated market"
same "$(count quarantine)" 0
run 0 k2 reconcile
run 0 k2 verify

# --- SIGHUP ---
rows 1 100 >3_NCM.csv
start --config k2.ini
cp k2.ini good.ini
cat >k2.ini <<END
[feed.late]
format = asx-csv
source = $scratch/3_NCM.csv
poll = 20ms
END
kill -HUP "$up"
until_true grep -q 'configuration reloaded' up.err
until_true holds "trades WHERE symbol = 'NCM'" 100
before=$(k2 query --quiet --format csv "SELECT count(*) FROM trades" | tail -n 1)
echo "[feed.late]
sauce = x" >k2.ini
kill -HUP "$up"
until_true grep -q 'not reloaded' up.err
has up.err "sauce"
# A feed that could never work, by which the running one must not be hurt.
printf '[feed.still]\nsource = sim:\nrate = 0\n' >k2.ini
kill -HUP "$up"
until_true grep -q 'rate is 1 to' up.err
rows 101 150 >>3_NCM.csv
until_true holds "trades WHERE symbol = 'NCM'" 150
until_true holds trades $((before + 50)) # and nothing of the market that was taken away
cp good.ini k2.ini
echo "[journal]
partitions = 7" >>k2.ini
kill -HUP "$up"
until_true grep -q 'needs a restart' up.err
until_true reaches trades $((before + 51))
stop

# --- who stalls, who is killed ---
start --config good.ini
mkfifo pipe
k2 ingest asx-csv --symbol STL - <pipe >stall.out 2>stall.err &
stalled=$!
exec 9>pipe
printf '0' >&9
run 0 k2 simulate --seconds 1 --rate 1000 --seed 8
rows 20001 20100 >>2_BHP2.csv
until_true holds "trades WHERE symbol = 'BHP2'" 20100
printf '3/10/2014,10:00:00.000,37.5,100,0,,\n' >&9
exec 9>&-
wait $stalled
same $? 0 "exit code of the ingest that waited"
until_true holds "trades WHERE symbol = 'STL'" 1

k2 simulate --seconds 100000 --rate 1000000 --seed 9 >/dev/null 2>&1 &
victim=$!
until_true reaches "trades WHERE exchange = 'SIM'" 5000
kill -KILL $victim
wait $victim 2>/dev/null
rows 20101 20200 >>2_BHP2.csv
until_true holds "trades WHERE symbol = 'BHP2'" 20200
run 0 k2 simulate --seconds 1 --rate 1000 --seed 10
until_true test -S k2-data/run/k2.sock
stop
run 0 k2 reconcile

# --- feeds of which nothing is kept, and records that are refused, are in the log ---
mkdir -p odd
echo "meeting at ten" >odd/notes.txt
rows 1 20 >5_ORG.csv
printf 'no row\nno row either\n' >6_AMP.csv
cat >odd.ini <<END
[feed.filtered]
source = $scratch/5_ORG.csv
symbols = ZZZ
[feed.refused]
format = asx-csv
source = $scratch/6_AMP.csv
[feed.odd]
source = $scratch/odd
END
start --config odd.ini --data odd-data
until_true grep -q 'nothing that a feed has read is kept.*feed=filtered.*read=20 filtered=20' up.err
until_true grep -q 'records of a feed went to quarantine.*feed=refused.*refused=2 conflicts=0' up.err
until_true grep -q 'nothing that a feed has read is kept.*feed=refused.*quarantined=2' up.err
until_true grep -q 'holds no file of a known format.*feed=odd.*notes.txt' up.err
sleep 2.5
same "$(grep -c 'nothing that a feed' up.err)" 2 "it is said once"
same "$(grep -c 'holds no file' up.err)" 1 "it is said once"
stop

# --- an address that is taken ---
start
port=$(sed -n 's|.*http://127.0.0.1:||p' up.out | head -n 1)
K2_HTTP_LISTEN=127.0.0.1:$port run 1 k2 up --data elsewhere
has err "127.0.0.1:$port"
has err "http.listen"
[ ! -e elsewhere ] || fail "an address that is taken leaves a data directory"
stop
run 0 env K2_HTTP_LISTEN="127.0.0.1:$port" timeout --preserve-status -s TERM 5 k2 up --data elsewhere

# --- directories that cannot be written ---
run 1 k2 up --data /proc/k2-data
has err "/proc/k2-data"
: >plain
run 1 k2 up --data plain/k2-data
has err "plain"

# --- a sink beside another one waits for its turn ---
run 0 k2 simulate --seconds 1 --rate 1000 --seed 11
flock k2-data/run/sink.lock -c 'touch held; sleep 2.5' &
until_true test -e held
run 0 k2 sink --once
has err "waiting for another sink"
wait
run 0 k2 reconcile
finish
