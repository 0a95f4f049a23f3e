#!/usr/bin/env python3
"""Kills `k2 ingest` of files of every kind at random places, runs it again, and compares the rows.

Each source is read once without interruption, and once into a second directory by runs that are killed (SIGKILL) after
random delays, the last of which is left alone. What `k2 query` then says of every table must be equal: the number of rows,
of identities, and a sum of the hashes of all rows that does not depend on their order. The sources are made here, by
the formats' specifications; with $K2_SHARED_DATA also recorded ones.

    tools/killed_ingest.py --k2 build/release/bin/k2 [--kills 3] [--seed 1] [--only WORD] [--rows 20000]

Exit code: 0 all equal; 1 not (the directory is kept).
"""
import argparse
import csv
import io
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

TINY = {  # everything small, so that kills land everywhere
    "K2_JOURNAL_SEGMENT_BYTES": "200KB",
    "K2_INGEST_BATCH_BYTES": "8KB",
    "K2_QUERY_THREADS": "2",
}
TABLES = ["auctions", "bars", "book_events", "corrections", "instruments", "messages", "quarantine", "quotes",
          "statistics", "status", "trades"]
# Where and when a row was stored; all else must be equal. What is in quarantine has the time at which it was put there.
STORED = {"ingest_timestamp", "journal_id", "journal_partition", "journal_offset"}
REFUSED = STORED | {"exchange_timestamp", "exchange_timestamp_ns"}
RECORDED = {  # words of k2 ingest; {} is $K2_SHARED_DATA
    "layouts": ["{}/exchange-pcap", "--calendar", "utc"],
    "iex-deep": ["{}/iex-pcap/DEEP10_20170425_first70000pkts.pcap.gz"],
    "iex-tops": ["{}/iex-pcap/TOPS16_20170710.pcapng.gz"],
    "dbn": ["{}/dbn"],
    "fast": ["moex-fast", "{}/fast-moex/increment_a.dat", "--mapping", "{}/fast-moex/templates.xml"],
    "fast-snapshots": ["moex-fast", "{}/fast-moex/snapshot.dat", "--mapping", "{}/fast-moex/templates.xml"],
    "crypto": ["{}/crypto-raw-cryptofeed"],
    "binance": ["{}/binance-raw"],
    "bitstamp": ["{}/bitstamp-l3"],
    "hyperliquid": ["{}/hyperliquid-raw"],
    "lobster": ["lobster", "{}/lobster-csv"],
    "lean-equity": ["{}/us-equity-lean-csv/usa/tick/ibm/20131007_trade.zip"],
    "lean-forex": ["{}/fx-lean-csv"],
    "asx": ["{}/asx-csv"],
}


class Broken(Exception):
    """Rows are lost, doubled or other ones."""


# --- sources that are made here ---


