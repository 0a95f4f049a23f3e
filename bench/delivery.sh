#!/usr/bin/env bash
# What the delivery classes cost, in one run: log lines and counts (at most once), the same number of rows ingested (at
# least once, duplicates dropped) and derived from (exactly once), and executions acknowledged by journal and table, many
# at once and one by one. Prints the time of a row and the ratio to the default class. The time is of whole processes.
#
# usage: bench/delivery.sh       environment: ROWS (default 200000), SINGLES (20), K2_BIN, BENCH_BIN,
#        BENCH_TMP (a folder on a real disk)
set -euo pipefail
cd "$(dirname "$0")/.."
k2=${K2_BIN:-$PWD/build/release/bin/k2}
bin=${BENCH_BIN:-$PWD/build/release/bench}
rows=${ROWS:-200000}
singles=${SINGLES:-20}
tmp=$(mktemp -d "${BENCH_TMP:-$PWD/build}/delivery.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export K2_DATA=$tmp/data

python3 - "$rows" "$singles" "$tmp" <<'END'
import sys
rows, singles, tmp = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
head = "execution_id,symbol,exchange,side,price,quantity,transact_time_ns,account\n"
def fill(name, i):
    return f"{name}{i},S{i % 20},SIM,{'BUY' if i % 2 else 'SELL'},{100 + i % 10}.5,{1 + i % 9},{1709564400000000000 + i},A{i % 3}\n"
with open(f"{tmp}/trades.csv", "w", encoding="ascii") as f:
    f.write("symbol,time,n,price,quantity\n")
    f.writelines(f"S{i % 20},{1709564400000000 + i},{i // 20 + 1},{100 + i % 10}.5,{1 + i % 9}\n" for i in range(rows))
with open(f"{tmp}/fills.csv", "w", encoding="ascii") as f:
    f.write(head)
    f.writelines(fill("E", i) for i in range(rows))
for i in range(singles):
    with open(f"{tmp}/single.{i}", "w", encoding="ascii") as f:
        f.write(head + fill("X", i))
END
printf 'kind = trade\nexchange = "BITMEX"\nsymbol = symbol\ncalendar = utc\ntime = time us\nsequence = n\nprice = price\nquantity = quantity\n' >"$tmp/m.mapping"

now() { date +%s%N; }
took=()
timed() { # timed NAME ROWS COMMAND...
    local start name=$1 n=$2
    shift 2
    start=$(now)
    "$@" >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/err" >&2; exit 1; }
    took+=("$name $n $(($(now) - start))")
}
one_by_one() { for ((i = 0; i < singles; i++)); do cat "$tmp/single.$i"; sleep 0.2; done | sed -u '2,${/^execution_id/d}' | "$k2" ingest executions -; }

timed 'at most once: log lines' "$rows" "$bin/forgotten" log "$rows"
[ "$(wc -l <"$tmp/err")" -eq "$rows" ] || { echo "not all lines were written" >&2; exit 1; }
timed 'at most once: counts in memory' "$rows" "$bin/forgotten" counter "$rows"
timed 'at least once, duplicates dropped' "$rows" "$k2" ingest --mapping "$tmp/m.mapping" "$tmp/trades.csv"
timed 'the same rows again: all dropped' "$rows" "$k2" ingest --mapping "$tmp/m.mapping" "$tmp/trades.csv"
timed 'exactly once: derived volume of them' "$rows" "$k2" derive volume
timed 'acknowledged by both, in groups' "$rows" "$k2" ingest executions "$tmp/fills.csv"
timed 'exactly once: derived profit of these' "$rows" "$k2" derive pnl

printf '| class | rows | us a row | ratio |\n| --- | ---: | ---: | ---: |\n'
base=$(printf '%s\n' "${took[@]}" | awk '/^at least once/ { print $NF / $(NF - 1) }')
for line in "${took[@]}"; do
    echo "$line" | awk -v base="$base" '{ ns = $NF; n = $(NF - 1); NF -= 2; printf "| %s | %d | %.2f | %.2f |\n", $0, n, ns / n / 1000, ns / n / base }'
done
K2_DATA=$tmp/single.data one_by_one >"$tmp/out" 2>"$tmp/err"
printf '\nacknowledged by both, one by one: %s\n' "$(grep -o 'latency.*' "$tmp/err")"
