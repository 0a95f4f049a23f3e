"""itch-book on the file of bench/make_itch.c: parse and all books, one JSON line.

Its table of best prices is what it is made for; `symbols` alone is the least that it does.

usage: itch_peer.py FILE MESSAGES
"""
import datetime
import inspect
import json
import sys
import time

import itch_book

path, messages = sys.argv[1], int(sys.argv[2])
dated = {k: datetime.date(2026, 3, 2) for k in ("date", "session_date")
         if k in inspect.signature(itch_book.Feed.__init__).parameters}


def run(table):
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    feed = itch_book.open(path, **dated)
    for batch in feed.batches(tables=(table,), rows=1_000_000):
        assert getattr(batch, table) is not None
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    print(json.dumps({"stage": f"itch_book_{table}", "messages": messages,
                      "cpu_ns_per_message": round(cpu / messages, 1), "ns_per_message": round(wall / messages, 1)}))


run("symbols")
run("bbo")
