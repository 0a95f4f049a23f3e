#!/usr/bin/env python3
"""pyiceberg reads every snapshot of tables whose data directory was moved, or was restored from a backup.

k2-test: timeout=300
Among the manifests is one that pyiceberg wrote, in its own schema. Exit 77 = skipped.
"""
import glob
import os
import shutil
import sys
import tempfile

from _k2 import k2, query, skip

try:
    import pyarrow.compute as pc
    from pyiceberg.catalog.sql import SqlCatalog
except ImportError as e:
    skip(e)

failures = 0


def check(name, got, expected):
    global failures
    good = got == expected
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f": got {got!r}, expected {expected!r}"))


def table(data):
    catalog = SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse")
    return catalog.load_table("market_data.trades")


def seen(data):
    """Per snapshot: rows, sums, and that every file is below the directory."""
    t, out = table(data), []
    for s in t.snapshots():
        scan = t.scan(snapshot_id=s.snapshot_id)
        outside = [f.file.file_path for f in scan.plan_files()
                   if not f.file.file_path.startswith(f"file://{data}/warehouse/")]
        assert not outside, outside
        assert s.manifest_list.startswith(f"file://{data}/warehouse/"), s.manifest_list
        for m in s.manifests(t.io):
            assert m.manifest_path.startswith(f"file://{data}/warehouse/"), m.manifest_path
            assert m.manifest_length == os.path.getsize(m.manifest_path[len("file://"):]), m
        rows = scan.to_arrow()
        out.append((s.snapshot_id, rows.num_rows, pc.sum(rows["price"]).as_py(), pc.sum(rows["quantity"]).as_py(),
                    str(pc.max(rows["exchange_timestamp"]).as_py())))
    return out


def files_of(data, snapshot):
    """What the manifests say of each file beside its path."""
    t = table(data)
    return sorted((os.path.basename(e.data_file.file_path), e.data_file.record_count, e.data_file.file_size_in_bytes,
                   sorted(e.data_file.lower_bounds.items()), sorted(e.data_file.upper_bounds.items()), e.sequence_number)
                  for m in t.snapshot_by_id(snapshot).manifests(t.io) for e in m.fetch_manifest_entry(t.io))


def main(folder):
    data, copy, restored, backup = (os.path.join(folder, n) for n in ("data", "copy", "restored", "backup"))
    for day in (2, 3):
        k2("simulate", "-q", "--seconds", "2", "--seed", str(day), "--start", f"2026-03-0{day}T10:00:00Z",
           "--data", data)
        k2("sink", "--once", "--data", data)
    t = table(data)
    t.append(t.scan(limit=50).to_arrow())  # a manifest of pyiceberg's, with the fields it knows
    k2("simulate", "-q", "--seconds", "2", "--seed", "4", "--start", "2026-03-04T10:00:00Z", "--data", data)
    k2("sink", "--once", "--data", data)
    before = seen(data)
    last = before[-1][0]
    check("snapshots", len(before), 4)

    k2("backup", backup, "--data", data)
    k2("restore", backup, "--data", restored)
    check("what pyiceberg sees in a restored directory", seen(restored), before)
    check("what the manifests say of its files", files_of(restored, last), files_of(data, last))
    k2("verify", "--data", restored)

    shutil.copytree(data, copy)
    k2("doctor", "--fix", "--yes", "--data", copy)
    check("what pyiceberg sees in a copied directory", seen(copy), before)
    check("what the manifests say of its files", files_of(copy, last), files_of(data, last))
    shutil.rmtree(data)
    check("the same without the original", seen(copy), before)
    k2("verify", "--data", copy)
    for snapshot, rows, *_ in before:
        got = query(copy, "SELECT count(*) AS n FROM trades", "--as-of", f"trades@{snapshot}")
        check(f"k2 at snapshot {snapshot}", int(got[0]["n"]), rows)

    t = table(copy)  # and others go on writing there
    t.append(t.scan(limit=10).to_arrow())
    k2("simulate", "-q", "--seconds", "1", "--seed", "5", "--start", "2026-03-05T10:00:00Z", "--data", copy)
    k2("sink", "--once", "--data", copy)
    check("snapshots after going on", len(seen(copy)), 6)
    text = b"".join(open(p, "rb").read() for p in glob.glob(f"{copy}/warehouse/**/*.json", recursive=True))
    check("the old place in metadata", f"{data}/".encode() in text, False)


with tempfile.TemporaryDirectory() as name:
    main(os.path.realpath(name))
print(f"{failures} failed" if failures else "all as it should be")
sys.exit(1 if failures else 0)
