"""fastavro decodes every record of the journal, and pyiceberg's rows of the tables are those records, value
for value, each once; in the clear, and encrypted, where another AES-GCM opens it. k2-test: timeout=300"""
import datetime
import io
import json
import os
import shutil
import tempfile
from collections import Counter

import fastavro
from pyiceberg.catalog.sql import SqlCatalog

from _k2 import journal_meta, journal_records, k2, murmur2

OWN = ("exchange_timestamp", "ingest_timestamp", "journal_id", "journal_partition", "journal_offset")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
TABLES = {"market.ticks": "trades", "market.quotes": "quotes", "market.quarantine": "quarantine"}


def make(data):
    k2("simulate", "--data", data, "--symbols", "40", "--rate", "2K", "--seconds", "10", "--seed", "7",
       "--start", "2026-03-02T09:59:55Z", "--gaps", "0.001", "--duplicates", "0.002",
       "--out-of-order", "0.01", "--quotes")
    with open(data + "/9_BHP.csv", "w") as f:
        f.write("03/10/2014,10:00:00.123,37.5,100,0,X,\n03/10/2014,10:00:00.123,37.5,100,0,X,\n"
                "03/10/2014,nonsense,37.5,100,0,X,\n03/10/2014,16:10:00.999,37.505,1,25,,37.4\n")
    k2("ingest", "asx-csv", data + "/9_BHP.csv", "--data", data)
    k2("sink", "--once", "--data", data)


def decode(schemas, value):
    assert value[0] == 0
    schema = schemas[int.from_bytes(value[1:5], "big")]
    rest = io.BytesIO(value[5:])
    row = fastavro.schemaless_reader(rest, schema)
    assert not rest.read(), "bytes behind the record"
    return row


def expected_rows(data, master):
    schemas = {s["id"]: fastavro.parse_schema(json.loads(s["schema"]))
               for s in json.load(open(data + "/journal/schemas.json"))["schemas"]}
    incarnation, _ = journal_meta(data)
    for topic, partition, offset, append_ns, key, value in journal_records(data, master=master):
        row = decode(schemas, value)
        table = TABLES.get(topic.rsplit(".", 1)[0])
        if not table:
            continue
        exchange = row["exchange"]
        assert topic.endswith("." + exchange.lower())
        assert key.decode() == f"{exchange}.{row['symbol'] or ''}"
        assert partition == (murmur2(key) & 0x7FFFFFFF) % 3
        row["exchange_timestamp"] = EPOCH + datetime.timedelta(microseconds=row["exchange_timestamp_ns"] // 1000)
        row["ingest_timestamp"] = EPOCH + datetime.timedelta(microseconds=append_ns // 1000)
        row.update(journal_id=incarnation, journal_partition=partition, journal_offset=offset)
        yield table, row


def hashable(row):
    pairs = []
    for name, value in sorted(row.items()):
        if isinstance(value, list):
            value = tuple(tuple(v) if isinstance(v, list) else v for v in value)
        if isinstance(value, dict):
            value = tuple(sorted(value.items()))
        pairs.append((name, value))
    return tuple(pairs)


def main(master=None):
    data = tempfile.mkdtemp(prefix="k2judge.")
    try:
        make(data)
        want = {t: Counter() for t in TABLES.values()}
        for table, row in expected_rows(data, master):
            want[table][hashable(row)] += 1
        catalog = SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse")
        for table, rows in want.items():
            got = Counter(hashable(r) for r in catalog.load_table(("market_data", table)).scan().to_arrow().to_pylist())
            assert max(rows.values(), default=1) == 1
            missing, extra = rows - got, got - rows
            assert not missing and not extra, (table, list(missing)[:1], list(extra)[:1])
            print(table, sum(got.values()), "rows equal in journal (fastavro) and table (pyiceberg)")
        assert sum(want["trades"].values()) > 4000 and sum(want["quotes"].values()) > 4000
        assert sum(want["quarantine"].values()) == 1
    finally:
        shutil.rmtree(data)


main()
KEY = os.urandom(32)
os.environ.update(JUDGE_KEY=KEY.hex(), K2_JOURNAL_ENCRYPTION_KEY="env:JUDGE_KEY", K2_JOURNAL_SEGMENT_BYTES="1MB")
main(KEY)
