"""Other clients read what k2 put into Kafka: confluent-kafka by read_committed, its values by fastavro with the
schemas that the journal's own topic holds; counts, order of each symbol and sums are those of the table."""
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal

tree = pathlib.Path(__file__).resolve().parents[2]
services = str(tree / "tools/services.sh")
if not (tree / ".deps/services/kafka/complete").exists():
    print("skipped: there is no Kafka here; make test-services fetches it")
    sys.exit(77)

import fastavro  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402

k2 = os.environ["K2_BIN"]
os.environ.setdefault("K2_RDKAFKA", str(tree / ".deps/kafka/lib"))


def run(*args):
    return subprocess.run([k2, *args], check=True, capture_output=True, text=True).stdout


def consume(broker, topic):
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "judge", "isolation.level": "read_committed",
                         "enable.partition.eof": True, "enable.auto.commit": False})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    ended, messages = set(), []
    while len(ended) < len(partitions):
        m = consumer.poll(10)
        assert m is not None, "no answer"
        if m.error() and m.error().name() == "_PARTITION_EOF":
            ended.add(m.partition())
        else:
            assert not m.error(), m.error()
            messages.append(m)
    consumer.close()
    return messages


def schemas(broker, prefix):
    notes = {m.key().decode(): m.value().decode() for m in consume(broker, prefix + "k2.journal")}
    assert int(notes["journal"]) > 0
    return {s["id"]: fastavro.parse_schema(json.loads(s["schema"])) for s in json.loads(notes["schemas"])["schemas"]}


with tempfile.TemporaryDirectory() as scratch:
    broker = subprocess.run([services, "start", "kafka", scratch + "/broker"], check=True, capture_output=True,
                            text=True).stdout.strip()
    try:
        os.environ["K2_DATA"] = scratch + "/data"
        os.environ["K2_JOURNAL_URL"] = f"kafka://{broker}/judge."
        run("simulate", "-q", "--symbols", "5", "--rate", "5000", "--seconds", "2", "--start", "2026-03-02T10:00:00Z")
        run("sink", "--once", "-q")
        known = schemas(broker, "judge.")
        count, volume, last = defaultdict(int), defaultdict(Decimal), {}
        for m in consume(broker, "judge.market.ticks.sim"):
            value = m.value()
            assert value[0] == 0, "the Confluent wire format begins with 0"
            row = fastavro.schemaless_reader(io.BytesIO(value[5:]), known[int.from_bytes(value[1:5], "big")])
            assert m.key().decode() == "SIM." + row["symbol"]
            assert row["exchange_sequence_number"] > last.get(row["symbol"], -1), "out of order within a symbol"
            assert m.timestamp()[0] == 2, "the time is the broker's: LogAppendTime"
            last[row["symbol"]] = row["exchange_sequence_number"]
            count[row["symbol"]] += 1
            volume[row["symbol"]] += row["quantity"]
        table = run("query", "--format", "csv", "SELECT symbol, count(*), sum(quantity) FROM trades GROUP BY 1")
        rows = [line.split(",") for line in table.splitlines()[1:]]
        assert len(rows) == len(count) == 5, (rows, count)
        for symbol, n, total in rows:
            assert count[symbol] == int(n) and volume[symbol] == Decimal(total), (symbol, n, total)
        print(f"{sum(count.values())} records read by confluent-kafka and fastavro equal the table")
    finally:
        subprocess.run([services, "kill", "kafka", scratch + "/broker"], check=False)
