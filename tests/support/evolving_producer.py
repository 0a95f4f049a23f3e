#!/usr/bin/env python3
"""Writes trades with a schema of its own, as a program of others does: Confluent's client, its Avro serializer.

evolving_producer.py BROKER REGISTRY TOPIC [--id ID] SCHEMA FIRST COUNT [FIELD=VALUE ...]

With --id the registry is not asked: who has the schema's id already needs it no more.
"""
import datetime
import decimal
import io
import json
import struct
import sys

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

BLANK = {"string": "", "long": 0, "int": 0, "boolean": False, "bytes": b""}


def blank(field):
    kind = field["type"]
    if isinstance(kind, list):
        return None
    return BLANK[kind["type"] if isinstance(kind, dict) else kind]


def value_of(text, kind):
    kind = next(k for k in kind if k != "null")
    logical = kind.get("logicalType") if isinstance(kind, dict) else None
    base = kind["type"] if isinstance(kind, dict) else kind
    if logical == "decimal":
        return decimal.Decimal(text)
    if logical == "date":
        return datetime.date.fromisoformat(text)
    if logical == "timestamp-micros":
        return datetime.datetime.fromisoformat(text)
    if base == "array":
        return [int(part) for part in text.split(",")]
    return {"string": str, "boolean": lambda t: t == "true", "double": float}.get(base, int)(text)


def row_of(schema, number, given):
    row = {f["name"]: blank(f) for f in schema["fields"]}
    types = {f["name"]: f["type"] for f in schema["fields"]}
    row.update(
        exchange="SIM",
        symbol="OTHER",
        trade_date=datetime.date(2026, 3, 2),
        exchange_timestamp_ns=1772445600000000000 + number,
        exchange_sequence_number=number,
        channel="others",
    )
    row.update({name: value_of(text, types[name]) for name, text in given.items()})
    return row


def main():
    words = sys.argv[1:]
    broker, url, topic = words[:3]
    words = words[3:]
    schema_id = None
    if words[0] == "--id":
        schema_id, words = int(words[1]), words[2:]
    text = open(words[0]).read()
    schema, first, count = json.loads(text), int(words[1]), int(words[2])
    given = dict(w.split("=", 1) for w in words[3:])
    parsed = fastavro.parse_schema(schema)
    if schema_id is None:
        client = SchemaRegistryClient({"url": url})
        client.register_schema(topic + "-value", Schema(text, "AVRO"))
        serializer = AvroSerializer(client, text)
        context = SerializationContext(topic, MessageField.VALUE)
    producer = Producer({"bootstrap.servers": broker, "acks": "all"})
    failed = []
    for number in range(first, first + count):
        row = row_of(schema, number, given)
        if schema_id is None:
            value = serializer(row, context)
        else:
            out = io.BytesIO()
            fastavro.schemaless_writer(out, parsed, row)
            value = struct.pack(">bI", 0, schema_id) + out.getvalue()
        producer.produce(topic, value, "SIM.OTHER", on_delivery=lambda e, m: failed.append(e) if e else None)
    producer.flush(30)
    sys.exit(f"not written: {failed[0]}" if failed else 0)


if __name__ == "__main__":
    main()
