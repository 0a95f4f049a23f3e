#!/usr/bin/env python3
"""What k2 trace says of a row is true by other readers: pyarrow finds the row at the file, row group and
row number it names; an own reader of the segment finds the record at its partition and offset, with the
schema id and size it names; pyiceberg finds the same in the snapshot that is said to have brought it, and
not in its parent."""
import glob
import json
import os
import random
import tempfile

from _k2 import k2, query

try:
    import pyarrow.parquet as parquet
    from pyiceberg.catalog.sql import SqlCatalog
except ImportError as why:
    from _k2 import skip
    skip(str(why))

ROWS = 12


def trace(data, message_id):
    return json.loads(k2("trace", message_id, "--data", data, "--format", "json"))


def judge_file(told, fields):
    """The named row of the file is the traced one, in the row group that is named."""
    table = told["table"]
    file = parquet.ParquetFile(table["file"])
    assert file.metadata.num_rows == table["rows_in_file"]
    assert file.metadata.num_row_groups == table["row_groups"]
    before = sum(file.metadata.row_group(i).num_rows for i in range(table["row_group"]))
    group = file.read_row_group(table["row_group"])
    row = {name: group[name][table["row"] - before].as_py()
           for name in ("exchange", "symbol", "channel", "exchange_sequence_number", "epoch", "part",
                        "exchange_timestamp_ns", "journal_partition", "journal_offset")}
    for name in ("exchange", "symbol", "channel", "exchange_sequence_number", "epoch", "part"):
        assert row[name] == fields[name], (name, row[name], fields[name])
    assert row["exchange_timestamp_ns"] == int(fields["exchange_timestamp_ns"])
    assert row["journal_partition"] == told["journal"]["partition"]
    assert row["journal_offset"] == told["journal"]["offset"]


def judge_record(data, told):
    """The record is in the segment that is named; k2 topic tail, another way in, shows the same."""
    journal = told["journal"]
    assert os.path.exists(os.path.join(data, journal["segment"]))
    line = json.loads(k2("topic", "tail", journal["topic"], "--data", data, "--partition",
                         str(journal["partition"]), "--from", str(journal["offset"]), "--count", "1"))
    assert line["offset"] == journal["offset"]
    assert line["appended"] == journal["appended"]
    assert line["value"] == told["fields"], (line["value"], told["fields"])


def judge_snapshots(catalog, told):
    table = catalog.load_table("market_data." + told["table"]["name"])
    snapshots = told["table"]["snapshots"]
    brought = int(snapshots["brought_by"])
    filters = (f"journal_partition == {told['journal']['partition']} and "
               f"journal_offset == {told['journal']['offset']} and "
               f"exchange == '{told['fields']['exchange']}'")
    holding = [s.snapshot_id for s in table.metadata.snapshots
               if table.scan(filters, snapshot_id=s.snapshot_id).to_arrow().num_rows == 1]
    assert len(holding) == snapshots["containing"], (holding, snapshots)
    first = min(holding, key=lambda i: table.snapshot_by_id(i).sequence_number)
    assert first == brought, (first, brought)


def edges(file, kind):
    """Message ids of the first and the last row of every row group."""
    columns = ("exchange", "trade_date", "channel", "epoch", "exchange_sequence_number", "part")
    found = []
    for i in range(file.num_row_groups):
        group = file.read_row_group(i, columns=columns)
        for at in (0, group.num_rows - 1):
            exchange, date, channel, epoch, sequence, part = (group[c][at].as_py() for c in columns)
            found.append(f"{exchange}/{date}/{channel}/{kind}/{epoch}/{sequence}/{part}")
    return found


def main():
    with tempfile.TemporaryDirectory() as data:
        for seed in range(3):  # three snapshots, several row groups in one of them
            k2("simulate", "--data", data, "--symbols", "40", "--rate", "300K" if seed == 1 else "500",
               "--seconds", "1", "--seed", str(seed), "--quotes")
            os.environ["K2_SINK_WORKERS"] = "1"  # one file for each date, and so several row groups in one
            k2("sink", "--once", "--data", data)
        catalog = SqlCatalog("k2", uri=f"sqlite:///{data}/catalog.db", warehouse=f"file://{data}/warehouse")
        chosen = random.Random(int(os.environ.get("K2_SEED", "11")))
        groups = traced = 0
        for table in ("trades", "quotes"):
            ids = [row["message_id"] for row in query(data, f"SELECT message_id FROM {table} ORDER BY 1")]
            files = glob.glob(os.path.join(data, "warehouse", "market_data", table, "data", "*", "*.parquet"))
            largest = max((parquet.ParquetFile(f) for f in files), key=lambda f: f.num_row_groups)
            for message_id in [ids[0], ids[-1], *edges(largest, table[:-1]), *chosen.sample(ids, ROWS)]:
                traced += 1
                told = trace(data, message_id)
                assert told["message_id"] == message_id
                assert told["proof"] == "record and table row are equal in every column"
                judge_file(told, told["fields"])
                judge_record(data, told)
                groups = max(groups, told["table"]["row_groups"])
            judge_snapshots(catalog, told)
        assert groups > 1, "no file had several row groups"
        print(f"{traced} rows traced and found where they were said to be")


if __name__ == "__main__":
    main()
