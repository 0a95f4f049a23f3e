"""Bytes for bench/decode.sh.

usage: make_bytes.py fix MESSAGES            FIX 4.4 text: incremental refreshes with two entries
       make_bytes.py repeat CAPTURE BYTES    a classic pcap file, its packets over and over
"""
import random
import sys


def fix(messages):
    draw = random.Random(20261121)
    for i in range(1, messages + 1):
        entries = ""
        for side in "01":
            entries += (f"279={draw.randrange(2)}|269={side}|278={draw.randrange(1, 10**6)}|55=SYM{draw.randrange(100)}|"
                        f"270={draw.randrange(10**4, 10**6) / 100:.2f}|271={draw.randrange(1, 90) * 100}|")
        ms = i % 3600000
        clock = f"20250303-1{ms // 3600000}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"
        body = f"35=X|34={i}|49=LSE|56=ME|52={clock}|262=r1|268=2|{entries}".replace("|", "\1")
        text = f"8=FIX.4.4\x019={len(body)}\x01{body}"
        yield f"{text}10={sum(text.encode()) % 256:03}\x01\n".encode()


def repeat(path, size):
    capture = open(path, "rb").read()
    assert capture[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    yield capture[:24]
    for _ in range(size // len(capture) + 1):
        yield capture[24:]


what = fix(int(sys.argv[2])) if sys.argv[1] == "fix" else repeat(sys.argv[2], int(sys.argv[3]))
for piece in what:
    sys.stdout.buffer.write(piece)
