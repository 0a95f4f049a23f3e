"""The files of LEAN and LOBSTER: what their publishers computed themselves follows from the events that k2 stored.

LEAN: second and minute bars from the ticks. LOBSTER: the best bid and ask of every row of the orderbook file
from the messages before it, and from k2's own copy of that file. k2-test: timeout=600"""
import csv
import glob
import gzip
import io
import os
import shutil
import tempfile
import zipfile
from collections import defaultdict
from decimal import Decimal

from _k2 import k2, shared

SECOND, MINUTE = 10**9, 60 * 10**9


def select(data, sql):
    rows = csv.reader(io.StringIO(k2("query", sql, "--data", data, "--format", "csv")))
    next(rows)
    return list(rows)


def lines_of(*parts):
    """The rows of all files of an archive, as the publisher wrote them."""
    with zipfile.ZipFile(shared(*parts)) as z:
        return sum(len(z.read(name).split()) for name in z.namelist())


def count(data, table, where):
    return int(select(data, f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


def fold(ticks, length):
    """{(symbol, start): [open, high, low, close, volume]} of (symbol, ns, price, quantity) in order."""
    out = {}
    for symbol, ns, price, quantity in ticks:
        b = out.setdefault((symbol, ns // length * length), [price, price, price, price, Decimal(0)])
        b[1], b[2], b[3] = max(b[1], price), min(b[2], price), price
        b[4] += quantity
    return out


def bars(data, exchange, length, side, symbols="%"):
    side = f"side = '{side}'" if side else "side IS NULL"
    rows = select(data, f"SELECT symbol, exchange_timestamp_ns, open, high, low, close, volume FROM bars WHERE "
                        f"exchange = '{exchange}' AND interval_ns = {length} AND {side} AND symbol LIKE '{symbols}'")
    assert rows, (exchange, length, side)
    return {(r[0], int(r[1])): [Decimal(x) for x in r[2:6]] + [Decimal(r[6] or 0)] for r in rows}


def trades(data, exchange, where="true"):
    rows = select(data, f"SELECT symbol, exchange_timestamp_ns, price, quantity FROM trades WHERE exchange = "
                        f"'{exchange}' AND {where} ORDER BY symbol, trade_date, channel, exchange_sequence_number")
    return [(s, int(ns), Decimal(p), Decimal(q)) for s, ns, p, q in rows]


def forex(data):
    k2("ingest", "--data", data, shared("fx-lean-csv"))
    k2("sink", "--once", "--data", data)
    assert count(data, "quotes", "channel = '20140501_eurusd_tick_quote'") == 24179
    assert count(data, "quotes", "channel = '20140502_eurusd_tick_quote'") == 49341
    rows = select(data, "SELECT exchange_timestamp_ns, bid_price, ask_price FROM quotes WHERE exchange = 'OANDA' "
                        "ORDER BY channel, trade_date, exchange_sequence_number")
    for i, side in ((1, "BID"), (2, "ASK")):
        ticks = [("EURUSD", int(r[0]), Decimal(r[i]), Decimal(0)) for r in rows]
        for length, n in ((SECOND, 12564 + 17361), (MINUTE, 1363 + 1222)):
            want = bars(data, "OANDA", length, side)
            assert len(want) == n and fold(ticks, length) == want, (side, length, len(want))
    # A session begins at 17:00 in New York: 21:00 UTC on these days.
    edge = select(data, "SELECT max(exchange_timestamp_ns) FROM quotes WHERE trade_date = '2014-05-01'")[0][0]
    assert 1398978000 * SECOND - MINUTE < int(edge) < 1398978000 * SECOND, edge


def gold(data):
    k2("ingest", "--data", data, shared("futures-lean-csv"))
    k2("sink", "--once", "--data", data)
    assert count(data, "trades", "exchange = 'COMEX' AND channel LIKE '20131007%'") == 40192
    assert count(data, "trades", "exchange = 'COMEX' AND channel LIKE '20131008%'") == 52322
    assert count(data, "statistics", "statistic = 'OPEN_INTEREST' AND channel LIKE '%_tick_%'") == lines_of(
        "futures-lean-csv", "comex", "tick", "gc", "20131007_openinterest.zip")
    made = fold(trades(data, "COMEX"), MINUTE)
    want = bars(data, "COMEX", MINUTE, None)
    assert len(want) == 1500 + 1537, len(want)
    wrong = [k for k in want if made.get(k, [None])[:4] != want[k][:4]]
    other_volume = [k for k in want if made[k][4] != want[k][4]]
    assert not wrong and len(other_volume) == 5 + 8, (wrong[:3], len(other_volume))


def bitcoin(data):
    k2("ingest", "--data", data, shared("crypto-lean-csv"))
    k2("sink", "--once", "--data", data)
    seconds = bars(data, "COINBASE", SECOND, None)
    assert len(seconds) == 4063 + 3453
    made = {}
    for (symbol, ns), (o, h, l, c, v) in sorted(seconds.items()):
        b = made.setdefault((symbol, ns // MINUTE * MINUTE), [o, h, l, c, Decimal(0)])
        b[1], b[2], b[3] = max(b[1], h), min(b[2], l), c
        b[4] += v
    want = bars(data, "COINBASE", MINUTE, None)
    assert len(want) == 1419 + 1400 and made == want


def equities(data):
    usa = lambda *parts: shared("us-equity-lean-csv", "usa", *parts)
    paths = [usa("tick"), usa("minute"), usa("map_files"), usa("factor_files")]
    k2("ingest", "--data", data, *paths)
    k2("sink", "--once", "--data", data)
    for channel, n in (("20131007_ibm", 24293), ("20131008_ibm", 33381), ("20131007_spy", 250601),
                       ("20131008_bac", 125872)):
        assert count(data, "trades", f"channel = '{channel}_tick_trade'") == n, channel
    for symbol, day in (("ibm", 20131007), ("ibm", 20131008), ("bac", 20131008)):
        n = lines_of("us-equity-lean-csv", "usa", "tick", symbol, f"{day}_quote.zip")
        assert count(data, "quotes", f"channel = '{day}_{symbol}_tick_quote'") == n
    assert count(data, "quotes", "exchange = 'US-EQUITY' AND bid_price IS NULL AND ask_price IS NULL") == 0
    quiet = "NOT list_has_any(coalesce(conditions, []), ['20', '20000000', '1000000'])"
    want = bars(data, "US-EQUITY", MINUTE, None)
    price = fold(trades(data, "US-EQUITY", quiet), MINUTE)
    volume = fold(trades(data, "US-EQUITY"), MINUTE)
    shares = [k for k in want if k[0] != "SPY"]  # of the fund the publisher leaves out more, by rules it does not tell
    same_price = sum(price.get(k, [None])[:4] == want[k][:4] for k in shares) / len(shares)
    same_volume = sum(volume[k][4] == b[4] for k, b in want.items()) / len(want)
    print(f"equities: {len(want)} minute bars, prices equal on {same_price:.2%}, volume on {same_volume:.2%}")
    assert same_price > 0.95 and same_volume > 0.99
    renames = select(data, "SELECT trade_date::VARCHAR, extra['ticker'], venue, action FROM instruments WHERE symbol = "
                           "'TWX' ORDER BY trade_date, exchange_sequence_number")
    assert renames == [["1998-01-02", "aol", "N", "DEFINE"], ["1998-01-02", "aol", "N", "MODIFY"],
                       ["2003-10-16", "twx", "N", "MODIFY"]], renames
    factors = glob.glob(os.path.join(usa("factor_files"), "*.csv"))
    n = sum(len(open(path).read().split()) for path in factors)
    assert count(data, "statistics", "statistic = 'SPLIT_FACTOR'") == n


def daily(data):
    """Bars of 23 years, each of another session."""
    path = shared("us-equity-lean-csv", "usa", "daily", "ibm.zip")
    out = k2("ingest", "--data", data, path)
    assert "read 5849 = accepted 5849" in out, out


def best(levels):
    """(ask price, ask size, bid price, bid size) of {(side, price): size}."""
    asks = [(p, q) for (side, p), q in levels.items() if side == "SELL"]
    bids = [(p, q) for (side, p), q in levels.items() if side == "BUY"]
    return min(asks) + max(bids)


def row_levels(row):
    """The levels of a row of the publisher's file."""
    out = {}
    for i in range(0, len(row), 4):
        for side, price, size in (("SELL", row[i], row[i + 1]), ("BUY", row[i + 2], row[i + 3])):
            if size != "0":
                out[side, Decimal(price) / 10000] = Decimal(size)
    return out


def lobster(data):
    k2("ingest", "--data", data, shared("lobster-csv"))
    k2("sink", "--once", "--data", data)
    text = open(shared("lobster-csv", "AAPL_2012-06-21_34200000_57600000_orderbook_10_first998.csv")).read()
    book = [line.split(",") for line in text.split()]
    amzn = gzip.open(shared("lobster-csv", "AMZN_2012-06-21_orderbook_1_0930-1230.csv.gz"), "rt").read().split()
    assert len(book) == 999 and len(amzn) == 26720
    by_action = dict(select(data, "SELECT action, count(*) FROM book_events WHERE channel = "
                                  "'AAPL.message_10.34200000' GROUP BY 1"))
    assert by_action == {"ADD": "471", "DELETE": "369", "EXECUTE": "98"}, by_action
    by_type = dict(select(data, "SELECT conditions[1], count(*) FROM trades WHERE symbol = 'AAPL' GROUP BY 1"))
    assert by_type == {"4": "98", "5": "61"}, by_type
    # The book follows from the messages: it begins as in row 1, then each message is applied. No message tells of a
    # level that was deeper than the file's ten and now is one of them: that one is taken from the file.
    events = select(data, "SELECT exchange_sequence_number, action, side, price, quantity FROM book_events WHERE "
                          "channel = 'AAPL.message_10.34200000' ORDER BY exchange_sequence_number, part")
    by_row = defaultdict(list)
    for number, *event in events:
        by_row[int(number)].append(event)
    levels, before, right = row_levels(book[0]), row_levels(book[0]), 0
    for n in range(2, len(book) + 1):
        for action, side, price, quantity in by_row[n]:
            key = side, Decimal(price)
            left = levels.get(key, Decimal(0)) + (1 if action == "ADD" else -1) * Decimal(quantity)
            levels.pop(key, None)
            if left > 0:
                levels[key] = left
        now = row_levels(book[n - 1])
        right += best(levels) == best(now)
        lowest_bid = min(p for side, p in before if side == "BUY")
        highest_ask = max(p for side, p in before if side == "SELL")
        levels = {k: q for k, q in levels.items() if k in now}
        levels.update({(side, p): q for (side, p), q in now.items()
                       if (p < lowest_bid if side == "BUY" else p > highest_ask)})
        before = now
    assert right == 998, right
    # The orderbook file: its quotes are its rows, and its level events give every level of every row.
    for channel, rows in (("AAPL.orderbook_10.34200000", book), ("AMZN.orderbook_1", [r.split(",") for r in amzn])):
        quotes = select(data, f"SELECT ask_price, ask_quantity, bid_price, bid_quantity FROM quotes WHERE channel = "
                              f"'{channel}' ORDER BY exchange_sequence_number")
        assert [tuple(map(Decimal, q)) for q in quotes] == [best(row_levels(r[:4])) for r in rows], channel
    events = select(data, "SELECT exchange_sequence_number, action, side, level, price, quantity FROM book_events "
                          "WHERE channel = 'AAPL.orderbook_10.34200000' ORDER BY exchange_sequence_number, part")
    at, state = 0, {}
    for n, row in enumerate(book, 1):
        while at < len(events) and int(events[at][0]) == n:
            _, action, side, level, price, quantity = events[at]
            state.pop((side, level), None)
            if action == "SET":
                state[side, level] = Decimal(price), Decimal(quantity)
            at += 1
        assert {(s, p): q for (s, _), (p, q) in state.items()} == row_levels(row), n
    assert at == len(events)
    assert "false" not in k2("reconcile", "--data", data)
    print("lobster: best bid and ask after 998 of 998 messages, and all levels of 999 rows")


def main():
    shared("lobster-csv")
    for part in (forex, gold, bitcoin, equities, daily, lobster):
        folder = tempfile.mkdtemp()
        try:
            data = os.path.join(folder, "data")
            k2("init", "--data", data)
            part(data)
        finally:
            shutil.rmtree(folder)


main()
