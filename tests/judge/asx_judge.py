"""Counts, sums, first and last of the real ASX files, by an independent script, equal what k2 answers; and so do
the publisher's one-minute bars. k2-test: timeout=300"""
import csv
import datetime
import glob
import gzip
import os
import shutil
import tempfile
from decimal import Decimal
from zoneinfo import ZoneInfo

from _k2 import k2, query, shared

SYDNEY = ZoneInfo("Australia/Sydney")
UTC = datetime.timezone.utc


def rows_of(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", newline="") as f:
        yield from csv.reader(f)


def instant(date, time):
    local = datetime.datetime.strptime(f"{date} {time}000", "%m/%d/%Y %H:%M:%S.%f").replace(tzinfo=SYDNEY)
    return local.astimezone(UTC)


def text(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def summarise(folder, value):
    """{(symbol, date): [count, sum, first instant, last instant]}"""
    out = {}
    for path in sorted(glob.glob(os.path.join(shared("asx-csv", folder), "*"))):
        symbol = os.path.basename(path).split(".")[0].split("_")[1]
        for row in rows_of(path):
            when = instant(row[0], row[1])
            date = datetime.datetime.strptime(row[0], "%m/%d/%Y").strftime("%Y-%m-%d")
            s = out.setdefault((symbol, date), [0, Decimal(0), when, when])
            s[0] += 1
            s[1] += value(row)
            s[2], s[3] = min(s[2], when), max(s[3], when)
    return out


def answers(data, table, value):
    rows = query(data, f"SELECT symbol, trade_date::VARCHAR AS d, count(*)::INTEGER AS n, sum({value}) AS v, "
                       f"min(exchange_timestamp) AS a, max(exchange_timestamp) AS b, "
                       f"max(exchange_sequence_number)::INTEGER AS s FROM {table} GROUP BY ALL")
    for r in rows:
        assert r["s"] == r["n"], "ordinal numbers are not dense"
    return {(r["symbol"], r["d"]): [r["n"], Decimal(r["v"]), r["a"], r["b"]] for r in rows}


def compare(got, want):
    assert got.keys() == want.keys()
    for key, (n, v, a, b) in want.items():
        assert got[key] == [n, v, text(a), text(b)], (key, got[key], n, v, a, b)


def bars(data):
    for path in sorted(glob.glob(shared("asx-csv") + "/expected_bars_1m_*.csv")):
        symbol = os.path.basename(path).rsplit("_", 1)[1][:-4]
        got = query(data, f"""
            SELECT strftime(date_trunc('minute', timezone('Australia/Sydney', exchange_timestamp)),
                            '%Y-%m-%dT%H:%M:%S') AS m,
                   arg_min(price, exchange_sequence_number) AS o, max(price) AS h, min(price) AS l,
                   arg_max(price, exchange_sequence_number) AS c, sum(quantity) AS v,
                   count(*)::INTEGER AS n, sum(price * quantity) AS x
            FROM trades WHERE symbol = '{symbol}' GROUP BY trade_date, m ORDER BY m""")
        want = list(csv.DictReader(open(path)))
        assert len(got) == len(want), (symbol, len(got), len(want))
        for g, w in zip(got, want):
            assert g["m"] == w["minute_local"] and g["n"] == int(w["trades"]), (g, w)
            for mine, theirs in (("o", "open"), ("h", "high"), ("l", "low"), ("c", "close"), ("v", "volume"),
                                 ("x", "notional")):
                assert Decimal(g[mine]) == Decimal(w[theirs]), (symbol, g, w)
        print(symbol, len(want), "one-minute bars equal the publisher's")


def main():
    trades, quotes = shared("asx-csv", "trades"), shared("asx-csv", "quotes")
    data = tempfile.mkdtemp(prefix="k2judge.")
    try:
        k2("ingest", "asx-csv", trades, quotes, "--data", data)
        k2("sink", "--once", "--data", data)
        compare(answers(data, "trades", "price * quantity"),
                summarise("trades", lambda r: Decimal(r[2]) * Decimal(r[3])))
        side = lambda p, s: Decimal(p) * Decimal(s) if Decimal(p) else Decimal(0)
        compare(answers(data, "quotes", "coalesce(bid_price * bid_quantity, 0) + coalesce(ask_price * ask_quantity, 0)"),
                summarise("quotes", lambda r: side(r[2], r[4]) + side(r[3], r[5])))
        print("counts, sums, first and last equal an independent script's")
        bars(data)
        twin = query(data, "SELECT count(*)::INTEGER AS n FROM (SELECT count(*) - 1 AS more FROM trades WHERE symbol = 'BHP' "
                           "GROUP BY exchange_timestamp_ns, price, quantity, conditions, venue, extra, trade_date), "
                           "generate_series(1, more)")
        assert twin[0]["n"] == 2107, twin
        print("2107 equal BHP rows kept")
        k2("reconcile", "--data", data)
    finally:
        shutil.rmtree(data)


main()
