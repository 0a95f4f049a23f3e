#!/usr/bin/env python3
"""Reads trades of channel "others" with the reader's schema of a consumer that was not updated.

evolving_consumer.py BROKER REGISTRY TOPIC SCHEMA COUNT: exit 0 when so many came and each had that schema's fields.
"""
import sys
import time

from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer


def main():
    broker, url, topic, schema, count = sys.argv[1:]
    reader = AvroDeserializer(SchemaRegistryClient({"url": url}), open(schema).read())
    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": broker,
            "group.id": f"old-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "value.deserializer": reader,
        }
    )
    consumer.subscribe([topic])
    seen, until = set(), time.monotonic() + 60
    while len(seen) < int(count) and time.monotonic() < until:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            sys.exit(f"{message.error()}")
        row = message.value()
        if set(row) & {"rumour", "big", "late"}:
            sys.exit(f"a field that the old schema has not: {row}")
        if row["channel"] == "others":
            seen.add(row["exchange_sequence_number"])
    consumer.close()
    print(len(seen), "rows of others read by the old schema")
    sys.exit(len(seen) < int(count))


if __name__ == "__main__":
    main()
