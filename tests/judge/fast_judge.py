"""Every field of the recorded FAST feeds of the Moscow Exchange, as another decoder's answers have it, is what `k2 decode`
shows; each message and each entry becomes one event, with no gap and no conflict. k2-test: timeout=300"""
import gzip
import json
import shutil
import tempfile
from decimal import Decimal

from _k2 import k2, shared

FOLDER = shared("fast-moex")
TEMPLATES = FOLDER + "/templates.xml"
GROUPS = ("MDEntries",)


def equal(want, got):
    """Absent is empty; a decimal is told as mantissa and exponent."""
    if want is None:
        return got == ""
    if isinstance(want, list):
        return Decimal(got) == Decimal(want[0]).scaleb(want[1])
    return got == str(want)


def compare(want, got, where):
    for name, value in want.items():
        if name in GROUPS:
            rows = got.get(name, [])
            rows = rows if isinstance(rows, list) else [rows]
            assert len(rows) == len(value) == int(got["No" + name]), (where, name)
            for i, (a, b) in enumerate(zip(value, rows)):
                compare(a, b, (*where, name, i))
        else:
            assert equal(value, got[name]), (*where, name, value, got[name])
    unasked = set(got) - set(want) - {"No" + g for g in GROUPS}
    assert not unasked, (where, unasked)


def judge(name):
    """Messages and entries that were compared."""
    shown = k2("decode", "moex-fast", f"{FOLDER}/{name}.dat", "--mapping", TEMPLATES).splitlines()
    messages = entries = 0
    with gzip.open(f"{FOLDER}/{name}.expected.ndjson.gz", "rt") as answers:
        wanted = [json.loads(line) for line in answers]
    assert len(wanted) == len(shown), (name, len(wanted), len(shown))
    for want, line in zip(wanted, shown):
        frame = json.loads(line)
        (message, fields), = frame["decoded"].items()
        where = (name, want["offset"])
        assert (message, frame["offset"]) == (want.pop("name"), want.pop("offset")), where
        want.pop("len")
        compare(want, fields, where)
        messages += 1
        entries += len(want.get("MDEntries", []))
    return messages, entries


assert judge("increment_a") == (16202, 22104)
assert judge("snapshot") == (18628, 55417)

data = tempfile.mkdtemp(prefix="k2judge.")
for name, accepted, resets, filtered in (("increment_a", 22104, 0, 8101), ("snapshot", 64723, 733, 9314)):
    for again in (False, True):
        told = k2("ingest", "--data", data, f"{FOLDER}/{name}.dat", "--mapping", TEMPLATES)
        new, old = (0, accepted) if again else (accepted, 0)
        assert f"accepted {new:} + duplicates {old} + conflicts 0 + quarantined 0 + filtered {filtered}" in told, told
        assert "gaps 0 (0 numbers missing)" in told, told
        assert again or f"resets {resets}" in told, told
shutil.rmtree(data)
print("fast: every field of 34830 messages is as expected")
