"""The Python client and the SQL engine against pyiceberg, pyarrow and exact arithmetic.

On a simulated market: the specification's sample as printed, exact types, as-of, parameters, pruned
answers equal to what pyiceberg and Python's Decimal compute from the same files, errors, and that
another DuckDB in the same process does no harm.
"""
import datetime
import decimal
import os
import random
import re
import sys
import tempfile
import threading
import time

import _k2

for need in ("K2_BIN", "K2_LIB"):
    if not os.path.exists(os.environ.get(need, "")):
        _k2.skip(f"${need} names no file")

import duckdb  # another version, in the same process, on purpose
import pandas as pd
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from k2_platform.query import K2Error, QueryEngine

D = decimal.Decimal
decimal.getcontext().prec = 60
UTC = datetime.timezone.utc
work = tempfile.mkdtemp(prefix="k2judge.")
data = os.path.join(work, "it's data")  # a quote and a blank, on purpose
duckdb.sql("select 1").fetchall()

start = (datetime.datetime.now(UTC) - datetime.timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
_k2.k2("simulate", "--data", data, "--symbols", "8", "--rate", "500", "--seconds", "20", "--seed", "7",
       "--start", start)
_k2.k2("sink", "--once", "--data", data)
middle = datetime.datetime.now(UTC)
time.sleep(0.01)
_k2.k2("simulate", "--data", data, "--symbols", "8", "--rate", "500", "--seconds", "10", "--seed", "8",
       "--start", "2014-03-10T10:00:00Z")
_k2.k2("sink", "--once", "--data", data)

catalog = SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse")
table = catalog.load_table("market_data.trades")
truth = table.scan().to_arrow()
engine = QueryEngine(data)


def sample_as_printed():
    """The lines of the specification, import included, byte for byte."""
    os.environ["K2_DATA"] = data
    sample = '''from k2_platform.query import QueryEngine

engine = QueryEngine()

# Query last 1 hour of AAPL ticks
df = engine.query("""
    SELECT timestamp, symbol, price, volume
    FROM market_data.ticks
    WHERE symbol = 'AAPL'
      AND timestamp >= NOW() - INTERVAL '1 hour'
    ORDER BY timestamp DESC
    LIMIT 1000
""")
'''
    names = {}
    exec(sample, names)
    df = names["df"]
    assert list(df.columns) == ["timestamp", "symbol", "price", "volume"], df.columns
    assert 0 < len(df) <= 1000, len(df)
    assert (df.symbol == "AAPL").all()
    assert df.timestamp.is_monotonic_decreasing


def types_are_exact():
    df = engine.query("SELECT * FROM market_data.ticks LIMIT 5")
    assert df.timestamp.dtype == pd.ArrowDtype(pa.timestamp("us", tz="UTC")), df.timestamp.dtype
    assert df.price.dtype == pd.ArrowDtype(pa.decimal128(20, 9)), df.price.dtype
    assert df.volume.dtype == pd.ArrowDtype(pa.decimal128(28, 10)), df.volume.dtype
    assert isinstance(df.price.iloc[0], D)
    schema = engine.arrow("FROM trades LIMIT 0").schema
    assert pa.types.is_map(schema.field("extra").type) and pa.types.is_list(schema.field("conditions").type)


def rows_are_pyicebergs():
    columns = [f.name for f in truth.schema]
    mine = engine.arrow("SELECT * EXCLUDE (message_id) FROM trades")
    assert mine.column_names == columns, (mine.column_names, columns)
    assert mine.num_rows == truth.num_rows > 5000
    order = [("journal_id", "ascending"), ("exchange", "ascending"), ("journal_partition", "ascending"),
             ("journal_offset", "ascending")]
    a, b = mine.sort_by(order), truth.sort_by(order)
    for name in columns:
        assert a[name].to_pylist() == b[name].to_pylist(), name


def pruned_answers_are_pythons():
    rows = truth.to_pylist()
    days = sorted({r["trade_date"] for r in rows})
    assert len(days) >= 2
    times = sorted(r["exchange_timestamp"] for r in rows)
    cases = [
        (f"trade_date = '{days[0]}'", lambda r: r["trade_date"] == days[0]),
        (f"trade_date > '{days[0]}' AND symbol IN ('AAPL', 'NOPE')",
         lambda r: r["trade_date"] > days[0] and r["symbol"] in ("AAPL", "NOPE")),
        ("exchange_timestamp BETWEEN $a AND $b",
         lambda r: times[100] <= r["exchange_timestamp"] <= times[3000]),
        ("exchange_timestamp_ns < 1394445605000000000",
         lambda r: r["exchange_timestamp_ns"] < 1394445605000000000),
        ("price >= 100.5 OR symbol = 'AAPL'",
         lambda r: (r["price"] is not None and r["price"] >= D("100.5")) or r["symbol"] == "AAPL"),
    ]
    for where, keep in cases:
        params = {"a": times[100], "b": times[3000]} if "$a" in where else None
        got = engine.arrow(f"SELECT count(*) AS n, sum(price * quantity) AS v, k2_vwap(price, quantity) AS w, "
                           f"k2_avg(price) AS m FROM trades WHERE {where}", params).to_pylist()[0]
        kept = [r for r in rows if keep(r) and r["price"] is not None and r["quantity"] is not None]
        volume = sum((r["price"] * r["quantity"] for r in kept), D(0))
        assert got["n"] == sum(map(keep, rows)), (where, got)
        if not kept:
            continue
        assert got["v"] == volume, (where, got["v"], volume)
        even = {"rounding": decimal.ROUND_HALF_EVEN}
        vwap = (volume / sum(r["quantity"] for r in kept)).quantize(D("1e-9"), **even)
        mean = (sum(r["price"] for r in kept) / len(kept)).quantize(D("1e-10"), **even)
        assert got["w"] == vwap and got["m"] == mean, (where, got, vwap, mean)


def exact_aggregates_are_pythons():
    """Prices and quantities of every size, both signs, NULLs: the sums of small rows and of large ones meet."""
    draw = random.Random(20261121)

    def value(digits, scale):
        return D(draw.randrange(10 ** draw.randint(1, digits))).scaleb(-scale)

    for _ in range(150):
        rows = [(draw.choice((1, 1, 1, -1)) * value(20, 9), value(26, 10)) for _ in range(draw.randint(1, 12))]
        rows += [(D(10) ** draw.randint(-3, 8), D(10) ** draw.randint(-3, 7)) for _ in range(draw.randint(0, 3))]
        text = ", ".join([f"({p:f}::DECIMAL(20,9), {q:f}::DECIMAL(28,10))" for p, q in rows] +
                         ["(NULL, 5)", "(7, NULL)"])
        got = engine.arrow(f"SELECT k2_vwap(p, q) AS w, k2_avg(q) AS m, k2_avg(p) AS n "
                           f"FROM (VALUES {text}) v(p, q)").to_pylist()[0]
        half_even = decimal.ROUND_HALF_EVEN
        total = sum(q for _, q in rows)
        if total:
            want = (sum(p * q for p, q in rows) / total).quantize(D("1e-9"), half_even)
            assert got["w"] == want, (rows, got["w"], want)
        else:
            assert got["w"] is None
        want = ((total + 5) / (len(rows) + 1)).quantize(D("1e-10"), half_even)
        assert got["m"] == want, (rows, got["m"], want)
        want = ((sum(p for p, _ in rows) + 7) / (len(rows) + 1)).quantize(D("1e-10"), half_even)
        assert got["n"] == want, (rows, got["n"], want)


def message_ids_are_unique_and_readable():
    ids = engine.arrow("SELECT message_id, exchange, trade_date, epoch, part, exchange_sequence_number AS n "
                       "FROM trades").to_pylist()
    assert len({r["message_id"] for r in ids}) == len(ids)
    for r in ids[:100]:
        parts = r["message_id"].split("/")
        assert len(parts) == 7 and parts[0] == r["exchange"] and parts[1] == str(r["trade_date"])
        assert parts[3:] == ["trade", str(r["epoch"]), str(r["n"]), str(r["part"])], parts


def as_of_is_exact():
    first = engine.arrow("SELECT count(*) AS n FROM trades", as_of=middle)["n"][0].as_py()
    before = sum(r["ingest_timestamp"] < middle for r in truth.to_pylist())
    assert 0 < first == before < truth.num_rows, (first, before)
    snapshots = table.metadata.snapshots
    n = engine.arrow("SELECT count(*) AS n FROM trades", as_of=f"trades@{snapshots[0].snapshot_id}")["n"][0].as_py()
    assert n == table.scan(snapshot_id=snapshots[0].snapshot_id).to_arrow().num_rows
    assert engine.arrow("FROM trades", as_of="2000-01-01").num_rows == 0


def failures_say_what(sql, code, pattern, **more):
    try:
        engine.query(sql, **more)
    except K2Error as failure:
        assert failure.code == code and re.search(pattern, str(failure)), (sql, failure.code, failure)
        return
    raise AssertionError(f"{sql} ran")


def failures():
    failures_say_what("FROM nosuch", K2Error.NOTFOUND, "nosuch")
    failures_say_what("SELECT 1 +", K2Error.INVALID, "syntax")
    failures_say_what("COPY trades TO 'x'", K2Error.UNSUPPORTED, "only reads")
    failures_say_what("FROM read_text('/etc/passwd')", K2Error.UNSUPPORTED, "tables only")
    failures_say_what(f"FROM glob('{data.replace(chr(39), chr(39) * 2)}/warehouse/*')", K2Error.UNSUPPORTED, "GLOB")
    failures_say_what("SELECT error('mine') FROM trades", K2Error.INVALID, "mine")
    failures_say_what("SELECT $a", K2Error.INVALID, "no parameter|not provided", params={"b": 1})
    failures_say_what("FROM trades", K2Error.INVALID, "time zone", as_of=datetime.datetime(2014, 3, 10))
    try:
        QueryEngine("/nonexistent")
        raise AssertionError("opened")
    except K2Error as failure:
        assert failure.code == K2Error.NOTFOUND and "/nonexistent" in str(failure), failure


def cancelling():
    timer = threading.Timer(0.3, engine.cancel)
    timer.start()
    failures_say_what("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b",
                      K2Error.CANCELLED, "cancelled")
    timer.join()
    assert engine.query("SELECT 1 AS a").a[0] == 1


def another_duckdb_lives_beside():
    frame = engine.arrow("SELECT symbol, price FROM trades")
    assert duckdb.sql("SELECT count(*) FROM frame").fetchall()[0][0] == truth.num_rows
    with QueryEngine(data) as second:
        assert second.arrow("SELECT count(*) AS n FROM trades")["n"][0].as_py() == truth.num_rows


for check in (sample_as_printed, types_are_exact, rows_are_pyicebergs, pruned_answers_are_pythons,
              exact_aggregates_are_pythons,
              message_ids_are_unique_and_readable, as_of_is_exact, failures, cancelling,
              another_duckdb_lives_beside):
    check()
    print("ok", check.__name__)
engine.close()
os.system(f'rm -rf "{work}"')
