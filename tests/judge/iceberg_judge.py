#!/usr/bin/env python3
"""pyiceberg and DuckDB read the tables that the lake room writes, and it reads theirs.

k2-test: timeout=300
Data files are written by pyarrow, everything else by tests/judge/iceberg_write.c. Exit 77 = skipped.
"""
import ctypes
import datetime
import decimal
import os
import struct
import subprocess
import sys
import tempfile

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.expressions import And, EqualTo, GreaterThan, GreaterThanOrEqual, LessThan
    from pyiceberg.types import StringType
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

helper = os.path.join(os.environ.get("K2_HELPERS", ""), "iceberg_write")
if not os.access(helper, os.X_OK):
    print(f"skipped: no helper {helper} (K2_HELPERS names its directory)")
    sys.exit(77)

failures = 0
epoch = datetime.date(1970, 1, 1)
day0 = (datetime.date(2014, 3, 10) - epoch).days


def check(name, got, expected):
    global failures
    good = got == expected
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f": got {got!r}, expected {expected!r}"))


def run(*args, stdin=""):
    r = subprocess.run([helper, data, *map(str, args)], input=stdin, capture_output=True, text=True)
    if r.returncode != 0:
        raise RuntimeError(f"iceberg_write {args}: {r.stderr}")
    return r.stdout.split("\n")[:-1]


# --- data files by pyarrow, with our field ids ---------------------------------

def identified(name, kind, number, nullable=True):
    return pa.field(name, kind, nullable, metadata={"PARQUET:field_id": str(number)})


def arrow_type(number, text):
    simple = {"string": pa.string(), "long": pa.int64(), "int": pa.int32(), "date": pa.date32(),
              "timestamptz": pa.timestamp("us", "UTC"), "binary": pa.binary()}
    if text in simple:
        return simple[text]
    if text.startswith("decimal"):
        return pa.decimal128(*map(int, text[8:-1].split(",")))
    if text == "list<string>":
        return pa.list_(identified("element", pa.string(), 200 + number, False))
    assert text == "map<string, string>", text
    return pa.map_(identified("key", pa.string(), 200 + number, False),
                   identified("value", pa.string(), 400 + number, False))


def arrow_schema():
    fields = []
    required = {f.name for f in table().schema().fields if f.required}
    for line in run("columns", "trades"):
        number, name, text = line.split(" ", 2)
        fields.append(identified(name, arrow_type(int(number), text), int(number),
                                 name not in required))
    return pa.schema(fields)


