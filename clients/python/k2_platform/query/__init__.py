"""SQL over a K2 data directory, as pandas DataFrames and Arrow tables.

    from k2_platform.query import QueryEngine

    engine = QueryEngine()
    df = engine.query("SELECT timestamp, symbol, price FROM market_data.ticks WHERE symbol = $s",
                      params={"s": "AAPL"})

Values stay exact: prices and quantities are decimals (decimal128), times are timestamp[us, UTC], and the
columns of a DataFrame are Arrow-backed (pandas.ArrowDtype), so nothing passes through a float.
"""

import ctypes
import datetime as _dt
import threading

import pyarrow as pa

from k2_platform._lib import K2Error, Param, call, load

__all__ = ["K2Error", "QueryEngine"]

_STREAM_BYTES = 64  # struct ArrowArrayStream: four functions and a pointer


def _text(value):
    """A parameter or as-of value as the text that SQL casts by context."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _dt.datetime):
        if value.tzinfo is None:
            raise K2Error(f"{value!r} has no time zone; give one, as datetime.timezone.utc",
                          K2Error.INVALID)
        return value.astimezone(_dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value)


def _params(params):
    if params is not None and not hasattr(params, "items"):
        raise K2Error(f"params is a {type(params).__name__}: give a dict, {{'s': 'AAPL'}} for $s",
                      K2Error.INVALID)
    items = list((params or {}).items())
    for name, value in items:
        if value is None:
            raise K2Error(f"parameter {name} is None: write IS NULL in the SQL instead",
                          K2Error.INVALID)
        if isinstance(value, (list, tuple, set, frozenset, dict, bytes, bytearray)):
            raise K2Error(f"parameter {name} is a {type(value).__name__}, and only single values can "
                          f"be bound: give 'NVDA,XOM' and write symbol = any(string_split(${name}, ','))",
                          K2Error.INVALID)
    array = (Param * max(len(items), 1))()
    for i, (name, value) in enumerate(items):
        array[i] = Param(str(name).encode(), _text(value).encode())
    return array, len(items)


class _Batches:
    """The batches of a stream, each read while nobody else uses its engine, which lives as long."""

    def __init__(self, engine, stream):
        self._engine = engine
        self._stream = stream

    def __iter__(self):
        return self

    def __next__(self):
        with self._engine._lock:
            return self._stream.read_next_batch()

    def __del__(self):
        # To let go of a stream is to use its engine, too; the garbage collector must not wait for it.
        self._engine._left.append(self._stream)
        self._stream = None
        self._engine._tidy()


class QueryEngine:
    """A reader of one data directory. `data` None: $K2_DATA, else ./k2-data.

    Any thread may use it, but it does one thing at a time: a query waits for the one before it. Threads
    that are to run side by side take an engine each. cancel() stops what runs, from any thread. Engines
    are closed by close(), by leaving a `with` block, or when they are garbage-collected.
    """

    _handle = None  # of an engine that was never made, too: it is let go of all the same

    def __init__(self, data=None):
        self._lock = threading.RLock()  # held while libk2 works for us
        self._alive = threading.Lock()  # held while the handle must not go
        self._left = []  # streams that nobody reads any more
        self._lib = load()
        handle = ctypes.c_void_p()
        call(self._lib.k2_open, None if data is None else str(data).encode(), ctypes.byref(handle))
        self._handle = handle

    def _tidy(self):
        """Lets go of left streams, unless the engine is in use: then its next query does."""
        while self._left and self._lock.acquire(blocking=False):
            try:
                self._left.clear()
            finally:
                self._lock.release()

    def _run(self, sql, params, as_of):
        """Starts a query and gives its stream; the lock is held."""
        self._left.clear()
        if self._handle is None:
            raise K2Error("the engine is closed", K2Error.INVALID)
        stream = (ctypes.c_char * _STREAM_BYTES)()
        array, count = _params(params)
        call(self._lib.k2_query_arrow, self._handle, sql.encode(), array, count,
             None if as_of is None else _text(as_of).encode(), ctypes.addressof(stream))
        return pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))

    def reader(self, sql, params=None, as_of=None):
        """The result as a pyarrow.RecordBatchReader. The next call on this engine, from whichever thread,
        ends it: its rows then stop with an error that says so."""
        with self._lock:
            stream = self._run(sql, params, as_of)
            return pa.RecordBatchReader.from_batches(stream.schema, _Batches(self, stream))

    def arrow(self, sql, params=None, as_of=None):
        """The result as a pyarrow.Table.

        as_of: a time ("2014-03-10T10:00:00Z", "-1h", a datetime with a zone) gives exactly the rows that
        were durable before it; "trades@SNAPSHOT" gives that table at that snapshot.
        """
        try:
            with self._lock:
                return self._run(sql, params, as_of).read_all()
        except (pa.ArrowException, OSError) as failure:
            cancelled = "cancelled" in str(failure)
            raise K2Error(str(failure), K2Error.CANCELLED if cancelled else K2Error.FAILED) from None

    def query(self, sql, params=None, as_of=None):
        """The result as a pandas DataFrame with Arrow-backed columns. Arguments as in arrow()."""
        import pandas as pd

        return self.arrow(sql, params, as_of).to_pandas(types_mapper=pd.ArrowDtype)

    def cancel(self):
        """Stops the query that runs now, if one does. From any thread."""
        with self._alive:
            if self._handle is not None:
                self._lib.k2_cancel(self._handle)

    def close(self):
        """Closes the engine when what runs has ended; again is fine."""
        with self._lock:
            with self._alive:
                handle, self._handle = self._handle, None
            self._left.clear()
            if handle is not None:
                self._lib.k2_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if self._handle is not None:
            self.close()
