#!/usr/bin/env bash
# A disk of 3 MB that runs full: k2 says so, loses nothing, and goes on once there is room.
. "$(dirname "$0")/../support/e2e.sh"

unshare --user --map-root-user --mount true 2>/dev/null || exit 77 # needs a disk of its own
if [ "${1-}" != mounted ]; then
    unshare --user --map-root-user --mount bash "$(cd "$OLDPWD" && realpath "$0")" mounted
    exit
fi
# shellcheck disable=SC2154 # made by e2e.sh
mount -t tmpfs -o size=3m tmpfs "$scratch" || exit 77
cd "$scratch" || exit 1
trap 'cd / && umount "$scratch" && rmdir "$scratch"' EXIT

sim=(k2 simulate --symbols 5 --rate 2K --seconds 8 --seed 7 --start 2026-03-02T10:00:00Z --quotes)
other=(k2 simulate --symbols 5 --rate 2K --seconds 60 --seed 8 --start 2026-03-03T10:00:00Z --quotes)
rows() { value "SELECT (SELECT count(*) FROM trades) + (SELECT count(*) FROM quotes)"; }

run 0 "${sim[@]}"
run 0 k2 sink --once
before=$(rows)
same "$before" 16000

# Not enough room for the second market: what is acknowledged stays, and a sentence says why.
run 1 "${other[@]}"
has err "No space left on device"
run 0 k2 reconcile --quiet
same "$(rows)" "$before"
run 1 k2 sink --once
grep -qE "No space left on device|disk is full" err || fail "the sink does not say why: $(cat err)"
same "$(rows)" "$before" "a commit that failed left rows"

# Room again: the same feed adds exactly what was missing.
mount -o remount,size=64m "$scratch"
run 0 k2 sink --once
run 0 "${other[@]}"
run 0 k2 sink --once
same "$(rows)" $((before + 120000))
same "$(value "SELECT count(*) - count(DISTINCT message_id) FROM trades")" 0
run 0 k2 reconcile --quiet
run 0 k2 verify --quiet
finish
