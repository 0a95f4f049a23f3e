#!/usr/bin/env bash
# k2-test: timeout=300
# A local journal goes to Kafka and comes back: the same records in the same places, under schema ids of each journal; and
# other programs read the copy there.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address
kafka=kafka://$broker/copy.
values() { # values ARGS...: partition by partition, without place and time of appending
    for p in 0 1 2; do
        k2 topic tail market.ticks.sim --from start --keys --partition $p "$@" |
            sed 's/"offset":[0-9]*,"appended":"[^"]*",//'
    done
}
market() { run 0 k2 simulate -q --symbols 5 --seconds 2 --start 2026-03-02T10:00:00Z --quotes "$@"; }

market --rate 20K --seed 1 --gaps 0.001
run 0 k2 topic copy 'market.*' --to "$kafka"
run 0 k2 topic copy 'market.*' --to "$kafka"
has err '0 were copied'
values >local.txt
K2_JOURNAL_URL=$kafka values >kafka.txt
[ -s local.txt ] || fail "nothing was printed"
cmp local.txt kafka.txt || fail "the records on Kafka differ"

# A table of the copy has the same rows as one of the original.
digest="SELECT symbol, count(*), sum(price), max(exchange_timestamp_ns) FROM trades GROUP BY 1 ORDER BY 1"
run 0 k2 sink --once
K2_JOURNAL_URL=$kafka run 0 k2 sink --once --data of.kafka
K2_JOURNAL_URL=$kafka run 0 k2 reconcile --data of.kafka
has err 'equal'
same "$(k2 --data of.kafka query --format csv "$digest")" "$(k2 query --format csv "$digest")"

# Killed, and gone on with.
market --rate 200K --seed 2
for after in 0.4 0.7 1 1.3; do
    k2 topic copy 'market.*' --to "$kafka" >kill.out 2>&1 & p=$!
    sleep $after
    kill -9 $p 2>>kill.err || true
    wait $p
done 2>>kill.err
run 0 k2 topic copy 'market.*' --to "$kafka"
values >local.txt
K2_JOURNAL_URL=$kafka values >kafka.txt
cmp local.txt kafka.txt || fail "the records on Kafka differ after kills"

# And back.
K2_JOURNAL_URL=$kafka run 0 k2 topic copy 'market.*' --to local:back --data of.kafka
values --data back >back.txt
cmp local.txt back.txt || fail "the records that came back differ"
finish
