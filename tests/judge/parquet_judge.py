"""Outside readers judge the Parquet writer: pyarrow and DuckDB must read back every value, statistics
and page index must be what is recomputed here. Runs $K2_HELPERS/parquet_write (parquet_write.c)."""

import json
import os
import struct
import subprocess
import sys
import tempfile
from decimal import Decimal, localcontext

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

SEEDS = [1, 20261121]
PHYSICAL = {"int32": "INT32", "date": "INT32", "int64": "INT64", "timestamp": "INT64",
            "decimal": "FIXED_LEN_BYTE_ARRAY"}


def check(condition, *what):
    if not condition:
        raise SystemExit("FAIL: " + " ".join(str(w) for w in what))


# --- Thrift compact, read independently of the writer ---------------------------------------------
class Thrift:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        v = shift = 0
        while True:
            b = self.byte()
            v |= (b & 127) << shift
            shift += 7
            if b < 128:
                return v

    def zigzag(self):
        v = self.varint()
        return v >> 1 ^ -(v & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 8:
            n = self.varint()
            self.at += n
            return self.data[self.at - n:self.at]
        if kind == 9:
            head = self.byte()
            n = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.byte() == 1 if head & 15 in (1, 2) else self.value(head & 15)
                    for _ in range(n)]
        check(kind == 12, "thrift type", kind)
        return self.struct()

    def struct(self):
        fields, last = {}, 0
        while True:
            head = self.byte()
            if head == 0:
                return fields
            last = last + (head >> 4) if head >> 4 else self.zigzag()
            fields[last] = self.value(head & 15)


# --- the truth ------------------------------------------------------------------------------------
def text(column, v):
    raw = bytes.fromhex(v)
    return raw if column["type"] == "binary" else raw.decode()


def truth(column):
    """The column's values in Python's terms."""
    kind, values = column["type"], column["values"]
    if kind in ("string", "binary"):
        return [None if v is None else text(column, v) for v in values]
    if kind == "list":
        return [None if v is None else [text(column, x) for x in v] for v in values]
    if kind == "map":
        return [None if v is None else [(text(column, k), text(column, x))
                                        for k, x in zip(v[::2], v[1::2])] for v in values]
    return values


def as_bytes(v):
    return v.encode() if isinstance(v, str) else v


def leaves(column, values):
    """Per leaf: (path, field id, entries, rows): entries as a list per row, None where absent."""
    name, fid = column["name"], column["field_id"]
    if column["type"] == "list":
        return [(f"{name}.list.element", 200 + fid, [v or [None] for v in values])]
    if column["type"] == "map":
        return [(f"{name}.key_value.key", 200 + fid,
                 [[k for k, _ in v] if v else [None] for v in values]),
                (f"{name}.key_value.value", 400 + fid,
                 [[x for _, x in v] if v else [None] for v in values])]
    return [(name, fid, [[v] for v in values])]


def present(rows):
    return [as_bytes(x) for row in rows for x in row if x is not None]


# --- values ---------------------------------------------------------------------------------------
def check_arrow(name, sample, table):
    check(table.num_rows == sample["rows"], name, "rows")
    for column in sample["columns"]:
        array, kind = table.column(column["name"]).combine_chunks(), column["type"]
        if kind == "timestamp":
            array = array.cast(pa.int64())
        elif kind == "date":
            array = array.cast(pa.int32())
        got = array.to_pylist()
        if kind == "decimal":
            with localcontext() as c:
                c.prec = 60
                got = [None if v is None else int(v.scaleb(column["scale"])) for v in got]
        check(got == truth(column), name, column["name"], kind, "pyarrow reads other values")


def duckdb_expression(column):
    name, kind = column["name"], column["type"]
    if kind == "timestamp":
        return f"epoch_us({name})"
    if kind == "date":
        return f"{name} - date '1970-01-01'"
    if kind == "map":
        return f"map_entries({name})"
    return name


