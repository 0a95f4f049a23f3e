#!/usr/bin/env bash
# k2-test: timeout=120
# The journal encrypted: what stands in the files, who reads it, another key, a lost key, damage, backup, retention.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

export OLD_KEY NEW_KEY BOTH
OLD_KEY=$(python3 -c 'print("5a" * 32)')
NEW_KEY=$(python3 -c 'print("c3" * 32)')
BOTH="$OLD_KEY $NEW_KEY"
OLD_ID=$(python3 -c 'import hashlib; print(hashlib.sha256(b"\x5a" * 32).hexdigest()[:16])')
export K2_JOURNAL_SEGMENT_BYTES=64KB
unset K2_JOURNAL_ENCRYPTION_KEY K2_JOURNAL_ENCRYPTION_OLD_KEYS
with() { K2_JOURNAL_ENCRYPTION_KEY=$1 "${@:2}"; }
files_with() { grep -rlaF "$@"; }

printf '03/10/2014,10:00:00.123,37.5,100,0,X,\n03/10/2014,hunter2,37.5,100,0,X,\n' >9_QZX.csv
values() { k2 topic tail "$1" --from start --keys "${@:2}" | sed 's/"appended":"[^"]*",//' | sort; }
digest="SELECT symbol, count(*), sum(price), max(exchange_timestamp_ns) FROM trades GROUP BY 1 ORDER BY 1"

# --- in the clear, to compare with ---
for data in clear secret; do
    export K2_DATA=$data
    [ $data = clear ] || export K2_JOURNAL_ENCRYPTION_KEY=env:OLD_KEY
    run 0 k2 simulate -q --symbols 5 --rate 5K --seconds 2 --start 2026-03-02T10:00:00Z --seed 3
    run 0 k2 ingest -q asx-csv 9_QZX.csv
    run 0 k2 sink --once
    values market.ticks.sim >$data.sim
    k2 query -q --format csv "$digest" >$data.rows
done
[ -n "$(files_with hunter2 clear/journal)" ] || fail "nothing is found in the clear"
[ -n "$(files_with ASX.QZX clear/journal)" ] || fail "no key is found in the clear"
[ -n "$(files_with SIM clear/journal/*.idx)" ] || fail "no index names an exchange"
for text in hunter2 ASX.QZX SIM. SIM.AAPL; do
    same "$(files_with "$text" secret/journal/*.seg secret/journal/*.idx)" "" "files with $text"
done
same "$(files_with -e SIM -e QZX -e AAPL secret/journal/*.idx)" "" "indexes that name exchanges or symbols"
cmp clear.sim secret.sim || fail "the records differ"
cmp clear.rows secret.rows || fail "the tables differ"
same "$(wc -l <secret.sim)" 10000 "records"
run 0 k2 verify
run 0 k2 reconcile -q
run 0 k2 status --format csv
has out encrypted
run 0 k2 topic copy 'market.ticks.*' --to local:copied
same "$(files_with SIM. copied/journal/*.seg)" "" "files of the copy with symbols"

# --- a follower in another process ---
run 0 k2 simulate -q --data live --symbols 2 --rate 100 --seconds 1 --seed 1
timeout 60 k2 topic tail --data live market.ticks.sim --follow --from start --count 2100 >follow.out 2>follow.err & follower=$!
run 0 k2 simulate -q --data live --symbols 2 --rate 2K --seconds 1 --seed 2 --start 2026-03-02T10:00:00Z
wait $follower || fail "the follower: $(cat follow.err)"
same "$(wc -l <follow.out)" 2100 "records that the follower saw"

# --- without the key, and with another one ---
for key in "" env:NEW_KEY; do
    for words in "topic tail market.ticks.sim" "simulate -q --seconds 1" "reconcile"; do
        # shellcheck disable=SC2086 # words
        with "$key" run 1 k2 $words
        has err "$OLD_ID"
        grep -qi 'damaged\|corrupt' err && fail "$words: $(cat err)"
    done
    with "$key" run 3 k2 verify
    has out "$OLD_ID"
    with "$key" run 1 k2 status
    has out "$OLD_ID"
    with "$key" k2 doctor >out 2>err
    grep encryption out | grep -q "finding.*$OLD_ID" || fail "k2 doctor does not name the key"