def rows(days, first, count):
    """Columns of `count` trades whose sequence numbers begin at `first`."""
    n = range(first, first + count)
    ns = [(days * 86400 + i) * 10**9 + 123456789 for i in n]
    values = {
        "exchange": ["JUDGE"] * count,
        "symbol": [f"SYMBOL-WITH-A-LONG-NAME-{i % 7}" for i in n],
        "trade_date": [epoch + datetime.timedelta(days)] * count,
        "exchange_timestamp": [t // 1000 for t in ns],
        "exchange_timestamp_ns": ns,
        "ingest_timestamp": [t // 1000 + 5 for t in ns],
        "exchange_sequence_number": list(n),
        "channel": ["c"] * count,
        "epoch": [0] * count, "part": [0] * count, "flags": [1] * count,
        "price": [None if i % 10 == 0 else decimal.Decimal(i) + decimal.Decimal("0.123456789") for i in n],
        "quantity": [decimal.Decimal(-i) for i in n],
        "conditions": [None if i % 3 else ["a", str(i)] for i in n],
        "extra": [None if i % 4 else [("k", str(i))] for i in n],
        "journal_id": [7] * count, "journal_partition": [0] * count, "journal_offset": list(n),
    }
    columns = []
    for f in arrow_schema():
        column = values.get(f.name, [None] * count)
        columns.append(pa.array(column, pa.int64()).cast(f.type) if pa.types.is_timestamp(f.type)
                       else pa.array(column, f.type))
    return pa.Table.from_arrays(columns, schema=arrow_schema())


def bound(value, kind, upper):
    """Iceberg's single value serialisation, strings cut to 16 characters."""
    if pa.types.is_decimal(kind):
        unscaled = int(value.scaleb(kind.scale, decimal.Context(prec=40)))
        n = 1
        while not -(1 << (8 * n - 1)) <= unscaled < 1 << (8 * n - 1):
            n += 1
        return unscaled.to_bytes(n, "big", signed=True)
    if pa.types.is_string(kind):
        b = value.encode()
        if len(b) <= 16:
            return b
        return b[:15] + bytes([b[15] + 1]) if upper else b[:16]
    if pa.types.is_timestamp(kind):
        value = int(value.timestamp()) * 10**6 + value.microsecond
    if pa.types.is_date(kind):
        value = (value - epoch).days
    return struct.pack("<i" if kind.bit_width == 32 else "<q", value)


def describe(path, t):
    meta = pq.ParquetFile(path).metadata
    sizes = {}
    for g in range(meta.num_row_groups):
        for c in range(meta.num_columns):
            column = meta.row_group(g).column(c)
            sizes[column.path_in_schema] = sizes.get(column.path_in_schema, 0) + column.total_compressed_size
    metrics = []
    for f in t.schema:
        if pa.types.is_nested(f.type):
            continue
        number = int(f.metadata[b"PARQUET:field_id"])
        column = t[f.name]
        low, high = pc.min(column).as_py(), pc.max(column).as_py()
        texts = ["-" if v is None else bound(v, f.type, up).hex() for v, up in ((low, 0), (high, 1))]
        metrics.append(f"{number}:{sizes[f.name]}:{len(column)}:{column.null_count}:{texts[0]}:{texts[1]}")
    return f"{path} {{days}} {t.num_rows} {os.path.getsize(path)} 4 {';'.join(metrics)}\n"


def write(days, first, count):
    path = run("path", "trades", days)[0]
    t = rows(days, first, count)
    pq.write_table(t, path, compression="zstd")
    return describe(path, t).replace("{days}", str(days))


def table():
    return SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse") \
        .load_table(("market_data", "trades"))


def sequences(scan):
    return sorted(scan.to_arrow()["exchange_sequence_number"].to_pylist())


# --- the judgement --------------------------------------------------------------

def judge_pyiceberg(snapshots):
    cat = SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse")
    check("namespaces", cat.list_namespaces(), [("market_data",)])
    check("tables", sorted(cat.list_tables("market_data")),
          [("market_data", "quarantine"), ("market_data", "quotes"), ("market_data", "trades")])
    t = table()
    check("metadata version", t.metadata.format_version, 2)
    check("partition spec", str(t.spec().fields[0]), "1000: trade_date: identity(4)")
    check("sort order", [f.source_id for f in t.sort_order().fields], [5, 9, 2, 10, 11, 12])
    check("all rows", sequences(t.scan()), list(range(600)))
    got = t.scan(row_filter=EqualTo("exchange_sequence_number", 0)).to_arrow().select(
        rows(day0, 0, 1).schema.names)
    check("a row, value by value", got.to_pylist(), rows(day0, 0, 1).to_pylist())
    check("every value", t.scan().to_arrow().sort_by("exchange_sequence_number").to_pylist(),
          pa.concat_tables([rows(day0 + d, 200 * d, 200) for d in range(3)]).to_pylist())

    def planned(expression):
        return [task.file.record_count for task in t.scan(row_filter=expression).plan_files()]

    check("no file for another date", planned(EqualTo("trade_date", "2015-01-01")), [])
    check("one partition", planned(EqualTo("trade_date", "2014-03-11")), [100, 100])
    check("bounds of a long", planned(GreaterThan("exchange_sequence_number", 599)), [])
    check("bounds of a long, one file", planned(EqualTo("exchange_sequence_number", 450)), [100])
    check("bounds of a decimal", planned(GreaterThan("price", decimal.Decimal("599.200000000"))), [])
    check("bounds of a decimal, negative", planned(LessThan("quantity", decimal.Decimal("-598.5000000000"))), [100])
    check("bounds of a string", planned(EqualTo("symbol", "SYMBOL-WITH-A-LQ")), [])
    check("bounds of a cut string", len(planned(EqualTo("symbol", "SYMBOL-WITH-A-LONG-NAME-3"))), 6)
    when = datetime.datetime(2014, 3, 12, tzinfo=datetime.timezone.utc)
    check("bounds of a time", planned(GreaterThanOrEqual("exchange_timestamp", when.isoformat())), [100, 100])
    check("time travel", [len(sequences(t.scan(snapshot_id=s))) for s in snapshots], [200, 400, 600])
    check("history", [h.snapshot_id for h in t.history()], snapshots)
    files = t.inspect.files().to_pylist()
    check("inspect.files", sorted({(f["record_count"], f["sort_order_id"]) for f in files}), [(100, 1)])
    first = min(files, key=lambda f: f["readable_metrics"]["exchange_sequence_number"]["lower_bound"])
    metrics = first["readable_metrics"]
    check("readable bounds", (metrics["price"]["lower_bound"], metrics["price"]["null_value_count"],
                              metrics["symbol"]["upper_bound"]),
          (decimal.Decimal("1.123456789"), 10, "SYMBOL-WITH-A-LP"))
    check("inspect.partitions", sorted((p["partition"]["trade_date"], p["file_count"])
                                       for p in t.inspect.partitions().to_pylist()),
          [(epoch + datetime.timedelta(day0 + d), 2) for d in range(3)])
    check("inspect.snapshots", [s["operation"] for s in t.inspect.snapshots().to_pylist()], ["append"] * 3)
    check("inspect.manifests", [m["added_data_files_count"] for m in t.inspect.manifests().to_pylist()],
          [2, 2, 2])


def judge_round_trip():
    """pyiceberg appends and evolves; we read that and append on top."""
    t = table()
    t.append(rows(day0 + 3, 600, 50))
    with t.update_schema() as u:
        u.add_column("note", StringType())
    planned = [line.split(" ") for line in run("plan", "trades")]
    check("our plan of its append", sorted(int(p[1]) for p in planned), [50] + [100] * 6)
    check("our partition of its append", [p[0] for p in planned if p[1] == "50"], [str(day0 + 3)])
    check("our pruning of its bounds",
          [len(run("plan", "trades", *f)) for f in
           [("exchange_sequence_number", ">", 649), ("exchange_sequence_number", ">=", 649),
            ("trade_date", "=", day0 + 3), ("symbol", "=", ":SYMBOL-WITH-A-LONG-NAME-3"),
            ("symbol", ">", ":SYMBOL-WITH-B"), ("price", "<", 0)]],
          [0, 1, 1, 7, 0, 0])
    check("our columns after its evolution", run("columns", "trades")[-1], "500 note string")
    check("our table still fits", run("ensure", "trade"), [])
    check("our commit on top", len(run("append", "trades", 3, 4, "c3", stdin=write(day0 + 3, 650, 10))), 1)
    check("our verify", run("verify", "trades"), [])
    check("it reads all of it", sequences(table().scan()), list(range(660)))
    check("old files lack the new column", set(table().scan().to_arrow()["note"].to_pylist()), {None})
    t = table()
    t.delete(EqualTo("trade_date", "2014-03-13"))
    check("our plan after its delete", len(run("plan", "trades")), 6)
    check("a lost race of ours is no harm", len(run("append", "trades", 4, 5, "c4",
                                                    stdin=write(day0 + 4, 660, 10))), 1)
    check("it reads that too", sequences(table().scan()), list(range(600)) + list(range(660, 670)))


def judge_merge():
    """After many commits the merged manifests hold every file once."""
    first = 670
    for i in range(120):
        run("append", "trades", 5 + i, 6 + i, f"m{i}", stdin=write(day0 + 4 + i % 5, first + i, 1))
    t = table()
    check("manifests stay few", len(t.inspect.manifests()) < 110, True)
    check("every row once", sequences(t.scan()), list(range(600)) + list(range(660, 790)))
    check("sequence numbers are kept", len({e["sequence_number"] for e in t.inspect.entries().to_pylist()}) > 100, True)
    check("our verify after merging", run("verify", "trades"), [])


class DuckDB:
    """libduckdb of .deps through its C interface: the Python package has another version than the
    extensions. Results as tuples of text."""

    def __init__(self, library, extensions):
        self.c = ctypes.CDLL(library)
        self.c.duckdb_value_varchar.restype = ctypes.c_char_p
        self.c.duckdb_value_varchar.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
        self.c.duckdb_result_error.restype = ctypes.c_char_p
        self.c.duckdb_column_count.restype = ctypes.c_uint64
        database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        assert self.c.duckdb_open(None, ctypes.byref(database)) == 0
        assert self.c.duckdb_connect(database, ctypes.byref(self.connection)) == 0
        for name in ("avro", "iceberg"):
            self.run(f"LOAD '{extensions}/{name}.duckdb_extension'")

    def run(self, sql):
        result = (ctypes.c_uint64 * 6)()
        if self.c.duckdb_query(self.connection, sql.encode(), result) != 0:
            raise RuntimeError(self.c.duckdb_result_error(result).decode())
        return tuple((self.c.duckdb_value_varchar(result, i, 0) or b"NULL").decode()
                     for i in range(self.c.duckdb_column_count(result)))


def judge_duckdb(snapshots):
    extensions = os.environ.get("K2_DUCKDB_EXT", "")
    library = os.path.join(extensions, "..", "lib", "libduckdb.so")
    if not os.path.exists(library) or not os.path.exists(f"{extensions}/iceberg.duckdb_extension"):
        return print(f"skipped DuckDB: no libduckdb and extensions around '{extensions}'")
    db = DuckDB(library, extensions)
    db.run("SET timezone='UTC'")
    metadata = table().metadata_location
    scan = f"iceberg_scan('{metadata}')"
    ours = list(range(600)) + list(range(660, 790))
    check("DuckDB's sums", db.run("SELECT count(*), min(exchange_sequence_number), max(price), sum(quantity), "
                                  f"max(len(conditions)), count(note) FROM {scan}"),
          (str(len(ours)), "0", "789.123456789", f"{-sum(ours)}.0000000000", "2", "0"))
    check("DuckDB's partition", db.run(f"SELECT count(*) FROM {scan} WHERE trade_date = DATE '2014-03-11'"), ("200",))
    check("DuckDB's strings", db.run(f"SELECT count(*) FROM {scan} WHERE symbol = 'SYMBOL-WITH-A-LONG-NAME-3'"),
          (str(len([i for i in ours if i % 7 == 3])),))
    check("DuckDB's maps", db.run(f"SELECT extra['k'] FROM {scan} WHERE exchange_sequence_number = 8"), ("8",))
    check("DuckDB's time travel", db.run(
        f"SELECT count(*) FROM iceberg_scan('{metadata}', snapshot_from_id={snapshots[1]}::UBIGINT)"), ("400",))
    check("DuckDB's files", db.run(f"SELECT count(*) FROM iceberg_metadata('{metadata}') WHERE status != 'DELETED'"),
          ("127",))
    plan = db.run(f"EXPLAIN ANALYZE SELECT count(*) FROM {scan} WHERE trade_date = DATE '2014-03-11'")
    check("DuckDB's pruning", "Total Files Read: 2" in " ".join(plan), True)


def data_files():
    return {os.path.join(d, f) for d, _, names in os.walk(f"{data}/warehouse/market_data/trades/data") for f in names}


def judge_expiry(snapshots):
    """Half a year later the current snapshot and a tagged one are left, and all that they need."""
    table().manage_snapshots().create_tag(snapshots[1], "eod-2014-03-11").commit()
    before, t = data_files(), table()
    count, current = len(t.snapshots()), t.current_snapshot().snapshot_id
    gone, left = map(int, run("expire", "trades", 200))
    t = table()
    check("expired", gone, count - 2)
    check("what stays", {s.snapshot_id for s in t.snapshots()}, {snapshots[1], current})
    check("the current one", t.current_snapshot().snapshot_id, current)
    check("every row after expiry", sequences(t.scan()), list(range(600)) + list(range(660, 790)))
    check("the tagged one after expiry", sequences(t.scan(snapshot_id=snapshots[1])), list(range(400)))
    check("the tag", t.snapshot_by_name("eod-2014-03-11").snapshot_id, snapshots[1])
    check("history after expiry", [h.snapshot_id for h in t.history()], [current])
    check("inspect.snapshots after expiry", len(t.inspect.snapshots()), 2)
    kept = {f["file_path"].removeprefix("file://") for f in t.inspect.files().to_pylist()}
    check("data that only expired snapshots had is gone", data_files() < before and data_files() == kept, True)
    check("nothing is left over", left, 0)
    check("our verify after expiry", run("verify", "trades"), [])
    check("our commit after expiry", len(run("append", "trades", 125, 126, "after", stdin=write(day0 + 4, 790, 1))), 1)
    check("it reads that as well", sequences(table().scan()), list(range(600)) + list(range(660, 791)))


with tempfile.TemporaryDirectory() as data:
    data = os.path.realpath(data)
    for kind in ("trade", "quote", "quarantine"):
        run("ensure", kind)
    ids = []
    for d in range(3):
        lines = write(day0 + d, 200 * d, 100) + write(day0 + d, 200 * d + 100, 100)
        ids.append(int(run("append", "trades", d, d + 1, f"c{d}", stdin=lines)[0]))
    again = run("append", "trades", 2, 3, "c2", stdin=lines)
    check("the same commit again is the same snapshot", again, [str(ids[2])])
    judge_pyiceberg(ids)
    judge_round_trip()
    judge_merge()
    judge_duckdb(ids)
    judge_expiry(ids)

print(f"{failures} failures")
sys.exit(1 if failures else 0)
