#!/usr/bin/env bash
# k2 up tiers by itself, also what is encrypted. While the store is away feeds go on, what needs the store waits, and
# when it is back nothing is missing.
. "$(dirname "$0")/../support/e2e.sh"

here=$(pwd)
openssl rand -hex 32 >key
mkdir store
cat >k2.ini <<END
[journal]
segment_bytes = 64KB
tier_url = file://$here/store
tier_after = 1s
encryption_key = file:$here/key
[maintain]
interval = 1s
[sink]
interval = 1s
END

objects() { find store -name '*.seg' | wc -l; }
has_objects() { [ "$(objects)" -ge "$1" ]; }
says() { grep -qF -- "$1" up.err; }

k2 up --config k2.ini --simulate 3000 >up.log 2>up.err &
up=$!
# shellcheck disable=SC2154 # scratch is of e2e.sh
trap 'kill -9 $up 2>/dev/null; rm -rf "$scratch"' EXIT
until_true has_objects 5
run 0 k2 topic tail market.ticks.sim --from start --count 5 --config k2.ini
[ "$(wc -l <out)" -ge 5 ] || fail "a tiered segment is not read beside k2 up"
k2 topic tail market.ticks.sim --from start --count 5 --config k2.ini | cmp -s - out || fail "read again it is something else"
grep -rqF '"symbol"' store && fail "a store that is to be encrypted holds text"

mv store away
until_true says "make it, or mount it"
rows=$(k2 status --config k2.ini --format csv | wc -l)
[ "$rows" -gt 3 ] || fail "k2 status tells little while the store is away"
rm -rf k2-data/journal/cache
run 1 k2 topic tail market.ticks.sim --from start --count 1 --config k2.ini
has err "$here/store"
kill -0 $up || fail "k2 up ended because the store is away"
before=$(k2 topic describe market.ticks.sim --config k2.ini --format csv | tail -n +2 | cut -d , -f 3 | paste -sd +)
sleep 2
after=$(k2 topic describe market.ticks.sim --config k2.ini --format csv | tail -n +2 | cut -d , -f 3 | paste -sd +)
[ $((after)) -gt $((before)) ] || fail "feeds stand still while the store is away"
mv away store
n=$(objects)
until_true has_objects $((n + 3))
kill -TERM $up
wait $up || fail "k2 up ended with $?"
run 0 k2 sink --once --config k2.ini
run 0 k2 maintain --yes --config k2.ini
rm -rf k2-data/journal/cache
run 0 k2 reconcile --config k2.ini
run 0 k2 verify --config k2.ini

# Without the key it is the key that is missed, not the bytes.
run 1 env K2_JOURNAL_ENCRYPTION_KEY= k2 topic tail market.ticks.sim --from start --count 1 --config k2.ini
has err "key"
finish
