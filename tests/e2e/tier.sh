#!/usr/bin/env bash
# Sealed segments go to an object store, and nobody who reads can tell: every answer is what it was before. While the store
# is away whoever needs it says so and waits; nothing is passed over.
. "$(dirname "$0")/../support/e2e.sh"

here=$(pwd)
export K2_JOURNAL_SEGMENT_BYTES=64KB K2_JOURNAL_TIER_AFTER=0s
mkdir store
run 0 k2 simulate --symbols 20 --rate 20K --seconds 2 --seed 3 --quotes
run 0 k2 sink --once

# answers NAME: what the readers of the journal say, in files of that name.
answers() {
    local topic
    : >"$1.tail"
    for topic in market.ticks.sim market.quotes.sim; do
        k2 topic tail "$topic" --from start >>"$1.tail" 2>>"$1.err" || fail "tail $1"
        k2 topic describe "$topic" --format csv >>"$1.describe" 2>>"$1.err" || fail "describe $1"
    done
    k2 reconcile --format csv >"$1.reconcile" 2>>"$1.err" || fail "reconcile $1"
    k2 verify --format csv >"$1.verify" 2>>"$1.err" || fail "verify $1"
    value "SELECT count(*), sum(price * quantity) FROM trades" >"$1.query"
}

# equal NAME NAME: both readings say the same.
equal() {
    local what
    for what in tail describe reconcile verify query; do
        cmp -s "$1.$what" "$2.$what" || fail "$what differs between $1 and $2"
    done
}

answers before
segments=$(find k2-data/journal -maxdepth 1 -name '*.seg' | wc -l)
[ "$segments" -gt 10 ] || fail "only $segments segments"

# Nothing goes while nobody says where to.
run 0 k2 maintain --yes
[ "$(find k2-data/journal -maxdepth 1 -name '*.seg' | wc -l)" -eq "$segments" ] || fail "segments went nowhere"

export K2_JOURNAL_TIER_URL=file://$here/store
run 0 k2 maintain --dry-run
has out "$((segments - 1)) segments"
has out "would go to the object store"
[ ! -e store/k2-store ] || fail "--dry-run wrote into the store"
run 0 k2 maintain --yes
has out "went to the object store"
same "$(find k2-data/journal -maxdepth 1 -name '*.seg' | wc -l)" 1 "segments here"
same "$(find store -name '*.seg' | wc -l)" $((segments - 1)) "segments in the store"
run 0 k2 topic describe market.ticks.sim
has out "file://$here/store"
run 0 k2 doctor
has out "tier"
answers tiered
equal before tiered

# The cache is only a cache, and bounded.
rm -r k2-data/journal/cache
answers again
equal before again
K2_JOURNAL_CACHE_BYTES=200KB k2 topic tail market.ticks.sim --from start >small 2>err
k2 topic tail market.ticks.sim --from start >large 2>err
cmp -s small large || fail "a small cache changes what is read"
rm -r k2-data/journal/cache
K2_JOURNAL_CACHE_BYTES=200KB k2 verify >out 2>err || fail "verify with a small cache"
[ "$(du -sb k2-data/journal/cache | cut -f 1)" -lt 300000 ] || fail "the cache is larger than it may be"

# Two at once, of an empty cache; without the configuration the notes say where the bytes are.
rm -r k2-data/journal/cache
for n in 1 2; do
    env -u K2_JOURNAL_TIER_URL k2 topic tail market.ticks.sim --from start >"two.$n" 2>"two.$n.err" &
done
wait
cmp -s two.1 small || fail "the first of two reads something else"
cmp -s two.2 small || fail "the second of two reads something else"

# The journal goes on, and a directory that is renamed finds its segments.
run 0 k2 simulate --symbols 5 --rate 5K --seconds 2 --seed 4
run 0 k2 maintain --yes
mv k2-data moved
run 0 k2 doctor --data moved --fix --yes
run 0 k2 reconcile --data moved
mv moved k2-data
run 0 k2 doctor --fix --yes
run 0 k2 sink --once
run 0 k2 reconcile

# The store is away: clear words, no truncated reading; then it is back.
rm -rf k2-data/journal/cache
mv store away
run 1 k2 topic tail market.ticks.sim --from start
has err "$here/store"
has err "segment 0 "
[ ! -s out ] || fail "something was read of a journal whose beginning is away"
run 3 k2 verify
has out "$here/store"
run 3 k2 doctor
has out "bring the store back"
run 1 k2 maintain --yes
has err "$here/store"
run 0 k2 simulate --symbols 5 --rate 5K --seconds 2 --seed 5
run 0 k2 sink --once
mkdir store # the mount point without the disk
run 1 k2 topic tail market.ticks.sim --from start
has err "k2-store"
run 1 k2 maintain --yes
same "$(find store -type f | wc -l)" 0 "files below an empty mount point"
rmdir store
K2_JOURNAL_TIER_URL=$here/away k2 reconcile >out 2>err || fail "a store that was moved, by configuration"
K2_JOURNAL_TIER_URL=$here/away run 0 k2 doctor
has out "$here/away"
mv away store
rm -rf k2-data/journal/cache
run 0 k2 maintain --yes
run 0 k2 reconcile
run 0 k2 verify

# No store inside of what it is to keep safe; a copy of the directory has objects of the first only.
mkdir k2-data/store
K2_JOURNAL_TIER_URL=$here/k2-data/store run 1 k2 maintain --yes
has err "k2 maintain: journal.tier_url: $here/k2-data/store is inside of the data directory"
K2_JOURNAL_TIER_URL=$here/k2-data/store run 3 k2 doctor
has out "is inside of the data directory"
rmdir k2-data/store
cp -r k2-data copied
run 3 k2 doctor --data copied
has out "directory that this one was copied from"
rm -r copied

# A sink behind waits for the store, and brings every row when it is back.
run 0 k2 simulate --symbols 5 --rate 5K --seconds 3 --seed 6
run 0 k2 simulate --symbols 5 --rate 1K --seconds 1 --seed 7
K2_JOURNAL_LOCAL_BYTES=1B run 0 k2 maintain --yes
rm -rf k2-data/journal/cache
mv store away
run 1 k2 sink --once
has err "$here/store"
mv away store
run 0 k2 sink --once
run 0 k2 reconcile

# A backup holds everything, and its restoration needs no store.
run 0 k2 backup copy
run 0 k2 backup verify copy
mv store away
run 0 k2 restore copy --data restored
env -u K2_JOURNAL_TIER_URL k2 verify --data restored >out 2>err || fail "verify of a restored directory"
env -u K2_JOURNAL_TIER_URL k2 reconcile --data restored >out 2>err || fail "reconcile of a restored directory"
mv away store

# What retention removes goes from the store, and only that.
run 0 k2 maintain --older-than 0s --yes
has out "removed"
has out "from the object store"
same "$(find store -name '*.seg*' | wc -l)" "$(find k2-data/journal -name '*.tier' | wc -l)" "segments in the store"
run 0 k2 reconcile
run 0 k2 verify
finish
