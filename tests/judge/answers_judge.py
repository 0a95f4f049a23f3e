"""Answers of Kraken's REST APIs as they were received: what k2 stored is what this reads from the files itself, with
Python's decimals. k2-test: timeout=300"""
import csv
import io
import json
import shutil
import tempfile
from collections import Counter
from datetime import datetime, timezone
from decimal import Decimal

from _k2 import k2, shared

FOLDER = ("crypto-messages-nautilus", "kraken")
MOST = Decimal(10) ** -9


def load(name):
    with open(shared(*FOLDER, name)) as f:
        return json.load(f, parse_float=Decimal)


def stored(name, *words, refused=0):
    data = tempfile.mkdtemp()
    summary = json.loads(k2("ingest", "kraken-json", shared(*FOLDER, name), *words, "--data", data, "--format", "json"))[0]
    assert summary["quarantined"] == refused and summary["conflicts"] == summary["missing"] == 0, (name, summary)
    k2("sink", "--once", "--data", data)
    return data


def same(name, sql, mine, *words, refused=0):
    """The rows of the answer, as text and exact decimals, in any order."""
    data = stored(name, *words, refused=refused)
    rows = csv.reader(io.StringIO(k2("query", sql, "--data", data, "--format", "csv")))
    next(rows)
    of_k2 = Counter(tuple(plain(x) for x in row) for row in rows)
    mine = Counter(tuple(plain(x) for x in row) for row in mine)
    shutil.rmtree(data)
    assert mine and mine == of_k2, (name, list(mine - of_k2)[:3], list(of_k2 - mine)[:3])
    print(f"{name}: {sum(mine.values())} the same")


def plain(x):
    """5, 5.0 and "5.000" are one number."""
    try:
        return Decimal(str(x)).normalize()
    except ArithmeticError:
        return str(x)


def ns(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()) * 10**9


def spot():
    (pair, rows), = [p for p in load("http_trades.json")["result"].items() if p[0] != "last"]
    same("http_trades.json", "SELECT symbol, exchange_sequence_number, price, quantity, side, exchange_timestamp_ns FROM trades",
         [(pair, r[6], r[0], r[1], {"b": "BUY", "s": "SELL"}[r[3]], int(Decimal(str(r[2])) * 10**9)) for r in rows])
    (pair, rows), = [p for p in load("http_ohlc.json")["result"].items() if p[0] != "last"]
    same("http_ohlc.json", "SELECT symbol, exchange_timestamp_ns, open, high, low, close, volume, trade_count, extra['vwap'], "
         "interval_ns FROM bars", [(pair, r[0] * 10**9, *r[1:5], r[6], r[7], r[5], 60 * 10**9) for r in rows])
    (pair, t), = load("http_ticker.json")["result"].items()
    same("http_ticker.json", "SELECT symbol, bid_price, bid_quantity, ask_price, ask_quantity FROM quotes",
         [(pair, t["b"][0], t["b"][2], t["a"][0], t["a"][2])], "--date", "2025-11-11")
    same("http_ticker.json", "SELECT statistic, coalesce(price, quantity) FROM statistics",
         [(f"{name}{day}", t[key][i]) for key, name in (("v", "VOLUME"), ("p", "AVERAGE_PRICE"), ("t", "TRADE_COUNT"), ("l", "LOW"),
                                                        ("h", "HIGH")) for i, day in enumerate(("_TODAY", ""))]
         + [("OPEN_TODAY", t["o"]), ("LAST", t["c"][0]), ("LAST_QUANTITY", t["c"][1])], "--date", "2025-11-11")


def futures():
    for kind in ("trade", "spot", "mark"):
        name = f"http_futures_candles_{kind}.json"
        bars = load(name)["candles"]
        fit = [b for b in bars if all(Decimal(b[k]) % MOST == 0 for k in ("open", "high", "low", "close"))]
        if fit:
            same(name, "SELECT exchange_timestamp_ns, open, high, low, close, volume, interval_ns FROM bars",
                 [(b["time"] * 10**6, b["open"], b["high"], b["low"], b["close"], b["volume"], 3600 * 10**9) for b in fit],
                 "--symbol", "PI_XBTUSD", refused=len(bars) - len(fit))
        else:
            shutil.rmtree(stored(name, "--symbol", "PI_XBTUSD", refused=len(bars)))
    rates = load("http_futures_historical_funding_rates.json")["rates"]
    same("http_futures_historical_funding_rates.json", "SELECT exchange_timestamp_ns, statistic, price FROM statistics",
         [(ns(r["timestamp"]), n, r[k]) for r in rates for k, n in (("fundingRate", "FUNDING_RATE"),
                                                                     ("relativeFundingRate", "RELATIVE_FUNDING_RATE"))],
         "--symbol", "PF_XBTUSD")
    book = load("http_futures_orderbook.json")["orderBook"]
    same("http_futures_orderbook.json", "SELECT side, price, quantity FROM book_events WHERE action = 'SET'",
         [(s, *level) for s, k in (("BUY", "bids"), ("SELL", "asks")) for level in book[k]], "--symbol", "PF_XBTUSD")
    done = [e["event"]["Execution"]["execution"] for e in load("http_futures_public_executions.json")["elements"]]
    same("http_futures_public_executions.json", "SELECT symbol, exchange_timestamp_ns, price, quantity, side, extra['uid'] FROM trades",
         [(x["makerOrder"]["tradeable"], x["timestamp"] * 10**6, x["price"], x["quantity"], x["takerOrder"]["direction"].upper(),
           x["uid"]) for x in done])
    tickers = load("http_futures_tickers.json")["tickers"]
    same("http_futures_tickers.json", "SELECT symbol, bid_price, bid_quantity, ask_price, ask_quantity FROM quotes",
         [(t["symbol"], t["bid"], t["bidSize"], t["ask"], t["askSize"]) for t in tickers])
    same("http_futures_tickers.json", "SELECT symbol, price FROM statistics WHERE statistic = 'LAST'",
         [(t["symbol"], t["last"]) for t in tickers])


if __name__ == "__main__":
    spot()
    futures()
