#!/usr/bin/env python3
"""Runs `k2 up` under load for a long time, with restarts, and tells what grows.

A simulated market of so many events a second flows through `k2 up`. Each second a query is asked by a process
of its own, and it is noted how long the answer took. Every few minutes k2 up is ended, by SIGTERM and by
SIGKILL in turn, and started again. Memory, processor time, descriptors, files, snapshots, metadata and lag
are sampled all the while. At the end `k2 reconcile` and `k2 verify` must find nothing, and no row may be
there twice. docs/soak.md says how to read what it prints.

    tools/soak.py --k2 build/release/bin/k2 --minutes 60 --json soak.json

Exit code: 0 nothing lost, nothing doubled; 1 a promise was broken (the data directory is kept).
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
MB = 1 << 20
QUERIES = {  # asked in turn
    "count": "SELECT count(*) FROM trades",
    "minute": "SELECT symbol, count(*), min(price), max(price) FROM trades "
              "WHERE exchange_timestamp > (SELECT now()) - INTERVAL '1 minute' GROUP BY 1 ORDER BY 2 DESC",
}


class Broken(Exception):
    """A promise was broken."""


def percentile(values, share):
    """The nearest-rank percentile; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def shown(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


# --- what is sampled ---


def process_figures(pid):
    """Memory in MB, processor seconds, descriptors and threads; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            status = dict(line.split(":", 1) for line in f if ":" in line)
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return {
            "rss_mb": int(status["VmRSS"].split()[0]) / 1024,
            "anonymous_mb": int(status["RssAnon"].split()[0]) / 1024,
            "cpu_s": (int(fields[11]) + int(fields[12])) / TICKS,
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": int(status["Threads"]),
        }
    except (OSError, KeyError, IndexError):
        return None


def directory_figures(data):
    """Files and bytes by what they are, and the newest metadata of table trades."""
    counts = {"journal": [0, 0], "data": [0, 0], "metadata": [0, 0], "other": [0, 0]}
    newest = None
    for folder, _, names in os.walk(data):
        for name in names:
            path = os.path.join(folder, name)
            try:
                size = os.stat(path).st_size
            except OSError:
                continue  # removed meanwhile
            kind = "other"
            if "/journal" in folder:
                kind = "journal"
            elif name.endswith(".parquet"):
                kind = "data"
            elif "/metadata" in folder:
                kind = "metadata"
            counts[kind][0] += 1
            counts[kind][1] += size
            if folder.endswith("/trades/metadata") and name.endswith(".metadata.json"):
                newest = max(newest or (name, path), (name, path))
    out = {f"{kind}_files": n for kind, (n, _) in counts.items()}
    out.update({f"{kind}_mb": size / MB for kind, (_, size) in counts.items()})
    return {**out, **metadata_figures(newest)}


def metadata_figures(newest):
    try:
        text = pathlib.Path(newest[1]).read_text(encoding="utf-8") if newest else "{}"
        return {"table_metadata_kb": len(text) / 1024, "snapshots": len(json.loads(text).get("snapshots", []))}
    except (OSError, ValueError):
        return {"table_metadata_kb": None, "snapshots": None}


def metric_figures(address):
    """What /metrics says that matters here."""
    wanted = {"rows": r'^k2_ingest_accepted_total\{exchange="SIM"\} (\S+)',
              "freshness_s": r'^k2_sink_freshness_seconds\{table="trades"\} (\S+)',
              "segments": r"^k2_journal_segments (\S+)"}
    try:
        with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except (OSError, urllib.error.URLError):
        return dict.fromkeys(wanted)
    found = {key: re.search(pattern, text, re.MULTILINE) for key, pattern in wanted.items()}
    return {key: float(match.group(1)) if match else None for key, match in found.items()}


# --- the run ---


class Soak:
    def __init__(self, options, folder):
        self.k2 = str(pathlib.Path(options.k2).resolve())
        self.options, self.folder, self.data = options, folder, folder / "data"
        self.up = self.address = None
        self.samples, self.answers, self.restarts = [], [], []
        self.begin = time.monotonic()
        self.cpu_before = None  # (time, processor seconds) of the sample before
        self.lock = threading.Lock()  # guards answers
        self.stopping = threading.Event()

    def environment(self):
        keep = {k: v for k, v in os.environ.items() if not k.startswith("K2_") or k == "K2_DUCKDB"}
        return {**keep, "K2_HTTP_LISTEN": "127.0.0.1:0", "K2_JOURNAL_RETENTION": self.options.retention,
                "K2_JOURNAL_SEGMENT_BYTES": self.options.segment, "K2_SINK_INTERVAL": self.options.interval}

    def command(self, *words, timeout=3600):
        return subprocess.run([self.k2, *words, "--data", str(self.data)], capture_output=True, text=True,
                              env=self.environment(), timeout=timeout, check=False)

    def elapsed(self):
        return time.monotonic() - self.begin

    # --- k2 up ---

    def start(self):
        with open(self.folder / "up.out", "w+", encoding="utf-8") as out, \
                open(self.folder / "up.err", "a", encoding="utf-8") as err:
            begin = time.monotonic()
            self.up = subprocess.Popen([self.k2, "up", "--simulate", str(self.options.rate), "--data", str(self.data)],
                                       stdout=out, stderr=err, env=self.environment())
            text = ""
            while "Ctrl-C ends it" not in text:
                if self.up.poll() is not None:
                    raise Broken(f"k2 up ended by itself with {self.up.returncode}; see {self.folder}/up.err")
                time.sleep(0.01)
                text = pathlib.Path(out.name).read_text(encoding="utf-8")
        self.address = re.search(r"http://\S+", text).group(0)
        self.cpu_before = None
        return time.monotonic() - begin

    def end(self, word):
        begin = time.monotonic()
        self.up.send_signal(word)
        code = self.up.wait(timeout=300)
        if code != (0 if word == signal.SIGTERM else -signal.SIGKILL):
            raise Broken(f"k2 up ended with {code}; see {self.folder}/up.err")
        return time.monotonic() - begin

    def restart(self):
        word = signal.SIGTERM if len(self.restarts) % 2 == 0 else signal.SIGKILL
        took = self.end(word)
        self.restarts.append({"at_s": self.elapsed(), "signal": word.name, "end_s": took, "start_s": self.start()})

    # --- queries ---

    def ask_on(self):
        """A query each second, until the end."""
        names = list(QUERIES)
        for n in range(1 << 60):
            begin = time.monotonic()
            name = names[n % len(names)]
            done = self.command("query", "--quiet", "--format", "csv", QUERIES[name])
            took = time.monotonic() - begin
            with self.lock:
                self.answers.append({"at_s": self.elapsed(), "query": name, "took_s": took, "exit": done.returncode,
                                     "why": done.stderr[-500:] if done.returncode else ""})
            if self.stopping.wait(max(0.0, 1 - took)):
                return

    # --- samples ---

    def sample(self):
        figures = process_figures(self.up.pid)
        if not figures:
            raise Broken(f"k2 up is gone; see {self.folder}/up.err")
        now, before = time.monotonic(), self.cpu_before
        self.cpu_before = (now, figures["cpu_s"])
        figures["cpu_percent"] = 100 * (figures["cpu_s"] - before[1]) / (now - before[0]) if before else None
        self.samples.append({"at_s": self.elapsed(), **figures, **directory_figures(self.data),
                             **metric_figures(self.address)})

    def work(self):
        self.start()
        asker = threading.Thread(target=self.ask_on, daemon=True)
        asker.start()
        try:
            next_restart = self.options.restart
            while self.elapsed() < 60 * self.options.minutes:
                time.sleep(self.options.sample)
                self.sample()
                self.tell_last()
                if self.elapsed() >= next_restart:
                    self.restart()
                    next_restart += self.options.restart
        finally:
            self.stopping.set()
            asker.join()

    # --- the end ---

    def must_be_clean(self, *words):
        begin = time.monotonic()
        done = self.command(*words)
        if done.returncode != 0:
            raise Broken(f"k2 {' '.join(words)}: exit {done.returncode}\n{done.stdout[-800:]}{done.stderr[-800:]}")
        return time.monotonic() - begin

    def prove(self):
        proof = {"end_s": self.end(signal.SIGTERM)}
        wrong = [a for a in self.answers if a["exit"] != 0]
        if wrong:
            raise Broken(f"{len(wrong)} queries failed; the first after {wrong[0]['at_s']:.0f} s: {wrong[0]['why']}")
        proof["reconcile_s"] = self.must_be_clean("reconcile", "--quiet")
        proof["verify_s"] = self.must_be_clean("verify", "--quiet")
        done = self.command("query", "--quiet", "--format", "csv", "SELECT count(*), count(DISTINCT message_id) FROM "
                            "trades WHERE exchange_timestamp > (SELECT max(exchange_timestamp) FROM trades) - INTERVAL '2 minutes'")
        rows, different = done.stdout.strip().splitlines()[-1].split(",")
        if rows != different:
            raise Broken(f"{int(rows) - int(different)} of the last {rows} rows are there twice")
        proof["rows"] = int(self.command("query", "--quiet", "--format", "csv", QUERIES["count"]).stdout.split()[-1])
        return proof

    # --- what is printed ---

    def tell_last(self):
        if sys.stderr.isatty():
            s = self.samples[-1]
            print(f"\r{s['at_s']:.0f} s, {shown(s['rss_mb'])} MB, {shown(s['cpu_percent'])} % ", end="", file=sys.stderr)

    def slices(self):
        """The run in ten parts: averages of the samples, percentiles of the answers."""
        length = self.elapsed() / 10
        for i in range(10):
            inside = [s for s in self.samples if i * length <= s["at_s"] < (i + 1) * length]
            asked = [a["took_s"] for a in self.answers if i * length <= a["at_s"] < (i + 1) * length]
            if inside:
                yield inside, asked

    def print_table(self):
        columns = [("minute", "at_s", 0), ("rss MB", "rss_mb", 0), ("cpu %", "cpu_percent", 1), ("fds", "descriptors", 0),
                   ("data files", "data_files", 0), ("data MB", "data_mb", 0), ("meta files", "metadata_files", 0),
                   ("journal MB", "journal_mb", 0), ("snapshots", "snapshots", 0), ("meta KB", "table_metadata_kb", 0),
                   ("fresh s", "freshness_s", 1)]
        print("".join(f"{title:>11}" for title, _, _ in columns) + f"{'p50 ms':>9}{'p99 ms':>9}")
        for inside, asked in self.slices():
            last = dict(inside[-1], at_s=inside[-1]["at_s"] / 60)
            percents = [s["cpu_percent"] for s in inside if s["cpu_percent"] is not None]
            last["cpu_percent"] = sum(percents) / len(percents) if percents else None
            last["rss_mb"] = max(s["rss_mb"] for s in inside)
            times = [percentile(asked, share) for share in (0.5, 0.99)]
            print("".join(f"{shown(last[key], digits):>11}" for _, key, digits in columns) +
                  "".join(f"{shown(None if t is None else 1000 * t):>9}" for t in times))

    def report(self, proof):
        self.print_table()
        for name in QUERIES:
            times = [1000 * a["took_s"] for a in self.answers if a["query"] == name]
            print(f"query {name}: {len(times)} times, p50 {shown(percentile(times, 0.5))} ms, "
                  f"p99 {shown(percentile(times, 0.99))} ms, longest {shown(max(times, default=None))} ms")
        for r in self.restarts:
            print(f"restart after {r['at_s'] / 60:.1f} min by {r['signal']}: ended in {r['end_s']:.2f} s, "
                  f"back in {r['start_s']:.2f} s")
        print(f"{proof['rows']} rows; end {proof['end_s']:.1f} s, reconcile {proof['reconcile_s']:.1f} s, "
              f"verify {proof['verify_s']:.1f} s: nothing lost, nothing doubled")
        if self.options.json:
            whole = {"options": vars(self.options), "samples": self.samples, "answers": self.answers,
                     "restarts": self.restarts, "proof": proof}
            pathlib.Path(self.options.json).write_text(json.dumps(whole, indent=1), encoding="utf-8")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--k2", required=True, help="the program")
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--rate", type=int, default=50000, help="events a second")
    p.add_argument("--restart", type=float, default=300, help="seconds between restarts")
    p.add_argument("--sample", type=float, default=5, help="seconds between samples")
    p.add_argument("--interval", default="60s", help="sink.interval")
    p.add_argument("--retention", default="5m", help="journal.retention")
    p.add_argument("--segment", default="64MB", help="journal.segment_bytes")
    p.add_argument("--folder", help="where the data is made; default: below TMPDIR")
    p.add_argument("--json", help="where all samples go")
    p.add_argument("--keep", action="store_true", help="keep the data")
    options = p.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="k2soak.", dir=options.folder))
    soak = Soak(options, folder)
    try:
        soak.work()
        soak.report(soak.prove())
    except Broken as broken:
        if soak.up and soak.up.poll() is None:
            soak.up.kill()
        print(f"{broken}\nthe data is kept in {folder}", file=sys.stderr)
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
