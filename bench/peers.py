"""The peers' way from rows to a table, on the rows that bench/pipeline writes as CSV.

Both get their input in memory as Arrow, which is more than the sink gets: it starts from Avro in the journal.
  duckdb     COPY (... ORDER BY exchange_ts, sequence) TO Parquet, zstd 1, 1M rows a file, fsynced
  pyiceberg  table.append of 1M rows a commit, SqlCatalog on SQLite, partitioned by identity(trade_date)
One JSON line each: rows per CPU-second (user + system) beside wall time, bytes a row.

usage: peers.py CSV DIRECTORY duckdb|pyiceberg
"""
import glob
import json
import os
import resource
import sys
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

CHUNK = 1_000_000


def load(path):
    types = {"exchange": pa.string(), "symbol": pa.string(), "exchange_ts": pa.int64(), "recv_ts": pa.int64(),
             "sequence": pa.int64(), "side": pa.string(), "price": pa.decimal128(20, 9),
             "qty": pa.decimal128(28, 10), "trade_date": pa.date32(), "conditions": pa.string()}
    t = pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True))
    for name in ("exchange_ts", "recv_ts"):
        i = t.column_names.index(name)
        t = t.set_column(i, name, t[name].cast(pa.timestamp("us", "UTC")))
    codes = t["conditions"].combine_chunks()
    offsets = pa.array([0] + pc.cumulative_sum(pc.cast(pc.is_valid(codes), pa.int32())).to_pylist(), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, codes.drop_null(), mask=pc.is_null(codes))
    t = t.set_column(t.column_names.index("conditions"), "conditions", lists)
    return t.combine_chunks()


def sync(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def with_duckdb(t, folder):
    import duckdb
    db = duckdb.connect()
    db.execute("SET threads = 1")
    for i in range(0, t.num_rows, CHUNK):
        rows = t.slice(i, CHUNK)
        db.register("rows", rows)
        path = f"{folder}/duckdb-{i}.parquet"
        db.execute(f"COPY (SELECT * FROM rows ORDER BY exchange_ts, sequence) TO '{path}' "
                   "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
        sync(path)
        db.unregister("rows")
    return glob.glob(f"{folder}/duckdb-*.parquet")


def prepare_pyiceberg(t, folder):
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform
    catalog = SqlCatalog("peer", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace("md")
    table = catalog.create_table("md.trades", t.schema)
    with table.update_spec() as u:
        u.add_identity("trade_date")
    return table


def with_pyiceberg(t, folder, table):
    for i in range(0, t.num_rows, CHUNK):
        table.append(t.slice(i, CHUNK))
    return glob.glob(f"{folder}/warehouse/**/*.parquet", recursive=True)


def main():
    path, folder, peer = sys.argv[1:]
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    t = load(path)
    table = prepare_pyiceberg(t, folder) if peer == "pyiceberg" else None
    cpu, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    files = with_pyiceberg(t, folder, table) if table else with_duckdb(t, folder)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - wall
    used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    size = sum(os.path.getsize(f) for f in files)
    print(json.dumps({"stage": peer, "rows": t.num_rows, "wall_ms": int(wall * 1000), "cpu_ms": int(used * 1000),
                      "rows_per_cpu_s": int(t.num_rows / used), "rows_per_s": int(t.num_rows / wall), "bytes": size,
                      "max_rss_mb": after.ru_maxrss // 1024}))


main()
