#!/usr/bin/env bash
# Decoding, format by format: CPU nanoseconds a message, bytes in memory to events, medians of ROUNDS rounds. Beside
# itch-book (parse and books) and databento-dbn on the same files, in turn, with the ratios and what we aim at.
#
# Formats whose bytes can be made are measured everywhere; the others where K2_SHARED_DATA names the real data. A peer
# that the venv lacks is left out with a line (tools/bootstrap.sh --with-tests).
#
# usage: bench/decode.sh     environment: MESSAGES (default 1000000), ROUNDS (5), PYTHON (one with the peers),
#                            K2_SHARED_DATA
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BENCH_BIN:-$PWD/build/release/bench}
k2=${K2_BIN:-$PWD/build/release/bin/k2}
python=${PYTHON:-$PWD/.deps/venv/bin/python}
messages=${MESSAGES:-1000000}
data=${K2_SHARED_DATA:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

has() {
    "$python" -c "import $1" 2>/dev/null && return
    printf 'left out: %s has no %s\n' "$python" "$1" >&2
    return 1
}

"$bin/make_itch" "$tmp/20260302-itch.bin" "$messages"
"$bin/decode_dbn" make "$tmp/mbo.dbn" "$messages"
seconds=$((messages / 4000))
"$k2" simulate --data "$tmp/k2" --seconds $seconds --start 2026-03-02T00:00:00Z --print asx-csv >"$tmp/BHP.csv"
"$k2" simulate --data "$tmp/k2" --seconds $seconds --start 2026-03-02T00:00:00Z --print binance-json >"$tmp/binance.log"
python3 bench/make_bytes.py fix $((messages / 4)) >"$tmp/fix.log"

# Lines of FORMAT, FILE and what else bench/decode.c takes.
{
    echo "nasdaq-totalview-itch-5.0 $tmp/20260302-itch.bin"
    echo "dbn $tmp/mbo.dbn"
    echo "asx-csv $tmp/BHP.csv ASX BHP"
    echo "binance-json $tmp/binance.log"
    echo "fix-text $tmp/fix.log"
    if [ -n "$data" ]; then
        for of in cme-mdp3-1.9:Cme/Mdp3.Sbe.v1.9/MdIncrementalRefreshBook; do
            python3 bench/make_bytes.py repeat "$data/exchange-pcap/${of#*:}.pcap" 8000000 >"$tmp/${of%%:*}.pcap"
            echo "${of%%:*} $tmp/${of%%:*}.pcap"
        done
        echo "iex-deep-1.0 $(ls "$data"/iex-pcap/DEEP10*.pcap.gz)"
        echo "iex-tops-1.6 $(ls "$data"/iex-pcap/TOPS16*.pcapng.gz)"
        echo "moex-fast $data/fast-moex/increment_a.dat - - $data/fast-moex/templates.xml"
        echo "lobster $(ls "$data"/lobster-csv/AMZN*message*.gz)"
        echo "lean $data/us-equity-lean-csv/usa/tick/spy/20131007_trade.zip/$(
            cd "$data/us-equity-lean-csv/usa/tick/spy" && unzip -Z1 20131007_trade.zip | head -1)"
        for venue in coinbase kraken bitstamp bybit okx deribit gateio; do
            echo "$venue-json $data/crypto-raw-cryptofeed/$(ls "$data/crypto-raw-cryptofeed" | grep -i "^$venue\.ws.*gz$" | tail -1)"
        done
    fi
} >"$tmp/sources"

itch=false dbn=false
has itch_book && itch=true
has databento_dbn && dbn=true
for ((i = 1; i <= ${ROUNDS:-5}; i++)); do
    printf 'decoding: round %d of %d\n' "$i" "${ROUNDS:-5}" >&2
    while read -r format file exchange symbol mapping; do
        "$bin/decode" "$format" "$file" "$messages" "${exchange:--}" "${symbol:--}" "${mapping:--}" || true
        [ "$format" = dbn ] && $dbn && "$python" bench/dbn.py "$file"
        [ "$format" = nasdaq-totalview-itch-5.0 ] && $itch && "$python" bench/itch_peer.py "$file" "$messages"
    done <"$tmp/sources"
done >"$tmp/figures.jsonl" || true
python3 bench/decode_table.py "$tmp/figures.jsonl"
