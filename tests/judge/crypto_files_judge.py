"""CSV files of Tardis and answers of REST APIs of crypto venues: what k2 stored, told their format by itself, is what this
reads from the files with Python's csv, json and decimals. k2-test: timeout=300"""
import csv
import io
import json
import shutil
import tempfile
from collections import Counter
from decimal import Decimal

from _k2 import k2, shared

FOLDER = "crypto-messages-nautilus"
SIDES = {"buy": "BUY", "bid": "BUY", "sell": "SELL", "ask": "SELL"}
FIGURES = {"funding_rate": "FUNDING_RATE", "predicted_funding_rate": "NEXT_FUNDING_RATE", "open_interest": "OPEN_INTEREST",
           "last_price": "LAST", "index_price": "INDEX_PRICE", "mark_price": "MARK_PRICE",
           "underlying_price": "UNDERLYING_PRICE"}
CONTEXT = {"dayNtlVlm": "QUOTE_VOLUME", "dayBaseVlm": "VOLUME", "prevDayPx": "PREVIOUS_CLOSE", "markPx": "MARK_PRICE",
           "midPx": "MID_PRICE", "oraclePx": "INDEX_PRICE", "funding": "FUNDING_RATE", "openInterest": "OPEN_INTEREST"}
SIZES = ("open_interest", "dayNtlVlm", "dayBaseVlm", "openInterest")


def plain(x):
    """5, 5.0 and "5.000" are one number."""
    try:
        return str(Decimal(str(x)).normalize() + 0)
    except ArithmeticError:
        return str(x)


def same(path, sql, mine, *words):
    """The file is ingested without a word on its format; its rows are those of the query, in any order."""
    name, data = "/".join(path), tempfile.mkdtemp()
    summary = json.loads(k2("ingest", shared(FOLDER, *path), *words, "--data", data, "--format", "json"))[0]
    assert summary["quarantined"] == summary["conflicts"] == summary["filtered"] == 0, (name, summary)
    k2("sink", "--once", "--data", data)
    rows = csv.reader(io.StringIO(k2("query", sql, "--data", data, "--format", "csv")))
    next(rows)
    of_k2 = Counter(tuple(plain(x) for x in row) for row in rows)
    mine = Counter(tuple("" if x is None else plain(x) for x in row) for row in mine)
    shutil.rmtree(data)
    assert mine and mine == of_k2, (name, list((mine - of_k2))[:3], list((of_k2 - mine))[:3])
    print(f"{name}: {sum(mine.values())} the same")


def rows_of(path):
    with open(shared(FOLDER, *path), newline="") as f:
        return list(csv.DictReader(f))


def answer(path):
    with open(shared(FOLDER, *path)) as f:
        return json.load(f, parse_float=Decimal)


def ns(text):
    """Microseconds; what keeps nanoseconds in these files has 19 digits."""
    return int(text) * (1 if len(text) == 19 else 1000)


def fits(text):
    """Whether a price has room for all its decimals."""
    return Decimal(text) == Decimal(text).quantize(Decimal("1e-9"))


# --- Tardis ---

HEAD = "exchange, symbol, channel, exchange_timestamp_ns, receive_timestamp_ns, exchange_sequence_number"


