#!/usr/bin/env python3
"""k2 derive while it is killed: in the end the totals are those of a model that was never killed.

killed_derive.py --k2 PROGRAM --data DIR [--rows N] [--kills K] [--seed S] [--up]
--up: a k2 up derives as a role, and it is that one which is killed.
"""
import argparse
import csv
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict, deque
from decimal import Decimal, getcontext

getcontext().prec = 80


def executions(count, rng):
    for i in range(count):
        yield {"execution_id": f"E{i}", "symbol": f"S{rng.randrange(5)}", "exchange": "SIM",
               "account": f"A{rng.randrange(3)}", "side": rng.choice(["BUY", "SELL"]),
               "price": str(Decimal(rng.randrange(90_000, 110_000)) / 1000),
               "quantity": str(Decimal(rng.randrange(1, 5000)) / 10),
               "transact_time": f"2024-03-04T15:{rng.randrange(60):02d}:00Z",
               "fee": str(Decimal(rng.randrange(-5, 50)) / 1000), "fee_currency": rng.choice(["USD", "EUR"])}


def trades(count, rng):
    for i in range(count):
        yield {"symbol": f"S{rng.randrange(20)}", "time": 1_709_564_400_000_000 + i * 1000 + rng.randrange(3) * 86_400_000_000,
               "price": str(Decimal(rng.randrange(90_000, 110_000)) / 1000), "quantity": str(rng.randrange(1, 5000))}


class Position:
    """First in first out."""

    def __init__(self):
        self.lots, self.realised, self.fees, self.count = deque(), Decimal(0), defaultdict(Decimal), 0

    def take(self, e):
        sign = 1 if e["side"] == "BUY" else -1
        price, left = Decimal(e["price"]), Decimal(e["quantity"])
        while left and self.lots and self.lots[0][0] * sign < 0:
            lot = self.lots[0]
            n = min(left, abs(lot[0]))
            self.realised += (price - lot[1]) * n * -sign
            lot[0] += sign * n
            left -= n
            if lot[0] == 0:
                self.lots.popleft()
        if left:
            self.lots.append([sign * left, price])
        self.fees[e["fee_currency"]] += Decimal(e["fee"])
        self.count += 1

    def text(self):
        fees = ", ".join(f"{plain(v)} {c}" for c, v in sorted(self.fees.items()))
        cost = sum((q * p for q, p in self.lots), Decimal(0))
        return [plain(sum((q for q, _ in self.lots), Decimal(0))), plain(cost), plain(self.realised), fees, str(self.count)]


def plain(d):
    text = f"{d:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


