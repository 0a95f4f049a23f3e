#!/usr/bin/env python3
"""DBN against the answers that came with real files, and against Databento's own reader.

fields   every field that the decoder tells is the expected value, and the number at the offset it names
events   what k2 ingests of each file is what the expected records say, record by record
written  trades, quotes and orders written as DBN are read by databento-dbn as the records they came from
"""
import glob
import gzip
import json
import os
import struct
import subprocess
import tempfile
from decimal import Decimal

from _k2 import K2, k2, query, shared, skip

try:
    import zstandard
except ImportError as why:
    skip(str(why))
try:
    import databento_dbn
except ImportError:
    databento_dbn = None

TOOL = os.path.join(os.environ.get("K2_HELPERS", ""), "dbn_tool")
if not os.path.exists(TOOL):
    skip("$K2_HELPERS/dbn_tool is not built")
NO_PRICE, NO_TIME = 2**63 - 1, 2**64 - 1
# Fields that version 3 took away, or added, and the records' own framing.
GONE = {"trading_reference_price", "trading_reference_date", "md_security_trading_status", "settl_price_type",
        "hd.length"}
BARS = {32: 1, 33: 60, 34: 3600, 35: 86400, 36: 86400}


def unpacked(path):
    raw = open(path, "rb").read()
    return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(raw) \
        if path.endswith(".zst") else raw


def expected_of(path):
    for name, opener in ((path + ".expected.ndjson", open), (path + ".expected.ndjson.gz", gzip.open)):
        if os.path.exists(name):
            lines = [json.loads(line) for line in opener(name, "rt")]
            return lines[0]["_metadata"], lines[1:]
    return None, None


# --- fields -------------------------------------------------------------------------------------------
def fields_of(raw):
    """[{path: text}] of each frame, after checking that numbers are what stands at their offsets."""
    told = subprocess.run([TOOL, "fields"], input=raw, capture_output=True, check=True).stdout.decode()
    frames = []
    for line in told.splitlines():
        if line.startswith("#"):
            frames.append({})
            continue
        path, at, size, text = line.split("\t")
        text, wire = bytes.fromhex(text).decode(), raw[int(at):int(at) + int(size)]
        if text.lstrip("-").isdigit() and int(size) in (1, 2, 4, 8) and "symbol" not in path:
            number = int.from_bytes(wire, "little", signed=text.startswith("-"))
            assert number == int(text) or wire.split(b"\0")[0] == text.encode(), (path, at, text, wire)
        else:
            assert path.startswith("_metadata") or wire.split(b"\0")[0] == text.encode(), (path, text, wire)
        assert path not in frames[-1], path
        frames[-1][path] = text
    return frames


def flat(value, prefix=""):
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield prefix[:-1], "" if value is None else str(value)
        return
    for name, v in items:
        yield from flat(v, f"{prefix}{name}.")


def judge_fields(name, raw, metadata, records):
    frames = fields_of(raw)
    head = frames.pop(0)
    for key, value in metadata.items():
        if key in ("symbols", "partial", "not_found"):
            got = [v for k, v in head.items() if k.startswith(f"_metadata.{key}.")]
            assert got == value, (name, key, got, value)
            continue
        got = head["_metadata." + key]
        if value is None:
            value = {"end": NO_TIME, "schema": 65535, "stype_in": 255}.get(key, 0)
        elif isinstance(value, bool):
            value = json.dumps(value)
        assert got == str(value), (name, key, got, value)
    assert len(frames) == len(records), (name, len(frames), len(records))
    for i, (got, want) in enumerate(zip(frames, records)):
        want = dict(flat(want))
        for key in set(got) | set(want):
            if key not in want:
                assert key in GONE, (name, i, key)
            elif key not in got:
                assert key.startswith("leg_") and metadata["version"] < 3, (name, i, key)
            elif got[key] != want[key]:
                assert (key, got[key], want[key]) == ("quantity", str(2**31 - 1), str(2**63 - 1)), \
                    (name, i, key, got[key], want[key])


# --- events -------------------------------------------------------------------------------------------
def price(text):
    return None if int(text) == NO_PRICE else Decimal(text) / 10**9


def side(letter):
    return {"A": "SELL", "B": "BUY", "N": None}[letter]


def events_of(record, levels):
    """(table, columns) of the events that a record becomes."""
    r, rtype = record, record["hd"]["rtype"]
    if rtype in BARS:
        yield "bars", {"open": price(r["open"]), "close": price(r["close"]), "high": price(r["high"]),
                       "low": price(r["low"]), "volume": Decimal(r["volume"]),
                       "interval_ns": BARS[rtype] * 10**9}
    elif rtype == 160 and r["action"] in "AMCR":
        clear = r["action"] == "R"
        yield "book_events", {
            "action": {"A": "ADD", "M": "MODIFY", "C": "CANCEL", "R": "CLEAR"}[r["action"]],
            "side": side(r["side"]), "price": None if clear else price(r["price"]),
            "quantity": None if clear else Decimal(r["size"]),
            "order_id": r["order_id"] if r["order_id"] != "0" and not clear else None}
    elif rtype == 160 and r["action"] in "FN":
        yield "messages", {"message_type": "mbo"}
    if r.get("action") == "T" and rtype in (0, 1, 10, 160, 177, 194):
        yield "trades", {"price": price(r["price"]), "quantity": Decimal(r["size"]), "side": side(r["side"])}
    if rtype in (1, 177, 192, 193, 194, 195, 196):
        level = r["levels"][0]
        bid, ask = price(level["bid_px"]), price(level["ask_px"])
        yield "quotes", {"bid_price": bid, "ask_price": ask,
                         "bid_quantity": None if bid is None else Decimal(level["bid_sz"]),
                         "ask_quantity": None if ask is None else Decimal(level["ask_sz"])}
    if rtype == 10:
        for i, level in enumerate(r["levels"]):
            for s, name in (("bid", "BUY"), ("ask", "SELL")):
                here = (level[s + "_px"], level[s + "_sz"], level[s + "_ct"])
                if levels.get((i, s)) != here:
                    levels[i, s] = here
                    p = price(here[0])
                    yield "book_events", {"action": "DELETE" if p is None else "SET", "level": i + 1, "side": name,
                                          "price": p, "quantity": None if p is None else Decimal(here[1])}
    if rtype == 18:
        yield "status", {"code": str(r["action"])}
    if rtype == 19:
        yield "instruments", {"venue_id": str(r["hd"]["instrument_id"]), "name": r["raw_symbol"],
                              "tick_size": price(r["min_price_increment"]),
                              "strike_price": price(r["strike_price"])}
    if rtype == 20:
        yield "auctions", {"reference_price": price(r["ref_price"]), "imbalance_side": side(r["side"]) or "NONE",
                           "paired_quantity": Decimal(r["paired_qty"]),
                           "imbalance_quantity": Decimal(r["total_imbalance_qty"])}
    if rtype == 24:
        none = int(r["quantity"]) == NO_PRICE
        yield "statistics", {"price": price(r["price"]), "quantity": None if none else Decimal(r["quantity"])}