done
cmp <(values market.ticks.sim) secret.sim || fail "records went while the key was away"

# --- how keys are written ---
with "$OLD_KEY" run 1 k2 topic list
has err 'env:NAME or file:PATH'
grep -q "$OLD_KEY" err && fail "the key is printed"
echo 1234 >short
with file:short run 1 k2 topic list
has err '64 hexadecimal digits'
with file:short run 1 k2 config check
printf '%s\n' "$OLD_KEY" >key
with file:key run 0 k2 config show
has out file:key
grep -q "$OLD_KEY" out && fail "k2 config show prints the key"
with file:key run 0 k2 topic tail market.ticks.sim --count 1

# --- another key, in a journal that has segments; backup and restore ---
export K2_JOURNAL_ENCRYPTION_KEY=env:NEW_KEY K2_JOURNAL_ENCRYPTION_OLD_KEYS=env:OLD_KEY
run 0 k2 simulate -q --symbols 5 --rate 5K --seconds 1 --start 2026-03-03T10:00:00Z --seed 4
k2 doctor >out 2>err
same "$(grep -c '^encryption  *ok ' out)" 2 "keys that k2 doctor tells of"
run 0 k2 sink --once
run 0 k2 backup B
run 0 k2 backup verify B
run 0 k2 restore B --data restored
for file in restored/journal/*.seg; do
    cmp "$file" "secret/journal/${file##*/}" || fail "a segment is not copied as it is"
done
run 0 k2 verify --data restored
run 0 k2 reconcile -q --data restored
K2_JOURNAL_ENCRYPTION_OLD_KEYS='' run 1 k2 topic tail --data restored market.ticks.sim --from start --count 1
has err "$OLD_ID"

# --- back to the clear, with a word ---
K2_JOURNAL_ENCRYPTION_KEY='' K2_JOURNAL_ENCRYPTION_OLD_KEYS=env:BOTH run 1 k2 simulate -q --data restored --seconds 1
has err 'off'
export K2_JOURNAL_ENCRYPTION_KEY=off K2_JOURNAL_ENCRYPTION_OLD_KEYS=env:BOTH
run 0 k2 simulate -q --data restored --symbols 3 --seconds 1 --start 2026-03-04T10:00:00Z
[ -n "$(files_with SIM. restored/journal)" ] || fail "off, and still encrypted"
run 0 k2 sink --data restored --once
run 0 k2 reconcile -q --data restored
run 0 k2 status --data restored --format csv
has out 'segments are encrypted'

# --- removed segments are proven by their digests, which need the key ---
run 0 k2 maintain --data restored --older-than 0s --yes
same "$(files_with SIM. restored/journal/*.seg)" "" "segments that are left with symbols"
run 0 k2 reconcile -q --data restored
K2_JOURNAL_ENCRYPTION_OLD_KEYS=env:NEW_KEY run 1 k2 reconcile --data restored
has err "$OLD_ID"

# --- a torn tail is cut, a bit that flips is found ---
export K2_JOURNAL_ENCRYPTION_KEY=env:NEW_KEY K2_JOURNAL_ENCRYPTION_OLD_KEYS=env:OLD_KEY
rm -rf secret/run # as after a power cut
before=$(values market.ticks.sim | wc -l)
last=$(find secret/journal -name '*.seg' | sort | tail -n 1)
first=$(find secret/journal -name '*.seg' | sort | head -n 1)
head -c 400 "$first" >>"$last"
run 0 k2 simulate -q --symbols 5 --rate 100 --seconds 1 --start 2026-03-05T10:00:00Z --seed 5
has err 'torn'
same "$(values market.ticks.sim | wc -l)" $((before + 100)) "records behind a torn tail"
run 0 k2 verify
python3 -B - "$first" "$tree/tests/judge" <<'END'
import struct, sys
sys.path.insert(0, sys.argv[2])
from _k2 import crc32c
s = bytearray(open(sys.argv[1], "rb").read())
n = struct.unpack_from("<I", s, 8)[0]
s[200] ^= 1
s[4:8] = struct.pack("<I", crc32c(bytes(s[8:n])))  # as a forger would
open(sys.argv[1], "wb").write(s)
END
run 3 k2 verify
has out 'was changed'
run 3 k2 topic tail market.ticks.sim --from start --count 20000
has err "$(basename "$first")"

finish