def itch(path, rows, rng):
    """NASDAQ TotalView-ITCH 5.0 in BinaryFILE: a directory, then orders that are executed and deleted."""
    def stamp(i):
        return (34200 * 10**9 + i * 1000).to_bytes(6, "big")

    def head(kind, symbol, i):
        return kind + struct.pack(">HH", symbol, 0) + stamp(i)

    names = [f"S{n:03}".ljust(8).encode() for n in range(1, 41)]
    messages = [head(b"S", 0, 0) + b"O"]
    for n, name in enumerate(names, 1):
        messages.append(head(b"R", n, n) + name + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" + bytes(4) + b"N")
    live = []
    for i in range(100, 100 + rows):
        if live and rng.random() < 0.5:
            order, symbol, left = live.pop(rng.randrange(len(live)))
            if left > 100 and rng.random() < 0.7:
                messages.append(head(b"E", symbol, i) + struct.pack(">QIQ", order, 100, i))
                live.append((order, symbol, left - 100))
            else:
                messages.append(head(b"D", symbol, i) + struct.pack(">Q", order))
        else:
            symbol, shares = rng.randrange(1, len(names) + 1), rng.randrange(1, 9) * 100
            price = rng.randrange(10**5, 10**6)
            messages.append(head(b"A", symbol, i) + struct.pack(">Q", i) + rng.choice([b"B", b"S"]) +
                            struct.pack(">I", shares) + names[symbol - 1] + struct.pack(">I", price))
            live.append((i, symbol, shares))
    path.write_bytes(b"".join(struct.pack(">H", len(m)) + m for m in messages))
    return ["nasdaq-totalview-itch-5.0", str(path), "--date", "2026-03-02"]


def fix(path, rows, rng):
    """FIX 4.4: definitions by SecurityID, then refreshes that have nothing but the SecurityID."""
    def message(fields):
        body = f"8=FIX.4.4|9={len(fields)}|{fields}".replace("|", "\x01")
        return f"{body}10={sum(body.encode()) & 255:03}\x01\n"

    with open(path, "w", encoding="ascii") as out:
        for i in range(1, rows + 1):
            clock = f"20260302-{10 + i // 3600 % 10:02}:{i // 60 % 60:02}:{i % 60:02}.{rng.randrange(1000):03}"
            start = f"34={i}|49=XASX|56=ME|52={clock}|"
            if i <= 30:
                out.write(message(f"35=d|{start}55=F{i:02}|48={1000 + i}|"))
            else:
                entries = "".join(f"279=0|269={rng.randrange(3)}|48={1001 + rng.randrange(30)}|270={rng.randrange(999)}.5|"
                                  f"271={rng.randrange(1, 99)}|" for _ in range(2))
                out.write(message(f"35=X|{start}268=2|{entries}"))
    return ["fix-text", str(path), "--exchange", "ASX"]


MAPPING = """kind = trade
exchange = exchange
symbol = symbol
calendar = utc
time = timestamp us
side = side
price = price
quantity = amount
"""


def table_rows(rows, rng):
    for i in range(rows):
        yield ["BINANCE", rng.choice(["BTCUSDT", "ETHUSDT", "XRPUSDT"]), 1772445600000000 + i * 250,
               rng.choice(["buy", "sell"]), f"{rng.randrange(1, 9000)}.{rng.randrange(100):02}", rng.randrange(1, 500)]


def mapped(path, rows, rng):
    """CSV that numbers nothing, by a mapping."""
    path.with_suffix(".mapping").write_text(MAPPING, encoding="ascii")
    with open(path, "w", encoding="ascii", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["exchange", "symbol", "timestamp", "side", "price", "amount"])
        writer.writerows(table_rows(rows, rng))
    return [str(path.with_suffix(".mapping")), str(path)]


class Ground:
    """Two directories for each source, and the program."""

    def __init__(self, options, folder):
        self.k2 = os.path.abspath(options.k2)
        self.folder = folder
        self.options = options
        self.rng = random.Random(options.seed)
        self.kills = 0
        keep = {k: v for k, v in os.environ.items() if not k.startswith("K2_") or k == "K2_DUCKDB"}
        self.environment = {**keep, **TINY}

    def run(self, data, *words, good=(0,)):
        done = subprocess.run([self.k2, *words, "--quiet", "--data", str(data)], capture_output=True, text=True,
                              env=self.environment, check=False)
        if done.returncode not in good:
            raise Broken(f"k2 {' '.join(words)}: exit {done.returncode}\n{done.stdout[-600:]}{done.stderr[-600:]}")
        return done.stdout

    def sources(self):
        rows, folder = self.options.rows, self.folder
        yield "itch", itch(folder / "market.itch", rows, self.rng)
        yield "fix", fix(folder / "market.fix", rows // 2, self.rng)
        words = mapped(folder / "market.csv", rows, self.rng)
        yield "mapped", words
        yield "parquet", [words[0], self.parquet(words[0])]
        shared = os.environ.get("K2_SHARED_DATA")
        for name, words in RECORDED.items() if shared else ():
            yield name, [word.format(shared) for word in words]

    def parquet(self, mapping):
        """A mapped table as a file of another form, with the columns of the mapping."""
        calm = self.folder / "calm.made"
        self.run(calm, "ingest", mapping, str(self.folder / "market.csv"))
        self.run(calm, "sink", "--once")
        self.run(calm, "query", "SELECT exchange, symbol, exchange_timestamp_ns // 1000 AS timestamp, lower(side) AS side, "
                 "price, quantity AS amount FROM trades ORDER BY exchange_timestamp_ns", "--out",
                 str(self.folder / "market.parquet"))
        return str(self.folder / "market.parquet")

    def ask(self, data, sql):
        return list(csv.reader(io.StringIO(self.run(data, "query", "--format", "csv", sql))))[1:]

    def columns(self, data, table):
        names = [row[0] for row in self.ask(data, f"DESCRIBE {table}")]
        other = REFUSED if table == "quarantine" else STORED
        return ", ".join(name for name in names if name not in other)

    def picture(self, data):
        self.run(data, "sink", "--once")
        parts = [f"SELECT '{t}', count(*), count(DISTINCT message_id), bit_xor(hash(r)) FROM (SELECT "
                 f"{self.columns(data, t)} FROM {t}) r" for t in TABLES]
        parts.append("SELECT 'gaps', count(*), 0, bit_xor(hash(r)) FROM (SELECT exchange, channel, event_kind, trade_date, "
                     "epoch, exchange_sequence_number, gap_to, state FROM gaps) r")
        return self.ask(data, " UNION ALL ".join(parts))

    def kill_once(self, data, words, longest):
        """Gives how long it may run: what came to its end tells."""
        process = subprocess.Popen([self.k2, "ingest", *words, "--quiet", "--data", str(data)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=self.environment)
        began = time.monotonic()
        try:
            process.wait(self.rng.uniform(0, longest))
            return time.monotonic() - began
        except subprocess.TimeoutExpired:
            process.kill()
        self.kills += process.wait() == -9
        return longest

    def check(self, name, words):
        calm, killed = self.folder / f"{name}.calm", self.folder / f"{name}.killed"
        began = time.monotonic()
        self.run(calm, "ingest", *words, good=(0, 3))
        longest, before = time.monotonic() - began, self.kills
        for _ in range(4 * self.options.kills):
            if self.kills < before + self.options.kills:
                longest = self.kill_once(killed, words, longest)
        self.run(killed, "ingest", *words, good=(0, 3))
        got, want = self.picture(killed), self.picture(calm)
        rows = sum(int(row[1]) for row in want)
        if got != want or rows == 0:
            raise Broken(f"{name}, k2 ingest {' '.join(words)}:\n  killed {got}\n  calm   {want}")
        print(f"{name:16} {rows:8} rows equal, killed {self.kills - before} times within {longest:.2f} s", flush=True)
        shutil.rmtree(calm)
        shutil.rmtree(killed)

    def check_all(self):
        for name, words in self.sources():
            if self.options.only in name:
                self.check(name, words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k2", default=os.environ.get("K2_BIN", "build/release/bin/k2"), help="the program")
    parser.add_argument("--kills", type=int, default=3, help="of each source")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="sources whose name has this word")
    parser.add_argument("--rows", type=int, default=20000, help="of each source that is made")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="k2killed."))
    ground = Ground(options, folder)
    try:
        ground.check_all()
    except Broken as why:
        print(f"BROKEN, seed {options.seed}, kept in {folder}: {why}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