def check_duckdb(name, sample, path):
    for column in sample["columns"]:
        kind = column["type"]
        rows = duckdb.execute(f"select {duckdb_expression(column)} from '{path}'").fetchall()
        got = [r[0] for r in rows]
        if kind == "decimal":
            with localcontext() as c:
                c.prec = 60
                got = [None if v is None else int(v.scaleb(column["scale"])) for v in got]
        elif kind == "map":
            got = [None if v is None else [(e["key"], e["value"]) for e in v] for v in got]
        check(got == truth(column), name, column["name"], kind, "DuckDB reads other values")
    check_filters(name, sample, path)


def check_filters(name, sample, path):
    """DuckDB prunes by statistics: a filter must find what is there."""
    for column in sample["columns"]:
        values = [v for v in truth(column) if v is not None]
        if column["type"] not in ("string", "int64", "int32") or not values:
            continue
        for v in (min(values), max(values), values[len(values) // 2]):
            n = duckdb.execute(f"select count(*) from '{path}' where {column['name']} = ?",
                               [v]).fetchone()[0]
            check(n == values.count(v), name, column["name"], "filter", v, n)


# --- schema and footer ------------------------------------------------------------------------------
def check_schema(name, sample, file):
    schema = file.schema_arrow
    for column, field in zip(sample["columns"], schema):
        fid, kind = column["field_id"], column["type"]
        ident = b"PARQUET:field_id"
        check(field.name == column["name"] and field.nullable == column["optional"], name, field)
        check(int(field.metadata[ident]) == fid, name, field, "field id")
        if kind == "list":
            element = field.type.value_field
            check(int(element.metadata[ident]) == 200 + fid and not element.nullable, name, field)
        elif kind == "map":
            check(int(field.type.key_field.metadata[ident]) == 200 + fid, name, field, "key id")
            check(int(field.type.item_field.metadata[ident]) == 400 + fid, name, field, "value id")
        elif kind == "decimal":
            check(field.type == pa.decimal128(column["precision"], column["scale"]), name, field)
        elif kind == "timestamp":
            check(field.type == pa.timestamp("us", tz="UTC"), name, field)
    check(file.metadata.created_by == "k2 version 0.0.1", name, "created_by")


def cut_upper(v, limit, utf8):
    """The bound for a text longer than the limit, None when there is none."""
    if len(v) <= limit:
        return v
    if not utf8:
        cut = v[:limit].rstrip(b"\xff")
        return cut[:-1] + bytes([cut[-1] + 1]) if cut else None
    points = [ord(c) for c in v[:limit].decode(errors="ignore")]
    while points and points[-1] == 0x10FFFF:
        points.pop()
    if not points:
        return None
    points[-1] = 0xE000 if points[-1] == 0xD7FF else points[-1] + 1
    return "".join(map(chr, points)).encode()


def cut_lower(v, limit, utf8):
    return v[:limit].decode(errors="ignore").encode() if utf8 and len(v) > limit else v[:limit]


def plain_bounds(column, values):
    """Statistics as bytes for values that are there."""
    kind, lo, hi = column["type"], min(values), max(values)
    if kind in ("int32", "date", "int64", "timestamp"):
        code = "<i" if kind in ("int32", "date") else "<q"
        return struct.pack(code, lo), struct.pack(code, hi)
    if kind == "decimal":
        width = next(w for w in range(1, 17) if 10 ** column["precision"] <= 2 ** (8 * w - 1))
        return lo.to_bytes(width, "big", signed=True), hi.to_bytes(width, "big", signed=True)
    utf8 = kind != "binary"
    return cut_lower(lo, 64, utf8), cut_upper(hi, 64, utf8) or hi


def check_statistics(name, column, path, chunk, rows):
    values, stats = present(rows), chunk[12]
    nulls = sum(x is None for row in rows for x in row)
    check(stats[3] == nulls, name, path, "null count", stats[3], nulls)
    check(chunk[5] == sum(map(len, rows)), name, path, "values")
    if not values:
        check(5 not in stats and 6 not in stats, name, path, "bounds of nothing")
        return
    lo, hi = plain_bounds(column, values)
    check(stats[6] == lo and stats[5] == hi, name, path, "statistics", stats, lo, hi)
    if isinstance(values[0], bytes):
        check(stats[8] == (lo == min(values)) and stats[7] == (hi == max(values)), name, path,
              "exactness")


def order(column, pages):
    """What boundary_order may be: the set of codes that are true of these pages."""
    known = [(min(p), max(p)) for p in (present(rows) for rows in pages) if p]
    pairs = list(zip(known, known[1:]))
    if column["type"] in ("string", "binary", "list", "map") and \
            any(len(x) > 64 for k in known for x in k):
        return {0, 1, 2}
    up = all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairs)
    down = all(a[0] >= b[0] and a[1] >= b[1] for a, b in pairs)
    return ({1} if up else set()) | ({2} if down else set()) or {0}


def check_page_index(name, column, path, data, chunk, rows):
    offsets = Thrift(data, chunk[4]).struct()[1]
    index = Thrift(data, chunk[6]).struct()
    check(chunk[4] + chunk[5] <= len(data) and chunk[6] + chunk[7] <= chunk[4], name, path)
    starts = [p[3] for p in offsets] + [len(rows)]
    check(starts[0] == 0 and starts == sorted(set(starts)), name, path, "first rows", starts)
    pages = [rows[a:b] for a, b in zip(starts, starts[1:])]
    for i, page in enumerate(pages):
        values = present(page)
        header = Thrift(data, offsets[i][1])
        fields = header.struct()
        check(fields[1] == 0 and fields[5][1] == sum(map(len, page)), name, path, "page", i)
        check(header.at - offsets[i][1] + fields[3] == offsets[i][2], name, path, "page size", i)
        check(index[1][i] == (not values), name, path, "null page", i)
        check(index[5][i] == sum(x is None for row in page for x in row), name, path, "nulls", i)
        lo, hi = plain_bounds(column, values) if values else (b"", b"")
        check(index[2][i] == lo and index[3][i] == hi, name, path, "page bounds", i)
    check(index[4] in order(column, pages), name, path, "boundary order", index[4])


def check_footer(name, sample, data):
    check(data[:4] == b"PAR1" and data[-4:] == b"PAR1", name, "magic")
    n = struct.unpack("<I", data[-8:-4])[0]
    footer = Thrift(data, len(data) - 8 - n)
    meta = footer.struct()
    check(footer.at == len(data) - 8, name, "footer length")
    groups, at = meta[4], 0
    check(meta[3] == sample["rows"] == sample["info_rows"], name, "rows")
    check([g[5] for g in groups] == sample["splits"] and len(data) == sample["bytes"], name, "info")
    check(all(o == {1: {}} for o in meta[7]), name, "column orders")
    for g in groups:
        check(g[3] == min(sample["group_rows"], sample["rows"] - at), name, "rows of a group")
        check([s[1] for s in g[4]] == [leaf_number(sample, c) for c in sample["sort"]], name, "sort")
        check(all(s[2] is False and s[3] is True for s in g[4]), name, "sort direction")
        chunks = iter(g[1])
        for column in sample["columns"]:
            values = truth(column)[at:at + g[3]]
            for path, _, rows in leaves(column, values):
                chunk = next(chunks)
                check(b".".join(chunk[3][3]).decode() == path, name, path, chunk[3][3])
                check_statistics(name, column, path, chunk[3], rows)
                check_page_index(name, column, path, data, chunk, rows)
        check(g[6] == sum(c[3][7] for c in g[1]) and g[2] == sum(c[3][6] for c in g[1]), name)
        at += g[3]
    return groups


def leaf_number(sample, column):
    return sum(2 if c["type"] == "map" else 1 for c in sample["columns"][:column])


# --- Iceberg metrics --------------------------------------------------------------------------------
def iceberg_bounds(column, values):
    kind = column["type"]
    if kind in ("list", "map") or not values:
        return None, None
    lo, hi = min(values), max(values)
    if kind == "decimal":
        def minimal(v):
            return v.to_bytes(((v if v >= 0 else ~v).bit_length() + 8) // 8, "big", signed=True)
        return minimal(lo), minimal(hi)
    if kind in ("string", "binary"):
        return cut_lower(lo, 16, kind == "string"), cut_upper(hi, 16, kind == "string")
    return plain_bounds(column, values)


def check_metrics(name, sample, groups):
    metrics = iter(enumerate(sample["metrics"]))
    for column in sample["columns"]:
        for path, fid, rows in leaves(column, truth(column)):
            i, m = next(metrics)
            check(m["field_id"] == fid, name, path, "metrics id")
            check(m["values"] == sum(map(len, rows)), name, path, "metrics values")
            check(m["nulls"] == sum(x is None for r in rows for x in r), name, path, "metrics nulls")
            check(m["size"] == sum(g[1][i][3][7] for g in groups), name, path, "metrics size")
            want = iceberg_bounds(column, present(rows))
            got = tuple(None if m[k] is None else bytes.fromhex(m[k]) for k in ("lower", "upper"))
            check(got == want, name, path, "Iceberg bounds", got, want)


def check_encodings(name, sample, groups):
    """A column uses what it was told to, and gives up a dictionary that grew too large."""
    for g in groups if name == "large" else []:
        for column in sample["columns"]:
            chunk = g[1][leaf_number(sample, sample["columns"].index(column))][3]
            distinct = 0 if column["type"] == "list" else \
                len(set(truth(column)[:g[3]]) - {None})
            if g[3] == 80000 and distinct > 65534:
                check(11 not in chunk, name, column["name"], "keeps a dictionary of", distinct)
    for g in groups if name == "random" else []:
        for column in sample["columns"]:
            if column["type"] in ("int32", "int64", "date", "timestamp"):
                chunk = g[1][leaf_number(sample, sample["columns"].index(column))][3]
                want = {0: 5, 2: 5, 3: 0}.get(column["encoding"])
                check(want is None or chunk[2][0] == want, name, column["name"], chunk[2])


def check_damage(name, data, groups):
    """One flipped bit in a page must not go unnoticed: each page carries a checksum."""
    for column in groups[0][1][::7]:
        chunk = column[3]
        at = chunk[9] + chunk[7] // 2 if 11 not in chunk else chunk[9] + 40
        damaged = bytearray(data)
        damaged[at] ^= 4
        try:
            table = pq.read_table(pa.BufferReader(bytes(damaged)))
        except (OSError, pa.ArrowException):
            continue
        check(table is None, name, chunk[3], "a flipped bit at", at, "is read as data")


def judge(directory):
    for entry in sorted(os.listdir(directory)):
        name, extension = os.path.splitext(entry)
        if extension != ".json":
            continue
        with open(os.path.join(directory, entry), encoding="ascii") as f:
            sample = json.load(f)
        path = os.path.join(directory, name + ".parquet")
        with open(path, "rb") as f:
            data = f.read()
        file = pq.ParquetFile(path)
        check_schema(name, sample, file)
        check_arrow(name, sample, file.read())
        check_duckdb(name, sample, path)
        groups = check_footer(name, sample, data)
        check_metrics(name, sample, groups)
        check_encodings(name, sample, groups)
        if name == "whole":
            check_damage(name, data, groups)
        print(f"{name}: {sample['rows']} rows, {len(sample['columns'])} columns, "
              f"{len(groups)} row groups: ok")


def main():
    helper = os.path.join(os.environ.get("K2_HELPERS", ""), "parquet_write")
    if not os.path.exists(helper):
        print("skipped: $K2_HELPERS/parquet_write is not built")
        sys.exit(77)
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([helper, directory, str(seed)], check=True)
            judge(directory)


if __name__ == "__main__":
    main()
