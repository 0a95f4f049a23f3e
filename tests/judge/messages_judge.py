"""Messages of crypto venues as they were received, and rows by a mapping: what k2 stored is what this reads from the files
itself. Binance: every trade and best quote, and after a snapshot and its changes the book's best levels are those of
each bookTicker of the same update id. Bitstamp: orders and trades. k2-test: timeout=600"""
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import tempfile
from collections import Counter
from decimal import Decimal

from _k2 import k2, shared

MAPPINGS = {
    ("misc-nautilus", "truefx", "usdjpy-ticks.csv"):
        'kind = quote\nexchange = "FXCM"\nsymbol = "USDJPY"\ntime = timestamp iso\nbid_price = bid\nask_price = ask\n',
    ("misc-nautilus", "xcme", "6EH4.XCME_1min_bars_20240101_20240131.csv.gz"):
        'kind = bar\nexchange = "CME"\nsymbol = "6EH4"\ntime = timestamp_utc iso\ninterval_ns = "60000000000"\n'
        "open = open\nhigh = high\nlow = low\nclose = close\nvolume = volume\n",
}


def stored(*words):
    """A data directory with what the words of k2 ingest read; nothing of it was refused."""
    data = tempfile.mkdtemp()
    summary = json.loads(k2("ingest", *words, "--data", data, "--format", "json"))[0]
    assert summary["quarantined"] == summary["conflicts"] == summary["missing"] == 0, (words, summary)
    parts = ("accepted", "duplicates", "filtered", "halted")
    assert summary["read"] == sum(summary[p] for p in parts) and summary["accepted"] > 0, (words, summary)
    k2("sink", "--once", "--data", data)
    return data


def select(data, sql):
    rows = csv.reader(io.StringIO(k2("query", sql, "--data", data, "--format", "csv")))
    next(rows)
    return [tuple(row) for row in rows]


def number(text):
    """A price of 0 is none."""
    return Decimal(text) or None


def same(what, mine, of_k2):
    mine, of_k2 = Counter(mine), Counter(of_k2)
    assert mine and mine == of_k2, (what, len(mine), len(of_k2), list((mine - of_k2))[:3], list((of_k2 - mine))[:3])
    print(f"{what}: {sum(mine.values())} the same")


def decimals(rows, first):
    return [row[:first] + tuple(Decimal(x) if x else None for x in row[first:]) for row in rows]


def messages(path):
    for line in gzip.open(path, "rt"):
        m = json.loads(line.split(" ", 1)[1])
        yield m.get("data", m)


def best(levels, side):
    prices = [p for p, q in levels[side].items() if q]
    return ((max if side == "BUY" else min)(prices)) if prices else None


def compare_book(name, data, quotes):
    """Applies the stored changes behind the stored snapshot; gives nothing when a best level differs."""
    rows = select(data, "SELECT channel LIKE '%@snapshot', exchange_sequence_number, action, side, price, quantity FROM "
                        "book_events ORDER BY 1 DESC, 2, part")
    levels, start, at, equal = {"BUY": {}, "SELL": {}}, None, None, 0

    def check():
        nonlocal equal
        for b, bq, a, aq in quotes.get(at, []) if at is not None and at > start else []:
            bid, ask = best(levels, "BUY"), best(levels, "SELL")
            assert (bid, levels["BUY"][bid], ask, levels["SELL"][ask]) == (b, bq, a, aq), (name, at)
            equal += 1

    for snapshot, sequence, action, side, price, quantity in rows:
        sequence = int(sequence)
        if snapshot == "true":
            start = sequence
        elif sequence != at:
            check()
            at = sequence
        if side and (snapshot == "true" or sequence > start):
            levels[side][Decimal(price)] = Decimal(quantity) if action == "SET" else Decimal(0)
    check()
    assert equal > 100, (name, equal)
    print(f"{name}: the book is that of {equal} best quotes")


def binance(*files, book=True):
    name, paths = files[0], [shared("binance-raw", *f.split("/")) for f in files]
    data = stored("binance-json", *paths)
    trades, quotes = [], {}
    for path in paths:
        for d in messages(path):
            if d.get("e") == "trade":
                side = "SELL" if d["m"] else "BUY"
                trades.append((str(d["t"]), side, number(d["p"]), Decimal(d["q"])))
            elif "u" in d and "B" in d:
                quotes.setdefault(d["u"], []).append(tuple(Decimal(d[k]) for k in "bBaA"))
    same(f"{name}: trades", trades, decimals(
        select(data, "SELECT exchange_sequence_number, side, price, quantity FROM trades"), 2))
    same(f"{name}: best quotes", [(str(u), *q) for u, all_of in quotes.items() for q in all_of], decimals(
        select(data, "SELECT exchange_sequence_number, bid_price, bid_quantity, ask_price, ask_quantity FROM quotes"), 1))
    if book:
        compare_book(name, data, quotes)
    shutil.rmtree(data)


def bitstamp():
    path = shared("bitstamp-l3", "2015-05-01.log.xz")
    data, events, trades = stored("bitstamp-json", path), [], []
    action = {"order_created": "ADD", "order_changed": "MODIFY", "order_deleted": "DELETE"}
    for line in lzma.open(path, "rt"):
        _, event, body = line.split(" ", 2)
        m = json.loads(body)
        if event in action:
            events.append((action[event], str(m["id"]), "SELL" if m["order_type"] else "BUY"))
        elif event == "trade":
            trades.append(str(m["id"]))
    same("bitstamp: orders", events, select(data, "SELECT action, order_id, side FROM book_events WHERE order_id <> ''"))
    same("bitstamp: trades", trades, [r[0] for r in select(data, "SELECT exchange_sequence_number FROM trades")])
    shutil.rmtree(data)


def mapped(parts, text):
    work, path = tempfile.mkdtemp(), shared(*parts)
    mapping = os.path.join(work, "rows.mapping")
    with open(mapping, "w") as f:
        f.write(text)
    data = stored("--mapping", mapping, path)
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    names = next(rows := csv.reader(opened))[1:]
    mine = [tuple(Decimal(x) for x in row[1:]) for row in rows]
    table = "quotes" if "bid" in names else "bars"
    columns = ", ".join(n + "_price" if table == "quotes" else n for n in names)
    same("/".join(parts), mine, decimals(select(data, f"SELECT {columns} FROM {table}"), 0))
    shutil.rmtree(work)
    shutil.rmtree(data)


if __name__ == "__main__":
    binance("usdm/btcusdt_20240808.gz")
    binance("cm/ethusd_perp_20240808.gz")
    binance("spot/btcusdt_20240808.gz", "spot/btcusdt_20240809.gz")
    bitstamp()
    for parts, text in MAPPINGS.items():
        mapped(parts, text)