class Runs:
    def __init__(self, args):
        self.args, self.random, self.up = args, random.Random(args.seed), None
        self.takes, self.ended = None, 0

    def k2(self, *words):
        return [self.args.k2, *words, "--data", self.args.data]

    def must(self, *words, text=None):
        done = subprocess.run(self.k2(*words), input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"k2 {' '.join(words)}: exit {done.returncode}: {done.stdout[-500:]}{done.stderr}")
        return done.stdout

    def start_up(self):
        env = dict(os.environ, K2_DERIVE_PNL="true", K2_DERIVE_VOLUME="true")
        self.up = subprocess.Popen(self.k2("up"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        for line in self.up.stdout:
            if b"http" in line:
                return
        raise SystemExit("k2 up did not come")

    def kill(self, what):
        if self.args.up:
            time.sleep(self.random.random() * 1.5)
            self.up.send_signal(signal.SIGKILL)
            self.up.wait()
            self.start_up()
            return
        if self.takes is None:  # once to its end, so that the kills fall into its time
            start = time.monotonic()
            self.must("derive", what)
            self.takes = time.monotonic() - start
        p = subprocess.Popen(self.k2("derive", what), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.takes * (0.2 + self.random.random()))
        p.send_signal(signal.SIGKILL)
        if p.wait() == 0:
            self.ended += 1
            self.takes *= 0.7

    def sql(self, text):
        return list(csv.reader(io.StringIO(self.must("query", "--quiet", "--format", "csv", text))))[1:]


def feed(runs, fills, ticks):
    """In parts, with a kill of the derivation between two of them."""
    args, buf = runs.args, io.StringIO()
    fields = list(fills[0])
    mapping = os.path.join(os.path.dirname(args.data) or ".", "killed_derive.mapping")
    with open(mapping, "w", encoding="utf-8") as f:
        f.write('kind = trade\nexchange = "BITMEX"\nsymbol = symbol\ncalendar = utc\ntime = time us\nsequence = n\n'
                'price = price\nquantity = quantity\n')
    numbers = defaultdict(int)
    for t in ticks:
        key = (t["symbol"], t["time"] // 86_400_000_000)
        numbers[key] += 1
        t["n"] = numbers[key]
    parts = max(1, args.kills)
    for k in range(parts):
        buf = io.StringIO()
        writer = csv.DictWriter(buf, fields)
        writer.writeheader()
        writer.writerows(fills[k * len(fills) // parts:(k + 1) * len(fills) // parts])
        runs.must("ingest", "executions", "-", "--quiet", text=buf.getvalue())
        buf = io.StringIO()
        writer = csv.DictWriter(buf, ["symbol", "time", "price", "quantity", "n"])
        writer.writeheader()
        writer.writerows(ticks[k * len(ticks) // parts:(k + 1) * len(ticks) // parts])
        runs.must("ingest", "--mapping", mapping, "-", text=buf.getvalue())
        if args.kills:
            runs.kill("pnl")
            runs.kill("volume")


def check_numbers(runs, table, key):
    """Each total's rows are numbered 1, 2, 3 ...: none is there twice, none is missing."""
    bad = runs.sql(f"SELECT {key}, count(*), min(n), max(n) FROM (SELECT *, exchange_sequence_number AS n FROM {table})"
                   f" GROUP BY {key} HAVING count(*) <> max(n) OR min(n) <> 1 OR count(DISTINCT n) <> count(*)")
    if bad:
        raise SystemExit(f"{table}: rows are missing or twice: {bad[:3]}")


def check(runs, fills, ticks):
    runs.must("derive", "pnl")
    runs.must("derive", "volume")
    if runs.up:
        runs.up.send_signal(signal.SIGTERM)
        runs.up.wait()
    runs.must("sink", "--once")
    runs.must("derive", "pnl", "--verify")
    runs.must("derive", "volume", "--verify")
    runs.must("reconcile")
    check_numbers(runs, "pnl", "account, symbol")
    check_numbers(runs, "volumes", "symbol, trade_date")
    want = defaultdict(Position)
    for e in fills:
        want[e["account"], e["symbol"]].take(e)
    got = {(r[0], r[1]): r[2:] for r in runs.sql(
        "SELECT account, symbol, rtrim(rtrim(CAST(position AS VARCHAR), '0'), '.'), open_cost, realised, fees, execution_count"
        " FROM (SELECT *, row_number() OVER (PARTITION BY account, symbol ORDER BY exchange_sequence_number DESC) AS r"
        " FROM pnl) WHERE r = 1")}
    for key, p in want.items():
        if got.get(key) != p.text():
            raise SystemExit(f"{key}: {got.get(key)} instead of {p.text()}")
    sums = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    for t in ticks:
        s = sums[t["symbol"], t["time"] // 86_400_000_000]
        s[0] += 1
        s[1] += Decimal(t["quantity"])
        s[2] += Decimal(t["price"]) * Decimal(t["quantity"])
    found = {(r[0], int(r[1])): r[2:] for r in runs.sql(
        "SELECT symbol, trade_date - DATE '1970-01-01', trade_count, rtrim(rtrim(CAST(quantity AS VARCHAR), '0'), '.'), notional"
        " FROM (SELECT *, row_number() OVER (PARTITION BY symbol, trade_date ORDER BY exchange_sequence_number DESC) AS r"
        " FROM volumes) WHERE r = 1")}
    for key, s in sums.items():
        if found.get(key) != [str(s[0]), plain(s[1]), plain(s[2])]:
            raise SystemExit(f"{key}: {found.get(key)} instead of {s}")
    return len(want), len(sums)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--k2", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--rows", type=int, default=3000)
    p.add_argument("--kills", type=int, default=10)
    p.add_argument("--seed", type=int, default=int(os.environ.get("K2_SEED", "20261121")))
    p.add_argument("--up", action="store_true")
    runs = Runs(p.parse_args())
    fills = list(executions(runs.args.rows, runs.random))
    ticks = list(trades(runs.args.rows, runs.random))
    if runs.args.up:
        runs.start_up()
    feed(runs, fills, ticks)
    pnl, volume = check(runs, fills, ticks)
    sys.stdout.write(f"{2 * runs.args.kills - runs.ended} kills; {pnl} positions and {volume} volumes are those of the model\n")


if __name__ == "__main__":
    main()
