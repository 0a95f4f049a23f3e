"""Raw captures of crypto venues (crypto-raw-cryptofeed, hyperliquid-raw): the trades, the lists of instruments, the books of
REST and those of Hyperliquid that k2 stored are what this reads from the files itself, and every line is answered once.
k2-test: timeout=600"""
import ast
import csv
import glob
import gzip
import io
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from decimal import Decimal

from _k2 import k2, shared

PRICE_PLACES, QUANTITY_PLACES = 9, 10


def load(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def lines(path):
    """What the venue sent: (address of the request or None, message)."""
    for line in gzip.open(path, "rt"):
        answer = re.match(r"(\S+) -> [\d.]+: (.*)", line)
        message = answer or re.match(r"()[\d.]+: (.*)", line)
        if not message:
            continue
        text = message[2]
        if text[:2] in ("b'", 'b"'):
            text = gzip.decompress(ast.literal_eval(text)).decode()
        yield message[1] or None, load(text)


def places(value):
    return max(0, -Decimal(value).normalize().as_tuple().exponent)


def fits(price, quantity):
    return places(price) <= PRICE_PLACES and places(quantity) <= QUANTITY_PLACES


# --- trades: (symbol, price, quantity) of a message ---


def binance_trades(m):
    d = m.get("data", {})
    return [(d["s"], d["p"], d["q"])] if d.get("e") in ("trade", "aggTrade") else []


def bitstamp_trades(m):
    pair = m.get("channel", "").rsplit("_", 1)[-1]
    return [(pair, m["data"]["price_str"], m["data"]["amount_str"])] if m.get("event") == "trade" else []


def bybit_trades(m):
    return [(d["symbol"], d["price"], d["size"]) for d in m["data"]] if m.get("topic", "").startswith("trade.") else []


def coinbase_trades(m):
    if m.get("type") in ("match", "last_match"):
        return [(m["product_id"], m["price"], m["size"])]
    return []


def gateio_trades(m):
    d = m.get("result")
    return [(d["currency_pair"], d["price"], d["amount"])] if m.get("channel") == "spot.trades" and "price" in d else []


def huobi_trades(m):
    topic = m.get("ch", "").split(".")
    return [(topic[1], d["price"], d["amount"]) for d in m["tick"]["data"]] if "trade" in topic else []


def kraken_trades(m):
    return [(m[3], p[0], p[1]) for p in m[1]] if isinstance(m, list) and m[-2] == "trade" else []


def okx_trades(m):
    if m.get("arg", {}).get("channel") != "trades":
        return []
    return [(d["instId"], d["px"], d["sz"]) for d in m.get("data", [])]


TRADES = {"BINANCE": binance_trades, "BINANCE_FUTURES": binance_trades, "BITSTAMP": bitstamp_trades,
          "BYBIT": bybit_trades, "COINBASE": coinbase_trades, "GATEIO": gateio_trades, "HUOBI": huobi_trades,
          "KRAKEN": kraken_trades, "OKX": okx_trades}


# --- instruments: symbols of an answer ---


def instruments(venue, m):
    if venue in ("BINANCE", "BINANCE_FUTURES"):
        return [d["symbol"] for d in m["symbols"]]
    if venue == "BITSTAMP":
        return [d["url_symbol"] for d in m]
    if venue == "KRAKEN":
        return [d.get("wsname", d["altname"]) for d in m["result"].values()]
    if venue in ("COINBASE", "GATEIO"):
        return [d["id"] for d in m]
    name = {"BYBIT": "name", "DERIBIT": "instrument_name"}
    if venue in name:
        return [d[name[venue]] for d in m["result"]]
    return [d["instId" if venue == "OKX" else "symbol"] for d in m["data"]]


# --- what k2 stored ---


def ingest(path, data):
    summary = json.loads(k2("ingest", path, "--data", data, "--format", "json"))[0]
    parts = ("accepted", "duplicates", "conflicts", "quarantined", "filtered", "halted")
    assert summary["read"] == sum(summary[p] for p in parts) and summary["missing"] == 0, (path, summary)
    return summary


def select(data, sql):
    rows = csv.reader(io.StringIO(k2("query", sql, "--data", data, "--format", "csv")))
    next(rows)
    return [tuple(row) for row in rows]


def same(what, mine, of_k2):
    mine, of_k2 = Counter(mine), Counter(of_k2)
    assert mine == of_k2, (what, sum(mine.values()), sum(of_k2.values()), list((mine - of_k2))[:3], list((of_k2 - mine))[:3])
    print(f"{what}: {sum(mine.values())} the same")


def decimals(rows, first):
    return [row[:first] + tuple(Decimal(x) for x in row[first:]) for row in rows]


def sockets(venue):
    """Trades; what a table's columns cannot hold is refused, each trade alone and a book whole."""
    for path in sorted(glob.glob(shared("crypto-raw-cryptofeed", "") + venue + ".ws.*.gz")):
        data = tempfile.mkdtemp()
        summary = ingest(path, data)
        assert summary["conflicts"] == 0, (path, summary)
        k2("sink", "--once", "--data", data)
        mine, refused = [], 0
        for _, message in lines(path):
            for symbol, price, quantity in TRADES[venue](message):
                if fits(price, quantity):
                    mine.append((symbol, Decimal(price), Decimal(quantity)))
                else:
                    refused += 1
            if venue == "HUOBI" and ".depth." in message.get("ch", ""):
                refused += any(not fits(p, q) for side in ("bids", "asks") for p, q in message["tick"][side])
        assert summary["quarantined"] == refused, (path, refused, summary)
        same(f"{os.path.basename(path)}: trades ({refused} messages refused)", mine,
             decimals(select(data, "SELECT symbol, price, quantity FROM trades"), 1))
        shutil.rmtree(data)


def lists(venue):
    path, data = shared("crypto-raw-cryptofeed", venue + ".0.gz"), tempfile.mkdtemp()
    summary = ingest(path, data)
    assert summary["quarantined"] == summary["conflicts"] == 0 and summary["filtered"] == 1, (path, summary)
    k2("sink", "--once", "--data", data)
    mine = [s for url, message in lines(path) if url for s in instruments(venue, message)]
    same(f"{venue}: instruments", mine, [r[0] for r in select(data, "SELECT symbol FROM instruments")])
    shutil.rmtree(data)


def books(venue):
    path, data = shared("crypto-raw-cryptofeed", venue + ".http.0.0.gz"), tempfile.mkdtemp()
    summary = ingest(path, data)
    assert summary["quarantined"] == summary["conflicts"] == summary["filtered"] == 0, (path, summary)
    k2("sink", "--once", "--data", data)
    mine = [(side, Decimal(level[0]), Decimal(level[1])) for _, m in lines(path)
            for side, name in (("BUY", "bids"), ("SELL", "asks")) for level in m[name]]
    same(f"{venue}: levels of REST", mine, decimals(
        select(data, "SELECT side, price, quantity FROM book_events WHERE action = 'SET'"), 1))
    shutil.rmtree(data)


def hyperliquid():
    path, data = shared("hyperliquid-raw", "btcusd_20250126.gz"), tempfile.mkdtemp()
    summary = ingest(path, data)
    assert summary["quarantined"] == summary["conflicts"] == 0, summary
    k2("sink", "--once", "--data", data)
    mine = []
    for line in gzip.open(path, "rt"):
        m = load(line.split(" ", 1)[1])
        if m.get("channel") == "l2Book":
            for side, levels in zip(("BUY", "SELL"), m["data"]["levels"]):
                mine += [(m["data"]["coin"], side, str(x["n"]), Decimal(x["px"]), Decimal(x["sz"])) for x in levels]
    same("hyperliquid: levels", mine, decimals(select(
        data, "SELECT symbol, side, order_count, price, quantity FROM book_events WHERE action = 'SET'"), 3))
    shutil.rmtree(data)


if __name__ == "__main__":
    hyperliquid()
    for name in TRADES:
        sockets(name)
        lists(name)
    lists("DERIBIT")
    for name in ("BINANCE", "BINANCE_FUTURES", "BITSTAMP", "GATEIO"):
        books(name)
