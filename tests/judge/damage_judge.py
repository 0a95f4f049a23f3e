"""A row that is missing, extra or changed by an outside hand makes k2 reconcile exit 3 and say so; a damaged byte
anywhere makes k2 verify exit 3, and a statement that fails because of it too. pyarrow does the damage. k2-test: timeout=300"""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from _k2 import K2, k2


def make(data):
    k2("simulate", "--data", data, "--symbols", "5", "--rate", "1K", "--seconds", "5", "--seed", "3",
       "--start", "2026-03-02T10:00:00Z", "--quotes")
    k2("sink", "--once", "--data", data)
    k2("reconcile", "--data", data)
    k2("verify", "--data", data)


def replaced(table, name, row, value):
    i = table.schema.get_field_index(name)
    values = table[name].to_pylist()
    values[row] = value
    return table.set_column(i, table.schema.field(i), pa.array(values, table.schema.field(i).type))


def one_less(t):
    return pa.concat_tables([t.slice(0, 17), t.slice(18)]), (1, 0, 0)


def one_twice(t):
    return pa.concat_tables([t.slice(0, 18), t.slice(17)]), (0, 1, 0)


def one_price(t):
    return replaced(t, "price", 17, t["price"][17].as_py() + Decimal("0.000000001")), (0, 0, 1)


def one_null(t):
    return replaced(t, "side", 17, None), (0, 0, 1)


def one_ingest_time(t):
    return replaced(t, "ingest_timestamp", 17, t["ingest_timestamp"][18].as_py().replace(year=2020)), (0, 0, 1)


def one_twice_later(t):
    """The same place twice, the second one appended at another time."""
    late = t["ingest_timestamp"][17].as_py().replace(year=2020)
    return pa.concat_tables([t, replaced(t.slice(17, 1), "ingest_timestamp", 0, late)]), (0, 1, 0)


def one_stranger(t):
    """A row that claims a place beyond the journal's end."""
    return replaced(t, "journal_offset", 17, 10**9), (1, 1, 0)


def one_other_symbol(t):
    return replaced(t, "symbol", 17, "NOPE"), (0, 0, 1)


def one_other_exchange(t):
    return replaced(t, "exchange", 17, "NOPE"), (1, 1, 0)


def check_reconcile(data):
    (path,) = glob.glob(data + "/warehouse/market_data/trades/data/*/*.parquet")
    whole = open(path, "rb").read()
    for damage in (one_less, one_twice, one_price, one_null, one_ingest_time, one_twice_later,
                   one_stranger, one_other_symbol, one_other_exchange):
        table, expected = damage(pq.read_table(path, partitioning=None))
        pq.write_table(table, path, compression="zstd")
        proof = data + "/proof.json"
        k2("reconcile", "--data", data, "--out", proof, expect=3)
        report = json.load(open(proof))
        got = report["missing"], report["extra"], report["changed"]
        assert got == expected, (damage.__name__, got, expected)
        assert not report["equal"] and report["first_difference"]
        print(damage.__name__, "->", report["first_difference"])
        open(path, "wb").write(whole)
    k2("reconcile", "--data", data)


def must_find(data, path):
    try:
        k2("verify", "--data", data, expect=3)
    except AssertionError:
        print("not found:", path, os.path.getsize(path) if os.path.exists(path) else "gone")
        raise


def check_verify(data):
    files = [f for f in glob.glob(data + "/**/*", recursive=True)
             if os.path.isfile(f) and f.endswith((".seg", ".parquet", ".avro", ".metadata.json"))]
    assert len(files) > 8
    for path in files:
        whole = open(path, "rb").read()
        # A byte of the middle, and a file cut short. Metadata that the current one replaced is history.
        for damaged in (whole[:-7], whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 0x10]) + whole[len(whole) // 2 + 1:]):
            open(path, "wb").write(damaged)
            current = not path.endswith(".metadata.json") or path == newest(path)
            if current:
                must_find(data, path)
            open(path, "wb").write(whole)
        os.rename(path, path + ".gone")
        if current:
            must_find(data, path)
        os.rename(path + ".gone", path)
    k2("verify", "--data", data)
    print(len(files), "files damaged and found")


def check_footer(data):
    """Footer and page index, which Parquet itself does not protect: no bit of them may change unseen, whether a
    reader chokes on it or not. One that does must say damage, and where."""
    (path,) = glob.glob(data + "/warehouse/market_data/trades/data/*/*.parquet")
    whole = open(path, "rb").read()
    meta = pq.ParquetFile(path).metadata
    assert re.fullmatch(r"k2 version \d+\.\d+\.\d+", meta.created_by), meta.created_by
    assert re.fullmatch(rb"crc32c:[0-9a-f]{8}", meta.metadata[b"k2.checksum"]), meta.metadata
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    last = meta.row_group(meta.num_row_groups - 1).column(meta.num_columns - 1)
    index = (last.dictionary_page_offset or last.data_page_offset) + last.total_compressed_size
    assert 4 < index < footer, (index, footer, len(whole))
    refused = 0
    for at in list(range(index, len(whole), (len(whole) - index) // 80)) + list(range(len(whole) - 8, len(whole))):
        open(path, "wb").write(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:])
        must_find(data, path)
        run = subprocess.run([K2, "query", "SELECT * FROM trades", "--data", data, "--format", "csv"],
                             capture_output=True, text=True)
        assert run.returncode in (0, 3), (at, run.returncode, run.stderr)
        if run.returncode == 3:
            assert path in run.stderr and "k2 verify" in run.stderr, run.stderr
            refused += 1
    open(path, "wb").write(whole)
    k2("verify", "--data", data)
    assert refused > 20, refused
    print("footer and page index:", refused, "of the changed bits were refused by a query, all found by verify")


def newest(path):
    return max(glob.glob(os.path.dirname(path) + "/*.metadata.json"))


def main():
    data = tempfile.mkdtemp(prefix="k2judge.")
    try:
        make(data)
        check_reconcile(data)
        check_verify(data)
        check_footer(data)
    finally:
        shutil.rmtree(data)


main()
