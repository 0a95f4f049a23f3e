#!/usr/bin/env bash
# k2-test: timeout=300
# Every --help exits with 0 and has an example, and every example can be run as it is printed.
. "$(dirname "$0")/../support/e2e.sh"

# The words of every command, one command a line: the verbs, and the verbs below them.
commands() { # commands WORDS...
    local name
    echo "$*"
    k2 "$@" --help | awk '/^Commands:/{on=1; next} /^$/{on=0} on{print $1}' | while read -r name; do
        commands "$@" "$name"
    done
}

# What the examples speak of: files of a venue, and a data directory with simulated trades and with
# refused rows in every partition.
prepare() {
    local n
    mkdir -p trades quotes
    k2 simulate --symbols 1 --rate 50 --start 2014-03-10T00:00:00Z --print asx-csv >7078_BHP_20140310.csv
    [ -s 7078_BHP_20140310.csv ] || fail "simulate --print wrote nothing"
    cp 7078_BHP_20140310.csv trades/3153_BXB.csv
    gzip -k 7078_BHP_20140310.csv
    printf '%s\n' execution_id,symbol,exchange,side,price,quantity,transact_time \
        E1,AAPL,XNAS,BUY,190.5,100,2024-03-04T15:00:00Z >fills.csv
    for n in AAA BBB CCC DDD EEE FFF GGG HHH; do
        echo "03/10/2014,10:00:00.000,not a price,1,0,X," >"1_$n.csv"
    done
    run 0 k2 ingest asx-csv 1_*.csv
    run 0 k2 simulate --seconds 10
    run 0 k2 sink --once
    cp k2-data/journal/positions/sink k2-data/journal/positions/raw.binance.1adc9a30 # of a source that was given up
}

prepare
commands >commands.txt
[ "$(wc -l <commands.txt)" -ge 20 ] || fail "only $(wc -l <commands.txt) commands found"
while read -r words; do
    # shellcheck disable=SC2086  # words of a command
    run 0 k2 $words --help
    has out "usage: k2"
    has out "Exit codes:"
    awk '/^Examples:/{on=1; next} /^$/{on=0} on{sub(/^  /, ""); print}' out >examples.new
    [ -s examples.new ] || fail "k2 $words --help has no example"
    cat examples.new >>examples.txt
    awk 'length($0) > 100 && !/SELECT/' out >long
    [ ! -s long ] || fail "k2 $words --help has long lines: $(cat long)"
done <commands.txt

# The manual page names every command, and no other.
if [ -n "${K2_SOURCE:-}" ]; then
    sed -n '/^The commands are/,/^\.El/s/^\.It Cm //p' "$K2_SOURCE/docs/man/k2.1" >manual
    awk 'NF == 1' commands.txt >real
    same "$(cat manual)" "$(cat real)" "the commands of docs/man/k2.1"
    run 0 k2 help --markdown
    diff -u "$K2_SOURCE/docs/commands.md" out ||
        fail "docs/commands.md is not what k2 help --markdown prints; tools/docs_in_sync.sh --write"
    "$K2_SOURCE/tools/feeds_page.sh" "$K2_BIN" | diff -u "$K2_SOURCE/docs/feeds.md" - ||
        fail "docs/feeds.md is not what k2 feed list and show print; tools/docs_in_sync.sh --write"
fi

# The examples name ports; two runs of this at once take others, which are free.
read -r a b < <(python3 -c '
import socket
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for each in s:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in s))')
sort -u examples.txt | sed "s/:26400/:$a/g; s/:26401/:$b/g" >each.txt
if grep -E '(udp|tcp|ws|wss)://' each.txt | grep -vE ":($a|$b)\b"; then fail "an example has a port of its own"; fi
while read -r line; do
    run 0 bash -c "$line" </dev/null
done <each.txt
echo "$(wc -l <commands.txt) commands, $(wc -l <each.txt) examples"
finish
