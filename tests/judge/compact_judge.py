#!/usr/bin/env python3
"""pyiceberg reads tables that k2 compacted: every snapshot as before, and a replace that changes no row.

k2-test: timeout=300
Exit 77 = skipped.
"""
import os
import sys
import tempfile

from _k2 import k2, query, skip

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.manifest import ManifestEntryStatus
except ImportError as e:
    skip(e)

failures = 0


def check(name, got, expected):
    global failures
    good = got == expected
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f": got {got!r}, expected {expected!r}"))


def table():
    catalog = SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse")
    return catalog.load_table("market_data.trades")


def run(*args):
    return k2(*args, "--data", data)


def rows(t, snapshot=None):
    """All columns of all rows, in the order of the journal."""
    found = t.scan(snapshot_id=snapshot).to_arrow()
    return found.sort_by([("journal_partition", "ascending"), ("journal_offset", "ascending")])


def key(batch):
    names = ["exchange_timestamp", "exchange_sequence_number", "symbol", "channel", "epoch", "part"]
    return list(zip(*(batch[n].to_pylist() for n in names)))


data = os.path.join(tempfile.mkdtemp(prefix="k2judge."), "data")
run("init")
for seed in range(12):
    run("simulate", "--symbols", "6", "--rate", "2K", "--seconds", "3", "--seed", str(seed), "--quiet",
       "--start", f"2026-03-0{2 + seed % 2}T10:00:0{seed % 5}Z")
    run("sink", "--once", "--quiet")

before = table()
old = {s.snapshot_id: rows(before, s.snapshot_id) for s in before.snapshots()}
now = rows(before)
offsets = before.properties["k2.offsets"]
run("table", "compact", "trades", "--all", "--yes", "--quiet")
t = table()

check("two files, one of each date", len(list(t.scan().plan_files())), 2)
check("all rows, every column", rows(t).equals(now), True)
for id, was in old.items():
    check(f"snapshot {id} as before", rows(t, id).equals(was), True)
check("the offsets of the table", t.properties["k2.offsets"], offsets)

s = t.current_snapshot()
more = s.summary.additional_properties
check("the operation", s.summary.operation.value, "replace")
check("no row more or less", more["added-records"], more["deleted-records"])
check("the totals", (more["total-records"], more["total-data-files"]), (str(now.num_rows), "2"))
check("the offsets of the snapshot", more["k2.offsets"], offsets)
check("sequence numbers go up", [x.sequence_number for x in t.snapshots()],
      sorted(x.sequence_number for x in t.snapshots()))

for m in s.manifests(t.io):
    entries = m.fetch_manifest_entry(t.io, discard_deleted=False)
    counts = [sum(e.status == k for e in entries) for k in
              (ManifestEntryStatus.ADDED, ManifestEntryStatus.EXISTING, ManifestEntryStatus.DELETED)]
    check("counts of a manifest", counts, [m.added_files_count, m.existing_files_count, m.deleted_files_count])
    live = [e.sequence_number for e in entries if e.status != ManifestEntryStatus.DELETED]
    if live:
        check("its least sequence number", m.min_sequence_number, min(live))

for f in t.scan().plan_files():
    path = f.file.file_path[len("file://"):]
    batch = pq.read_table(path)
    check("a file is in order", key(batch) == sorted(key(batch)), True)
    check("it says so", f.file.sort_order_id, 1)
    check("it holds one date", pc.count_distinct(batch["trade_date"]).as_py(), 1)
    check("its rows are counted", batch.num_rows, f.file.record_count)

# Another writer's append and our sink go on, and so does compaction.
t.append(rows(t).slice(0, 5).set_column(
    rows(t).schema.get_field_index("journal_id"), rows(t).schema.field("journal_id"),
    pa.array([1] * 5, pa.int32())))
run("simulate", "--symbols", "6", "--rate", "2K", "--seconds", "1", "--seed", "99", "--quiet",
   "--start", "2026-03-02T12:00:00Z")
run("sink", "--once", "--quiet")
count = rows(table()).num_rows
run("table", "compact", "trades", "--all", "--yes", "--quiet")
t = table()
check("all rows again", rows(t).num_rows, count)
# What pyiceberg wrote says no order and stays.
check("files of another writer stay", sorted(f.file.sort_order_id or 0 for f in t.scan().plan_files())[0], 0)
check("DuckDB counts the same", query(data, "SELECT count(*) AS n FROM trades")[0]["n"], count)
sys.exit(1 if failures else 0)
