"""The schema registry of `k2 up`, used by Confluent's own Python client as it comes: it registers, looks up, compares,
deletes and imports, and reads records that k2 wrote.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

import _k2

warnings.simplefilter("ignore")
try:
    from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, SchemaRegistryError
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
    from confluent_kafka.schema_registry import ConfigCompatibilityLevel, ServerConfig
    from confluent_kafka.serialization import MessageField, SerializationContext
except ImportError as missing:
    _k2.skip(f"the client is not whole here: {missing}")

work = tempfile.mkdtemp(prefix="k2judge.")
data = os.path.join(work, "data")
up = subprocess.Popen([_k2.K2, "up", "--data", data, "--simulate", "200"], stdout=subprocess.PIPE, text=True,
                      stderr=open(os.path.join(work, "log"), "w"), env={**os.environ, "K2_HTTP_LISTEN": "127.0.0.1:0"})
try:
    url = None
    for line in up.stdout:
        found = re.search(r"http\s+(http://\S+)", line)
        url = found.group(1) if found else url
        if line.startswith("in another terminal"):
            break
    assert url, open(os.path.join(work, "log")).read()
    client = SchemaRegistryClient({"url": url})

    def refused(code, call, *args, **more):
        try:
            call(*args, **more)
        except SchemaRegistryError as e:
            assert e.error_code == code, (e, code)
            return e
        raise AssertionError(f"not refused: {call} {args}")

    def record(*fields, name="tick"):
        return json.dumps({"type": "record", "name": name, "fields": list(fields)})

    price = {"name": "price", "type": "long"}
    venue = {"name": "venue", "type": "string", "default": ""}
    size = {"name": "size", "type": "long"}

    # --- registering, looking up ---
    first = client.register_schema("judge-value", Schema(record(price), "AVRO"))
    assert client.register_schema("judge/other", Schema(record(price), "AVRO")) == first
    second = client.register_schema("judge-value", Schema(record(price, venue), "AVRO"))
    assert second > first
    assert client.get_versions("judge-value") == [1, 2]
    assert "judge-value" in client.get_subjects() and "judge/other" in client.get_subjects()
    latest = client.get_latest_version("judge-value")
    assert (latest.version, latest.schema_id) == (2, second)
    assert json.loads(client.get_schema(first).schema_str) == json.loads(record(price))
    assert client.lookup_schema("judge-value", Schema(record(price), "AVRO")).version == 1
    assert client.get_version("judge-value", 1).schema_id == first
    refused(40401, client.get_versions, "nobody")
    refused(40402, client.get_version, "judge-value", 9)
    refused(40403, client.get_schema, 4711)
    refused(40403, client.lookup_schema, "judge-value", Schema('"int"', "AVRO"))
    refused(42201, client.register_schema, "judge-value", Schema("nonsense", "AVRO"))

    # --- compatibility ---
    assert not client.test_compatibility("judge-value", Schema(record(price, size), "AVRO"))
    assert client.test_compatibility("judge-value", Schema(record(price), "AVRO"))
    assert not client.test_compatibility("judge-value", Schema(record(price, size), "AVRO"), version=1)
    refused(409, client.register_schema, "judge-value", Schema(record(price, size), "AVRO"))
    assert client.get_compatibility() == "BACKWARD"
    for level in ("FORWARD", "FULL", "FULL_TRANSITIVE", "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "BACKWARD", "NONE"):
        assert client.set_compatibility("judge-value", level)["compatibility"] == level
        assert client.get_compatibility("judge-value") == level
    client.register_schema("judge-value", Schema(record(price, size), "AVRO"))
    full = ConfigCompatibilityLevel.FULL
    client.set_config("judge-value", ServerConfig(full))
    assert client.get_config("judge-value").compatibility_level == full
    assert client.delete_config("judge-value").compatibility_level == full
    refused(40408, client.get_compatibility, "judge-value")
    refused(42203, client.set_compatibility, "judge-value", "SOMEHOW")

    # --- references, other languages ---
    fixed = {"type": "fixed", "name": "money", "namespace": "k2", "size": 8}
    client.register_schema("money", Schema(json.dumps(fixed), "AVRO"))
    uses = Schema(record({"name": "m", "type": "k2.money"}, name="bill"), "AVRO",
                  [SchemaReference("k2.money", "money", 1)])
    bill = client.register_schema("bill", uses)
    assert client.get_referenced_by("money", 1) == [bill]
    refused(42206, client.delete_subject, "money")
    assert client.get_schema(bill).references[0].subject == "money"
    js = '{"type":"object","properties":{"price":{"type":"string"}}}'
    client.register_schema("js-value", Schema(js, "JSON"))
    got = client.get_latest_version("js-value").schema
    assert got.schema_type == "JSON" and json.loads(got.schema_str) == json.loads(js)
    proto = 'syntax = "proto3";\nmessage Tick {\n  int64 price = 1;\n}\n'
    client.register_schema("pb-value", Schema(proto, "PROTOBUF"))
    got = client.get_latest_version("pb-value").schema
    assert got.schema_type == "PROTOBUF" and "message Tick" in got.schema_str
    assert not client.test_compatibility("pb-value", Schema(proto.replace("int64", "string"), "PROTOBUF"))

    # --- deleting ---
    refused(40407, client.delete_version, "judge-value", 1, permanent=True)
    assert client.delete_version("judge-value", 1) == 1
    refused(40406, client.delete_version, "judge-value", 1)
    assert client.get_versions("judge-value") == [2, 3]
    assert client.get_versions("judge-value", deleted=True) == [1, 2, 3]
    assert client.delete_subject("judge-value") == [2, 3]
    refused(40404, client.delete_subject, "judge-value")
    assert client.delete_subject("judge-value", permanent=True) == [1, 2, 3]
    assert "judge-value" not in client.get_subjects(deleted=True)

    # --- importing ---
    client.update_mode("imported", "IMPORT")
    assert client.get_mode("imported") == "IMPORT"
    client.delete_mode("imported")
    assert client.get_global_mode() == "READWRITE"

    # --- records: the client's own there and back, and those of k2 ---
    there = AvroSerializer(client, record(price, venue, name="sent"))
    back = AvroDeserializer(SchemaRegistryClient({"url": url}))
    at = SerializationContext("topic", MessageField.VALUE)
    sent = {"price": 12345, "venue": "ASX"}
    assert back(there(sent, at), at) == sent
    seen = 0
    until = time.monotonic() + 60
    while seen < 100 and time.monotonic() < until:  # k2 up goes on writing
        time.sleep(0.5)
        seen = 0
        for topic, _, _, _, _, value in _k2.journal_records(data, check=False):
            if topic != "market.ticks.sim":
                continue
            row = back(value, SerializationContext(topic, MessageField.VALUE))
            assert row["exchange"] == "SIM" and row["price"] is not None, row
            seen += 1
    assert seen >= 100, seen
    print(f"the client is content; {seen} records of k2 read through it")
finally:
    up.terminate()
    up.wait()
    shutil.rmtree(work)
