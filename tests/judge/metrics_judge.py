#!/usr/bin/env python3
"""Is what /metrics of a running k2 says what others understand, and true?

Judges: the parsers of Prometheus' own Python client, one for each format, and promtool where it is
installed. The numbers are compared with what k2 itself says of the same data by other ways.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_parser
from prometheus_client.parser import text_string_to_metric_families as old_parser

from _k2 import K2, k2, query

OPEN = "application/openmetrics-text;version=1.0.0"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path, accept="*/*"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.headers["Content-Type"], reply.read().decode("utf-8")


def wait_until(what, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        try:
            if what():
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise AssertionError("it never came: " + what.__name__)


def samples(families):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def value(all_samples, name, **labels):
    return all_samples[name, tuple(sorted(labels.items()))]


def check_formats(port):
    kind, text = get(port, "/metrics", OPEN)
    assert kind.startswith("application/openmetrics-text; version=1.0.0"), kind
    families = list(open_parser(text))
    types = {f.name: (f.type, f.unit, f.documentation) for f in families}
    assert types["k2_journal_written_bytes"][:2] == ("counter", "bytes"), types
    assert types["k2_journal_sync_seconds"][:2] == ("histogram", "seconds"), types
    assert types["k2_build"][0] == "info", types
    assert all(help for _, _, help in types.values())
    kind, text = get(port, "/metrics", "text/plain")
    assert kind.startswith("text/plain; version=0.0.4"), kind
    old = samples(old_parser(text))
    assert {name for name, _ in old} >= {"k2_build_info", "k2_journal_records_total"}, old
    check_with_promtool(text)
    return samples(families)


def check_with_promtool(text):
    promtool = shutil.which("promtool")
    if not promtool:
        print("promtool is not installed: the Python parsers alone judged")
        return
    run = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    print("promtool: nothing to say")


def check_histogram(found, name, **labels):
    """Buckets never fall, and the last is the count."""
    buckets = [(float(dict(key)["le"]), v) for (sample, key), v in found.items()
               if sample == name + "_bucket" and set(labels.items()) <= set(key)]
    buckets.sort()
    counts = [v for _, v in buckets]
    assert len(counts) > 10 and counts == sorted(counts), buckets
    assert counts[-1] == value(found, name + "_count", **labels), buckets


def check_truth(data, found, lines, refused):
    """Nothing moves any more: the numbers are equal to what file, tables and disk say."""
    rows = int(query(data, "SELECT count(*) AS n FROM trades")[0]["n"])
    gone = int(query(data, "SELECT count(*) AS n FROM quarantine")[0]["n"])
    counted = {what: value(found, f"k2_ingest_{what}_total", exchange="BINANCE") for what in
               ("read", "accepted", "duplicates", "conflicts", "quarantined", "filtered", "gaps")}
    unknown = found.get(("k2_ingest_read_total", (("exchange", "UNKNOWN"),)), 0)
    assert counted["read"] + unknown == lines, (counted, unknown, lines)
    assert counted["accepted"] == rows > 0 and counted["duplicates"] > 0, (counted, rows)
    assert counted["gaps"] > 0, counted
    assert value(found, "k2_ingest_filtered_total", exchange="UNKNOWN") == 1
    assert counted["read"] == sum(counted[what] for what in (
        "accepted", "duplicates", "conflicts", "quarantined", "filtered")), counted
    assert gone == refused == sum(v for (name, _), v in found.items()
                                  if name == "k2_quarantine_records_total"), (gone, refused)
    assert value(found, "k2_sink_rows_total", table="trades") == rows
    held = {key: v for (name, key), v in found.items() if name == "k2_sink_offset"}
    ends = {key: v for (name, key), v in found.items() if name == "k2_journal_end_offset"}
    steps = int(query(data, "SELECT count(*) AS n FROM gaps")[0]["n"])
    assert steps >= counted["gaps"], (steps, counted)
    assert sum(held.values()) == rows + gone + steps, (held, rows, gone, steps)
    assert all(ends[key] == v for key, v in held.items()), (ends, held)
    for table in ("trades", "quarantine"):
        folder = os.path.join(data, "warehouse", "market_data", table)
        on_disk = sum(os.path.getsize(os.path.join(where, name))
                      for where, _, names in os.walk(folder)
                      for name in names if name.endswith(".parquet"))
        assert value(found, "k2_sink_written_bytes_total", table=table) == on_disk > 0, on_disk
    log = sum(os.path.getsize(os.path.join(data, "journal", name))
              for name in os.listdir(os.path.join(data, "journal")) if name.endswith(".seg"))
    assert value(found, "k2_journal_position_bytes") <= log, log
    assert abs(value(found, "process_start_time_seconds") - time.time()) < 120


def make_feed(path):
    """A venue's lines with duplicates and gaps, two that are none and one of a kind that nobody wants;
    gives the number of all lines and of those to be refused."""
    text = k2("simulate", "--print", "binance-json", "--seconds", "2", "--rate", "5000",
              "--seed", "7", "--duplicates", "1%", "--gaps", "0.01")
    more = ["{\"e\":\"trade\",\"s\":", "nonsense", "{}"]
    with open(path, "w") as file:
        file.write(text + "\n".join(more) + "\n")
    return text.count("\n") + len(more), 2


def run_judged(folder):
    data, port = os.path.join(folder, "data"), free_port()
    lines, refused = make_feed(os.path.join(folder, "feed.json"))
    config = os.path.join(folder, "k2.conf")
    with open(config, "w") as file:
        file.write(f"[http]\nlisten = 127.0.0.1:{port}\n[sink]\ninterval = 500ms\n"
                   f"[feed.file]\nformat = binance-json\nsource = {folder}/feed.json\n")
    up = subprocess.Popen([K2, "up", "--data", data, "--config", config],
                          stdout=subprocess.DEVNULL)
    try:
        def everything_is_in_the_tables():
            found = samples(open_parser(get(port, "/metrics", OPEN)[1]))
            read = sum(v for (name, _), v in found.items() if name == "k2_ingest_read_total")
            ends = sum(v for (name, key), v in found.items() if name == "k2_journal_end_offset"
                       and dict(key)["topic"].startswith("market."))
            held = sum(v for (name, _), v in found.items() if name == "k2_sink_offset")
            gaps = sum(v for (name, _), v in found.items() if name == "k2_ingest_gaps_total")
            return read == lines and ends == held and gaps > 0  # gaps wait for what comes late
        wait_until(everything_is_in_the_tables)
        found = check_formats(port)
        check_histogram(found, "k2_journal_sync_seconds")
        check_histogram(found, "k2_sink_commit_seconds", table="trades")
        check_truth(data, found, lines, refused)
        assert get(port, "/health/ready")[1] == "ready\n"
    finally:
        up.send_signal(signal.SIGTERM)
        code = up.wait(timeout=30)
    assert code == 0, code


def main():
    with tempfile.TemporaryDirectory(prefix="k2judge.") as folder:
        run_judged(folder)
    print("metrics: ok")


if __name__ == "__main__":
    sys.exit(main())
