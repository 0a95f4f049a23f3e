"""Every frame of the recorded exchange captures that a public dissector decoded is dissected equally, field by
field, by the layout whose `sample` line names its folder. k2-test: timeout=300

Not compared: counters of the dissector (keys ending in "index"), "_value" (texts made of flags and of composed
times) and padding. Numbers are compared as decimals; one of 15 digits or more that was printed from a double, to 14 of
them. "-nan" is null."""
import glob
import json
import os
import re
import subprocess
from decimal import Decimal, InvalidOperation

from _k2 import shared

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SHOW = os.path.join(os.environ["K2_HELPERS"], "layout_show")

# Where the dissector is wrong, as the bytes show: path (of keys) and why. Each is counted.
WRONG = {
    "cboe-futures-pitch-1.1": [
        (r"futuresinstrumentdefinitionmessage/standard$", "empty: the message ends before it"),
    ],
    "coinbase-derivatives-1.2": [(r"sbemessage/padding$", "empty: there is no padding")],
    "nasdaq-nls-plus-3.0": [
        (r"messageheader/messagetype$", "it knows version 4.0 only and prints no type"),
    ],
    "siac-cts-2.11b": [
        (r"fractionalpriordaytradecancelerrormessage/(cancelerroraction|priordaytradedateandtime)$",
         "it takes 4 bytes for a time of 8 (section 6.5.6)"),
    ],
    "otc-link-ats-4.3": [
        (r"extendedquoteflags/reserved4$", "it prints bits of the whole byte, not the four reserved ones"),
    ],
    "eurex-eobi-6.0": [
        (r"executionsummary/resting(hiddenqty|cxlqty)$", "read behind the end of the message"),
        (r"(partial|full)orderexecution/(price|trdregtstimepriority|securityid|trdmatchid|lastqty|lastpx)$",
         "read 4 bytes too early: the padding in front has 5 bytes"),
        (r"snapshotorder/orderdetailscomp/price$", "a negative price read as unsigned"),
    ],
}


def grouped(tree):
    """{key: [value or (children)]} of the tree that layout_show prints."""
    out = {}
    for name, index, value in tree:
        out.setdefault(name.replace("_", ""), []).append(
            grouped(value) if isinstance(value, list) else (value, index == -2))
    return out


def number(text):
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def equal(want, got):
    if want == got or (want in ("-nan", "nan") and got == "null"):
        return True
    a, b = number(want), number(got)
    if a is not None and b is not None:
        return a == b or (len(a.as_tuple().digits) >= 14 and abs(a - b) <= abs(a) / Decimal(10) ** 14)
    return " " in got and want == got.split(" ")[0]  # the dissector cuts some texts at their first blank


class Comparison:
    def __init__(self, name):
        self.wrong = WRONG.get(name, [])
        self.fields = self.excused = 0
        self.differ = []

    def differs(self, path, want, got):
        if any(re.search(pattern, path) for pattern, _ in self.wrong):
            self.excused += 1
        else:
            self.differ.append(f"{path}: expected {str(want)[:60]}, got {str(got)[:60]}")

    def compare(self, want, got, path=""):
        for key, value in want.items():
            here = f"{path}/{key}"
            if key == "_value" or (key.endswith("index") and key not in got):
                continue
            if key not in got:
                self.differs(here, value, "nothing")
                continue
            values = value if isinstance(value, list) else [value]
            if len(values) != len(got[key]):
                self.differs(here, f"{len(values)} times", f"{len(got[key])} times")
            for a, b in zip(values, got[key]):
                self.compare_one(a, b, here)

    def compare_one(self, want, got, path):
        if isinstance(want, dict) != isinstance(got, dict):
            self.differs(path, want, got)
        elif isinstance(want, dict):
            self.compare(want, got, path)
        elif got[1]:
            return
        elif equal(want, got[0]):
            self.fields += 1
        else:
            self.differs(path, want, got[0])


def dissect(name, frames):
    lines = "".join(f"{f.get('udp_payload_hex') or f['tcp_payload_hex']} "
                    f"{'tcp' if 'tcp_payload_hex' in f else 'udp'}://1\n" for f in frames)
    run = subprocess.run([SHOW, name], input=lines, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return [line.split("\t") for line in run.stdout.splitlines()]


def judge(name, folders):
    c = Comparison(name)
    count, bad = 0, []
    for path in [p for d in folders for p in sorted(glob.glob(shared("exchange-pcap", d) + "/*.expected.json"))]:
        frames = json.load(open(path))
        for frame, (tree, wrong) in zip(frames, dissect(name, frames), strict=True):
            before = len(c.differ)
            c.compare(frame["decoded"], grouped(json.loads(tree)))
            if wrong:
                c.differ.append(wrong)
            count += 1
            if len(c.differ) > before:
                bad.append(f"{os.path.basename(path)} frame {frame['frame']}: {c.differ[before:][:5]}")
    print(f"{name}: {count - len(bad)} of {count} frames equal, {c.fields} fields, "
          f"{c.excused} where the dissector is wrong")
    assert count, name
    return bad


def main():
    shared("exchange-pcap")
    bad, layouts = [], 0
    for path in sorted(glob.glob(os.path.join(ROOT, "feeds", "*.layout"))):
        folders = re.findall(r"^sample +(\S+)", open(path).read(), re.M)
        folders = [f for f in folders if glob.glob(shared("exchange-pcap") + f"/{f}/*.expected.json")]
        if folders:
            layouts += 1
            bad += judge(os.path.basename(path)[:-len(".layout")], folders)
    print(f"{layouts} layouts")
    assert layouts and not bad, "\n".join(bad)


main()
