#!/usr/bin/env bash
# Makes the fixture directory of the present on-disk format: a small data directory with all that one can
# hold (several segments, some of them removed by retention, tables of two commits, quarantine, positions,
# journal rows that no table has yet), simulated data only, and what it answers.
#
#   tests/fixtures/format-<N>/k2-data.tar.gz   the directory, made at /tmp/k2-fixture
#   tests/fixtures/format-<N>/queries.sql      one query a line
#   tests/fixtures/format-<N>/answers.csv      their answers, one behind the other
#
# A fixture is made once, when its format comes into being, and stays as it is: tests/e2e/fixtures.sh shows
# that every later k2 opens it. So this refuses to make one that is there.
#
# usage: tools/make_fixture.sh      (K2_BIN names another k2 than build/release/bin/k2)
set -euo pipefail
cd "$(dirname "$0")/.."
tree=$PWD
k2=$(realpath "${K2_BIN:-build/release/bin/k2}")
place=/tmp/k2-fixture
[ ! -e $place ] || { echo "make_fixture: $place is there; remove it" >&2; exit 1; }
mkdir $place
trap 'rm -rf $place' EXIT
cd $place
unset K2_DATA
export K2_JOURNAL_SEGMENT_BYTES=30KB

# One good record and two bad ones.
cat >some.ndjson <<'END'
{"e":"trade","E":1772445600000,"s":"BTCUSDT","t":7,"p":"not a price","q":"1","T":1772445600000,"m":true,"M":true}
{"e":"trade","E":1772445600000,"s":"BTCUSDT","t":8,"p":"1.5","q":"1","T":1772445600001,"m":true,"M":true}
this is no JSON
END

market() { "$k2" simulate -q --symbols 4 --rate 300 --seed 7 --quotes "$@"; }
market --seconds 1 --start 2026-03-02T10:00:00Z --gaps 1% >log
"$k2" ingest binance-json some.ndjson >>log
"$k2" sink --once >>log
market --seconds 1 --start 2026-03-03T10:00:00Z >>log
"$k2" sink --once >>log
"$k2" maintain --older-than 0s --yes >>log
market --seconds 1 --start 2026-03-04T10:00:00Z >>log
[ "$(find k2-data/journal -name '*.idx' | wc -l)" -gt "$(find k2-data/journal -name '*.seg' | wc -l)" ] ||
    { echo "make_fixture: retention removed nothing" >&2; cat log >&2; exit 1; }

format=$(sed 's/.* //' k2-data/format)
out=$tree/tests/fixtures/format-$format
[ ! -e "$out" ] || { echo "make_fixture: $out is there and stays" >&2; exit 1; }
mkdir -p "$out"
cat >"$out/queries.sql" <<'END'
SELECT count(*) AS n, sum(price * quantity) AS turnover, min(exchange_sequence_number) AS low, max(exchange_sequence_number) AS high FROM trades
SELECT symbol, trade_date, count(*) AS n, sum(quantity) AS quantity FROM trades GROUP BY ALL ORDER BY ALL
SELECT symbol, count(*) AS n, max(ask_price) AS ask, min(bid_price) AS bid FROM quotes GROUP BY ALL ORDER BY ALL
SELECT reason, count(*) AS n FROM quarantine GROUP BY ALL ORDER BY ALL
SELECT journal_partition, min(journal_offset) AS low, max(journal_offset) AS high FROM trades GROUP BY ALL ORDER BY ALL
SELECT message_id, price, quantity, exchange_timestamp_ns FROM trades ORDER BY exchange_timestamp_ns, message_id LIMIT 5
END
while read -r query; do
    "$k2" query -q --format csv "$query"
done <"$out/queries.sql" >"$out/answers.csv"
tar --sort=name --owner=0 --group=0 --numeric-owner --exclude=k2-data/run -cf - k2-data | gzip -9n >"$out/k2-data.tar.gz"
ls -l "$out"