def same(got, want):
    return got == want if not isinstance(want, Decimal) else got is not None and Decimal(got) == want


def times(row):
    return str(row["exchange_timestamp_ns"]), str(row["receive_timestamp_ns"])


def judge_events(group, files, folder):
    data = os.path.join(folder, "data-" + group)
    k2("init", "--data", data)
    wanted = {}
    for name, raw, records in files:
        path = os.path.join(folder, f"{group}-{name}")
        open(path, "wb").write(raw)
        k2("ingest", path, "--data", data)
        levels = {}
        for r in records:
            for table, columns in events_of(r, levels):
                time = r["hd"]["ts_event"]
                columns["exchange_timestamp_ns"] = r.get("ts_recv") if int(time) == NO_TIME else time
                columns["receive_timestamp_ns"] = r.get("ts_recv")
                wanted.setdefault(table, []).append((path, columns))
    k2("sink", "--once", "--data", data)
    assert query(data, "SELECT count(*) AS n FROM quarantine")[0]["n"] == 0
    total = 0
    for table, rows in wanted.items():
        got = query(data, f"SELECT * FROM {table} ORDER BY channel, exchange_sequence_number, part")
        assert len(got) == len(rows), (group, table, len(got), len(rows))
        index = {}
        for row in got:
            index.setdefault(times(row), []).append(row)
        for path, want in rows:
            candidates = index[times(want)]
            at = next((i for i, row in enumerate(candidates)
                       if all(same(row[c], v) for c, v in want.items() if "timestamp" not in c)), None)
            assert at is not None, (path, table, want, candidates[:2])
            candidates.pop(at)
            total += 1
    return total


# --- written ------------------------------------------------------------------------------------------
def decoded(raw, has_metadata=True):
    reader = databento_dbn.DBNDecoder(has_metadata=has_metadata)
    reader.write(raw)
    return [r for r in reader.decode() if not isinstance(r, databento_dbn.Metadata)]


def judge_written(name, path, raw, kind, count):
    out = subprocess.run([TOOL, "write", kind], input=raw, capture_output=True, check=True).stdout
    records = decoded(out)
    symbols = {r.instrument_id: r.stype_out_symbol for r in records
               if isinstance(r, databento_dbn.SymbolMappingMsg)}
    records = [r for r in records if not isinstance(r, databento_dbn.SymbolMappingMsg)]
    before = decoded(raw)
    assert len(records) == len(before) == count, (name, len(records), len(before), count)
    for a, b in zip(records, before):
        assert bytes(a) == bytes(b), (name, a, b)
    assert not records or symbols, name
    verb = subprocess.run([K2, "decode", "dbn", path, "--format", "dbn", "--where", "kind=" + kind],
                          capture_output=True, check=True).stdout
    assert verb == out or not records, name


def main():
    folder = shared("dbn")
    groups, written, fields, n_records = {}, 0, 0, 0
    for path in sorted(glob.glob(folder + "/**/*", recursive=True)):
        if not path.endswith((".dbn", ".dbn.zst")):
            continue
        metadata, records = expected_of(path)
        if records is None:
            continue
        name, raw = os.path.relpath(path, folder).replace("/", "-").removesuffix(".zst"), unpacked(path)
        judge_fields(name, raw, metadata, records)
        fields += 1
        n_records += len(records)
        packed = "packed" if path.endswith(".zst") else "plain"
        groups.setdefault(f"{packed}-{metadata['version']}", []).append((name, raw, records))
        kind = {"mbo": "book_event", "trades": "trade", "mbp-1": "quote", "tbbo": "quote"}.get(metadata["schema"])
        if databento_dbn and kind:
            judge_written(name, path, raw, kind, len(records))
            written += 1
    for path in glob.glob(folder + "/*.frag"):
        frames = fields_of(unpacked(path))
        assert frames and all(f["hd.rtype"] == "19" and f["raw_symbol"] for f in frames), path
    print(f"ok: fields of {n_records} records in {fields} files")
    if databento_dbn:
        print(f"ok: {written} files written again, read by databento-dbn as they were")
    else:
        print("skipped: databento-dbn is not installed, so nothing judges what is written")
    with tempfile.TemporaryDirectory() as tmp:
        events = sum(judge_events(group, files, tmp) for group, files in groups.items())
    print(f"ok: {events} events of {len(groups)} groups of files")


main()
