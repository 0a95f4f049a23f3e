#!/usr/bin/env python3
"""Kills k2 again and again and proves that no row is lost or doubled.

Feeds (simulated markets with gaps, repeats and late events; files of the ASX and of Binance) and the sink
work on one data directory, alone and side by side, and are killed (SIGKILL) after delays that follow
from the seed, or when they are seen in a certain stage. After so many kills everything is fed once more
to its end; then `k2 reconcile` and `k2 verify` must find nothing, and what `k2 query` says of the tables
must be what it says of a second directory that was never interrupted, and what this script knows of the
ASX files, which it made itself.

    tools/crash_loop.py --k2 build/release/bin/k2 --kills 50 --seed 1 [--log kills.ndjson] [--keep]

Exit code: 0 all as it should be; 1 a promise was broken (the data directory is kept).
"""
import argparse
import collections
import csv
import datetime
import decimal
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TINY = {  # everything small, so that kills land everywhere
    "K2_JOURNAL_SEGMENT_BYTES": "200KB",
    "K2_INGEST_BATCH_BYTES": "8KB",
    "K2_SINK_COMMIT_ROWS": "1500",
    "K2_QUERY_THREADS": "2",
}
AIMS = {  # stages that are short; a process is watched until it is there
    "ingest": ["sync", "seal", "topic or schema", "write"],
    "sink": ["data file", "manifest", "metadata", "catalog commit", "position"],
}
LONGEST = 20.0  # seconds that one process may take
FDATASYNC, FSYNC, PWRITE = 75, 74, 18  # x86-64


class Broken(Exception):
    """A promise was broken."""


# --- what is fed ---


class Source:
    """One thing to ingest; its dates are its own, so that no two sources share an identity."""

    def __init__(self, number, seed, k2, folder):
        self.number = number
        self.rng = random.Random(f"{seed}/source/{number}")
        self.day = datetime.date(2014, 1, 6) + datetime.timedelta(days=3 * number)
        self.known = None  # (trades, sum price, sum quantity, lowest and highest number), ASX only
        kind = ["simulated", "asx", "simulated", "binance"][number % 4]
        self.name = f"{kind} {number}"
        self.words = getattr(self, kind)(k2, folder)

    def market(self, symbols, seconds):
        return ["simulate", "--seed", str(self.number), "--symbols", str(symbols), "--rate", "2000",
                "--seconds", str(seconds), "--start", f"{self.day}T23:59:59Z", "--gaps", "0.01",
                "--duplicates", "0.01", "--out-of-order", "0.02"]

    def simulated(self, _k2, _folder):
        return self.market(self.rng.choice([1, 5, 40]), self.rng.choice([1, 2, 3])) + ["--quotes"]

    def binance(self, k2, folder):
        path = folder / f"binance-{self.number}.json"
        with open(path, "wb") as out:
            subprocess.run([k2, *self.market(7, 2), "--print", "binance-json"], stdout=out, check=True)
        return ["ingest", "binance-json", str(path)]

    def asx(self, _k2, folder):
        path = folder / f"{self.number}_X{self.number:03}_{self.day:%Y%m%d}.csv"
        rows, good = self.rng.randrange(500, 4000), []
        price = decimal.Decimal(self.rng.randrange(100, 9000)) / 100
        with open(path, "w", encoding="ascii") as out:
            for i in range(1, rows + 1):
                price = max(decimal.Decimal("0.01"), price + decimal.Decimal(self.rng.randrange(-2, 3)) / 100)
                quantity = self.rng.randrange(1, 5000)
                clock = datetime.datetime(2014, 1, 1, 10) + datetime.timedelta(milliseconds=2500 * i // 2)
                bad = self.rng.random() < 0.002
                out.write(f"{self.day:%m/%d/%Y},{clock:%H:%M:%S}.{clock.microsecond // 1000:03},"
                          f"{'x' if bad else price},{quantity},0,,\n")
                if not bad:
                    good.append((i, price, quantity))
        self.known = (f"X{self.number:03}", len(good), sum(p for _, p, _ in good),
                      sum(q for _, _, q in good), good[0][0], good[-1][0])
        return ["ingest", "asx-csv", str(path)]


# --- where a process is ---


def open_files(pid):
    names = []
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except OSError:
                pass
    except OSError:
        pass
    return names


def system_calls(pid):
    calls = set()
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/syscall", encoding="ascii") as f:
                first = f.read().split()[0]
            if first.isdigit():
                calls.add(int(first))
    except (OSError, IndexError):
        pass
    return calls


def stage_of_ingest(files, calls):
    if any(".idx" in f and f.endswith(".tmp") for f in files):
        return "seal"
    if any(f.endswith(".tmp") for f in files):
        return "topic or schema"
    if not any(f.endswith(".seg") for f in files):
        return "start and recovery"
    if calls & {FDATASYNC, FSYNC}:
        return "sync"
    return "write" if PWRITE in calls else "decode and judge"


def stage_of_sink(files, _calls):
    marks = [(".parquet", "data file"), (".metadata.json", "metadata"), ("catalog.db-journal", "catalog commit"),
             ("/positions/", "position"), (".avro", "manifest")]
    for mark, stage in marks:
        if any(mark in f for f in files):
            return stage
    return "decode, between files" if any(f.endswith("catalog.db") for f in files) else "start"


class Victim:
    """A process and when it is to die."""

    def __init__(self, role, what, process, rng):
        self.role, self.what, self.process = role, what, process
        self.start = time.monotonic()
        self.delay = rng.choice([rng.uniform(0, 0.03), rng.uniform(0, 0.15), rng.uniform(0, 1.5)])
        self.aim = rng.choice(AIMS[role]) if rng.random() < 0.5 else None
        self.stage = None  # where it was killed
        self.may_find_nothing = False  # nothing was fed when it started

    def look(self):
        look = stage_of_sink if self.role == "sink" else stage_of_ingest
        return look(open_files(self.process.pid), system_calls(self.process.pid))

    def is_due(self):
        if time.monotonic() - self.start < self.delay:
            return False
        return self.aim is None or self.look() == self.aim

    def kill(self):
        """Stops it, looks where it is, kills it."""
        pid = self.process.pid
        os.kill(pid, signal.SIGSTOP)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):  # it ended first
            self.process.returncode = os.waitstatus_to_exitcode(status)
            return
        self.stage = self.look()
        os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def has_ended(self):
        """Kills it when it is time; True once it is gone."""
        if self.process.poll() is not None:
            return True
        if self.is_due():
            self.kill()
            return True
        if time.monotonic() - self.start > LONGEST:
            self.process.kill()
            raise Broken(f"{self.what} does not end")
        return False


