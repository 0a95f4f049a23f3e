#!/usr/bin/env python3
"""Executions while everything is killed: what was acknowledged is in journal and table, once, and nothing is there twice.

killed_executions.py --k2 PROGRAM --data DIR [--rows N] [--kills K] [--seed S] [--up]
--up: a k2 up holds the journal, and it is that one which is killed.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time


def row(i):
    return json.dumps({
        "execution_id": f"E{i}", "symbol": f"S{i % 7}", "exchange": "SIM", "account": f"A{i % 3}",
        "side": "BUY" if i % 2 else "SELL", "price": f"{100 + i % 10}.{i % 100:02d}", "quantity": str(1 + i % 5),
        "transact_time_ns": 1_700_000_000_000_000_000 + i, "fee": "0.01", "fee_currency": "USD"}) + "\n"


class Runs:
    def __init__(self, args):
        self.args = args
        self.random = random.Random(args.seed)
        self.acknowledged = {}
        self.up = None

    def k2(self, *words):
        return [self.args.k2, *words, "--data", self.args.data]

    def start_up(self):
        self.up = subprocess.Popen(self.k2("up"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in self.up.stdout:
            if b"http" in line:
                return
        raise SystemExit("k2 up did not come")

    def take(self, out):
        for line in out:
            if not line.endswith(b"\n"):
                break
            answer = json.loads(line)
            if "error" in answer:
                raise SystemExit(f"a row was refused: {answer}")
            known = self.acknowledged.setdefault(answer["execution_id"], answer["journal"])
            if known != answer["journal"]:
                raise SystemExit(f"acknowledged at two places: {known} and {answer['journal']}")

    def feed(self, process, rows):
        try:
            for i in rows:
                process.stdin.write(row(i).encode())
                if self.random.random() < 0.2:
                    process.stdin.flush()
                    time.sleep(self.random.random() * 0.01)
            process.stdin.close()
        except (BrokenPipeError, ValueError):
            pass

    def run(self, kill):
        """Sends what is not acknowledged, and some that is."""
        rows = [i for i in range(self.args.rows)
                if f"E{i}" not in self.acknowledged or self.random.random() < 0.02]
        process = subprocess.Popen(self.k2("ingest", "executions", "-", "--quiet"), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threads = [threading.Thread(target=self.feed, args=(process, rows)),
                   threading.Thread(target=self.take, args=(process.stdout,))]
        for t in threads:
            t.start()
        if kill:
            time.sleep(0.05 + self.random.random() * self.args.seconds)
            victim = self.up if self.args.up and self.random.random() < 0.7 else process
            victim.send_signal(signal.SIGKILL)
            if victim is self.up:
                self.up.wait()
        for t in threads:
            t.join()
        process.wait()
        if not kill and process.returncode != 0:
            raise SystemExit(f"exit {process.returncode}: {process.stderr.read().decode()}")
        if self.args.up and self.up.poll() is not None:
            self.start_up()

    def sql(self, text):
        out = subprocess.run(self.k2("query", "--quiet", "--format", "csv", text), capture_output=True, check=True,
                             text=True)
        return out.stdout.splitlines()[1:]

    def check(self):
        subprocess.run(self.k2("sink", "--once", "--quiet"), check=False, capture_output=True)
        held = {}
        for line in self.sql("SELECT execution_id, journal_partition, journal_offset FROM executions"):
            name, partition, offset = line.split(",")
            if name in held:
                raise SystemExit(f"{name} is in the table twice")
            held[name] = (int(partition), int(offset))
        for name, where in self.acknowledged.items():
            if held.get(name) != (where["partition"], where["offset"]):
                raise SystemExit(f"{name}: acknowledged at {where}, the table has {held.get(name)}")
        done = subprocess.run(self.k2("reconcile"), capture_output=True, check=False, text=True)
        if done.returncode != 0:
            raise SystemExit(f"reconcile: {done.stdout}{done.stderr}")
        return len(held)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--k2", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--rows", type=int, default=2000)
    p.add_argument("--kills", type=int, default=8)
    p.add_argument("--seconds", type=float, default=0.6)
    p.add_argument("--seed", type=int, default=int(os.environ.get("K2_SEED", "20261121")))
    p.add_argument("--up", action="store_true")
    runs = Runs(p.parse_args())
    if runs.args.up:
        runs.start_up()
    for _ in range(runs.args.kills):
        runs.run(kill=True)
    between = len(runs.acknowledged)
    runs.run(kill=False)
    if runs.up:
        runs.up.send_signal(signal.SIGTERM)
        runs.up.wait()
    held = runs.check()
    if held != runs.args.rows or len(runs.acknowledged) != runs.args.rows:
        sys.exit(f"{held} rows in the table, {len(runs.acknowledged)} acknowledged, {runs.args.rows} were sent")
    print(f"{runs.args.kills} kills, {between} rows acknowledged in spite of them, {held} in the end, each once")


if __name__ == "__main__":
    main()