def heads(rows, kind):
    """What all kinds have, numbered by channel and day."""
    counts = Counter()
    for r in rows:
        time = ns(r["timestamp"])
        key = (r["exchange"], r["symbol"], time // (86400 * 10**9))
        counts[key] += 1
        channel = f"{r['symbol']}@{r['exchange']}.{kind}"
        yield r, ("TARDIS", r["symbol"], channel, time, ns(r["local_timestamp"]), counts[key])


def trades(*path):
    same(path, f"SELECT {HEAD}, side, price, quantity, extra['trade_id'], extra['exchange'] FROM trades",
         [h + (SIDES[r["side"]], r["price"], r["amount"], r["id"], r["exchange"]) for r, h in heads(rows_of(path), "trades")])


def quotes(*path):
    same(path, f"SELECT {HEAD}, bid_price, bid_quantity, ask_price, ask_quantity FROM quotes",
         [h + (r["bid_price"], r["bid_amount"], r["ask_price"], r["ask_amount"])
          for r, h in heads(rows_of(path), "quotes")])


def changes(*path):
    mine, snapshot = [], {}
    for r, h in heads(rows_of(path), "incremental_book_L2"):
        begins = r["is_snapshot"] == "true" and not snapshot.get(r["symbol"])
        snapshot[r["symbol"]] = r["is_snapshot"] == "true"
        if begins:
            mine.append(h + (0, "CLEAR", None, None, None))
        action, amount = ("SET", r["amount"]) if Decimal(r["amount"]) else ("DELETE", None)
        mine.append(h + (int(begins), action, SIDES[r["side"]], r["price"], amount))
    same(path, f"SELECT {HEAD}, part, action, side, price, quantity FROM book_events", mine)


def books(levels, *path):
    mine = []
    for r, h in heads(rows_of(path), f"book_snapshot_{levels}"):
        mine.append(h + ("CLEAR", None, None, None, None))
        for side in ("bid", "ask"):
            mine += [h + ("SET", SIDES[side], i + 1, r[f"{side}s[{i}].price"], r[f"{side}s[{i}].amount"])
                     for i in range(levels)]
    same(path, f"SELECT {HEAD}, action, side, level, price, quantity FROM book_events", mine)


def figures_of(r, h):
    for column, name in FIGURES.items():
        if r.get(column) and (column in SIZES or fits(r[column])):
            yield h + ((name, None, r[column]) if column in SIZES else (name, r[column], None))


def figures(kind, *path):
    same(path, f"SELECT {HEAD}, statistic, price, quantity FROM statistics",
         [f for r, h in heads(rows_of(path), kind) for f in figures_of(r, h)])


def options(*path):
    kept = ("type", "strike_price", "expiration", "bid_iv", "ask_iv", "mark_iv", "underlying_index", "delta", "gamma",
            "vega", "theta", "rho")
    figures("options_chain", *path)
    mine = []
    for r, h in heads(rows_of(path), "options_chain"):
        sides = [r[c] for s in ("bid", "ask") for c in (s + "_price", s + "_amount")]
        if r["bid_price"] or r["ask_price"]:
            alone = "" if r["ask_price"] else r["ask_amount"]
            mine.append(h + tuple(sides[:2]) + tuple(sides[2:] if r["ask_price"] else ("", "")) +
                        tuple(r[c] for c in kept) + (alone,))
    same(path, f"SELECT {HEAD}, bid_price, bid_quantity, ask_price, ask_quantity, " +
         ", ".join(f"extra['{c}']" for c in kept) + ", extra['ask_amount'] FROM quotes", mine)


def tardis():
    trades("tardis", "csv", "trades_1.csv")
    trades("test_data", "tardis", "bitmex_trades_XBTUSD.csv")
    quotes("test_data", "tardis", "huobi-dm-swap_quotes_BTC-USD.csv")
    changes("tardis", "csv", "deltas_1.csv")
    changes("tardis", "csv", "deltas_with_snapshot.csv")
    books(5, "test_data", "tardis", "binance-futures_book_snapshot_5_BTCUSDT.csv")
    books(25, "test_data", "tardis", "binance-futures_book_snapshot_25_BTCUSDT.csv")
    figures("derivative_ticker", "tardis", "csv", "derivative_ticker_1.csv")
    options("tardis", "options_chain.csv")


# --- answers of REST APIs ---

BAR = "exchange, symbol, exchange_timestamp_ns, interval_ns, open, high, low, close, volume"


def bars(path, exchange, rows, seconds, unit, columns=(0, 1, 2, 3, 4, 5)):
    """Time, open, high, low, close and volume of a row are at `columns`."""
    mine = [(exchange, "X", int(r[columns[0]]) * unit, seconds * 10**9) + tuple(r[c] for c in columns[1:]) for r in rows]
    same(path, f"SELECT {BAR} FROM bars", mine, "--symbol", "X")


def rest_bars():
    path = ("binance", "spot", "http_json", "klines_response.json")
    bars(path, "BINANCE", answer(path), 604800, 10**6)
    for name in ("http_get_candlesticks.json", "http_get_candlesticks_full.json"):
        path = ("okx", name)
        bars(path, "OKX", answer(path)["data"], 60, 10**6)
    path = ("coinbase", "http_candles.json")
    bars(path, "COINBASE", answer(path)["candles"], 3600, 10**9, ("start", "open", "high", "low", "close", "volume"))
    path = ("deribit", "http_get_tradingview_chart_data.json")
    r = answer(path)["result"]
    bars(path, "DERIBIT", list(zip(r["ticks"], r["open"], r["high"], r["low"], r["close"], r["volume"])), 60, 10**6)


def rest_trades():
    path = ("coinbase", "http_ticker.json")
    taker = {"BUY": "SELL", "SELL": "BUY"}  # the side is that of the order that waited
    same(path, "SELECT symbol, exchange_sequence_number, side, price, quantity, extra['best_bid'] FROM trades",
         [(t["product_id"], t["trade_id"], taker[t["side"]], t["price"], t["size"], "" if i else "68923.66")
          for i, t in enumerate(answer(path)["trades"])])
    for name in ("", "_future_combo", "_historical_combo", "_option_combo", "_perpetual_with_combo_tags"):
        path = ("deribit", f"http_get_last_trades{name}.json")
        same(path, "SELECT symbol, exchange_sequence_number, exchange_timestamp_ns, side, price, quantity, "
                   "extra['trade_id'] FROM trades",
             [(t["instrument_name"], t["trade_seq"], t["timestamp"] * 10**6, SIDES[t["direction"]], t["price"], t["amount"],
               t["trade_id"]) for t in answer(path)["result"]["trades"]])


def rest_book():
    path = ("coinbase", "http_product_book.json")
    book = answer(path)["pricebook"]
    mine = [("CLEAR", None, None, None)]
    for side in ("bid", "ask"):
        mine += [("SET", SIDES[side], level["price"], level["size"]) for level in book[side + "s"]]
    same(path, "SELECT action, side, price, quantity FROM book_events", mine)


def statistics(path, mine, *words):
    same(path, "SELECT exchange, symbol, exchange_timestamp_ns, statistic, price, quantity FROM statistics", mine, *words)


def rest_figures():
    path = ("binance", "spot", "http_json", "avg_price_response.json")
    a = answer(path)
    statistics(path, [("BINANCE", "X", a["closeTime"] * 10**6, "AVERAGE_PRICE", a["price"], None)], "--symbol", "X")
    path = ("binance", "spot", "http_json", "ticker_price_response.json")
    a = answer(path)
    statistics(path, [("BINANCE", a["symbol"], 19723 * 86400 * 10**9, "LAST", a["price"], None)], "--date", "2024-01-01")
    for name, data in (("ws_opt_summary.json", lambda x: x), ("http_get_option_summary.json", lambda x: x["data"])):
        path = ("okx", name)
        statistics(path, [("OKX", o["instId"], int(o["ts"]) * 10**6, "IMPLIED_VOLATILITY", o["markVol"], None)
                          for o in data(answer(path))])
    path = ("okx", "http_get_mark_price.json")
    statistics(path, [("OKX", o["instId"], int(o["ts"]) * 10**6, "MARK_PRICE", o["markPx"], None)
                      for o in answer(path)["data"]])
    path = ("bybit", "http_get_funding_history.json")
    statistics(path, [("BYBIT", o["symbol"], int(o["fundingRateTimestamp"]) * 10**6, "FUNDING_RATE", o["fundingRate"], None)
                      for o in answer(path)["result"]["list"]])
    path = ("hyperliquid", "http_funding_history.json")
    statistics(path, [("HYPERLIQUID", o["coin"], o["time"] * 10**6, "FUNDING_RATE", o["fundingRate"], None)
                      for o in answer(path)])


def contexts():
    """They say neither time nor asset: the day is given, the asset is its place."""
    path, mine = ("hyperliquid", "ws_all_dexs_asset_ctxs.json"), []
    for dex, assets in answer(path)["data"]["ctxs"]:
        for place, asset in enumerate(assets):
            symbol = (dex + ":" if dex else "") + f"#{place}"
            for member, name in CONTEXT.items():
                value = asset.get(member)
                if value is None or not (member in SIZES or fits(value)):
                    continue
                figure = (None, value) if member in SIZES else (value, None)
                mine.append(("HYPERLIQUID", symbol, 19723 * 86400 * 10**9, name) + figure)
    statistics(path, mine, "--date", "2024-01-01")


if __name__ == "__main__":
    tardis()
    rest_bars()
    rest_trades()
    rest_book()
    rest_figures()
    contexts()