# --- the loop ---


class Loop:
    def __init__(self, options, folder):
        self.k2 = str(pathlib.Path(options.k2).resolve())
        self.options, self.folder = options, folder
        self.data = folder / "data"
        self.rng = random.Random(f"{options.seed}/loop")
        self.sources = []
        self.fed = 0  # sources that were read to their end
        self.stages = collections.Counter()
        self.kills = self.ended = self.looks = 0
        self.log = open(options.log, "a", buffering=1, encoding="utf-8") if options.log else io.StringIO()

    def environment(self, tiny=True):
        env = {k: v for k, v in os.environ.items() if not k.startswith("K2_") or k == "K2_DUCKDB"}
        return {**env, **(TINY if tiny else {})}

    def run(self, *words, data=None, tiny=True):
        """A command that nobody kills; gives its stdout."""
        done = subprocess.run([self.k2, *words, "--data", str(data or self.data)], capture_output=True,
                              text=True, env=self.environment(tiny), check=False)
        if done.returncode != 0:
            raise Broken(f"k2 {' '.join(words)}: exit {done.returncode}\n{done.stdout[-600:]}{done.stderr[-600:]}")
        return done.stdout

    def source(self, number):
        while len(self.sources) <= number:
            self.sources.append(Source(len(self.sources), self.options.seed, self.k2, self.folder))
        return self.sources[number]

    def launch(self, role, what, words):
        process = subprocess.Popen([self.k2, *words, "--quiet", "--data", str(self.data)], text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment())
        victim = Victim(role, what, process, self.rng)
        victim.may_find_nothing = role == "sink" and self.fed == 0
        return victim

    def bury(self, victim):
        """Records the end of a process; one that failed by itself is a broken promise."""
        with victim.process.stderr as stderr:
            words = stderr.read()
        code = victim.process.returncode
        self.log.write(json.dumps({"what": victim.what, "delay_ms": round(victim.delay * 1000, 1), "aim": victim.aim,
                                   "stage": victim.stage, "exit": code}) + "\n")
        if victim.stage:
            self.kills += 1
            self.stages[victim.role, victim.stage] += 1
        elif code == 0:
            self.ended += 1
            self.fed += victim.role == "ingest"
        elif not (victim.may_find_nothing and "no journal" in words):
            raise Broken(f"{victim.what}: exit {code}: {words[-1500:]}")

    def step(self):
        which = self.rng.choice(["ingest", "sink", "both"])
        victims = []
        if which != "sink":
            source = self.source(self.fed)
            victims.append(self.launch("ingest", source.name, source.words))
        if which != "ingest":
            victims.append(self.launch("sink", "sink", ["sink", "--once"]))
        alive = list(victims)
        while alive:
            alive = [v for v in alive if not v.has_ended()]
            time.sleep(0.0003)
        for victim in victims:
            self.bury(victim)

    def look_between(self):
        """What stands in the tables between two kills is never wrong, only behind."""
        if self.fed > 0 and self.rng.random() < 0.04:
            self.looks += 1
            self.run("sink", "--once", "--quiet")
            self.run("reconcile", "--quiet")

    def kill_all(self):
        while self.kills < self.options.kills:
            self.step()
            self.look_between()
            if sys.stderr.isatty():
                print(f"\r{self.kills} kills, {self.fed} sources ", end="", file=sys.stderr)

    def feed(self, data, tiny):
        for source in self.sources:
            self.run(*source.words, "--quiet", data=data, tiny=tiny)
        self.run("sink", "--once", "--quiet", data=data, tiny=tiny)

    # --- what the tables say ---

    def ask(self, sql, data=None):
        return list(csv.reader(io.StringIO(self.run("query", "--quiet", "--format", "csv", sql, data=data))))[1:]

    def compare(self, what, sql):
        got, want = self.ask(sql), self.ask(sql, self.folder / "calm")
        if got == want and got:
            return
        wrong = [pair for pair in zip(got, want) if pair[0] != pair[1]][:3]
        raise Broken(f"{what}: {len(got)} lines, {len(want)} in the calm directory; first: {wrong}")

    def compare_all(self):
        for table, numbers in (("trades", ["price", "quantity"]),
                               ("quotes", ["bid_price", "bid_quantity", "ask_price", "ask_quantity"])):
            sums = ", ".join(f"sum({n}), min({n}), max({n})" for n in numbers)
            self.compare(table, f"""SELECT exchange, symbol, trade_date, count(*), count(DISTINCT message_id), {sums},
                min(exchange_timestamp_ns), max(exchange_timestamp_ns), min(exchange_sequence_number),
                max(exchange_sequence_number), bit_xor(hash(message_id, exchange_timestamp_ns, {', '.join(numbers)}))
                FROM {table} GROUP BY ALL ORDER BY ALL""")
            twice = self.ask(f"SELECT count(*) - count(DISTINCT message_id) FROM {table}")
            if twice != [["0"]]:
                raise Broken(f"{twice} rows of {table} are there twice")
        self.compare("quarantine", "SELECT exchange, symbol, reason, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL")

    def compare_known(self):
        """The ASX files: counted here, not by k2."""
        lines = self.ask("SELECT symbol, count(*), sum(price), sum(quantity), min(exchange_sequence_number), "
                         "max(exchange_sequence_number) FROM trades WHERE exchange = 'ASX' GROUP BY ALL")
        got = {line[0]: (int(line[1]), *map(decimal.Decimal, line[2:4]), int(line[4]), int(line[5])) for line in lines}
        for source in self.sources:
            if source.known and got.get(source.known[0]) != source.known[1:]:
                raise Broken(f"{source.name}: {got.get(source.known[0])} instead of {source.known}")

    def prove(self):
        self.feed(self.data, tiny=True)
        self.feed(self.folder / "calm", tiny=False)
        self.run("reconcile", "--quiet")
        self.run("verify", "--quiet")
        self.compare_all()
        self.compare_known()

    def report(self, seconds):
        rows = int(self.ask("SELECT count(*) FROM trades")[0][0]) + int(self.ask("SELECT count(*) FROM quotes")[0][0])
        print(f"seed {self.options.seed}: {self.kills} kills, {self.ended} runs to their end, {self.looks} looks between, "
              f"{len(self.sources)} sources, {rows} rows, {seconds:.0f} s: nothing lost, nothing doubled")
        for (role, stage), n in sorted(self.stages.items()):
            print(f"  {role:7} {stage:22} {n:5}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k2", default=os.environ.get("K2_BIN", "build/release/bin/k2"), help="the program")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", help="one JSON line for each process")
    parser.add_argument("--keep", action="store_true", help="keep the directory")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="k2crash."))
    loop = Loop(options, folder)
    start = time.monotonic()
    try:
        loop.kill_all()
        loop.prove()
        loop.report(time.monotonic() - start)
    except Broken as why:
        print(f"BROKEN after {loop.kills} kills, seed {options.seed}, kept in {folder}: {why}", file=sys.stderr)
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
