"""What the judges share: running k2, skipping, and an own reader of the journal.

The reader is written from the format descriptions in src/journal/local/segment.c, cipher.c and meta.c, not from
the code below them: it is a second opinion.
"""
import glob
import hashlib
import json
import os
import struct
import subprocess
import sys

K2 = os.environ["K2_BIN"]


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


def shared(*parts):
    path = os.path.join(os.environ.get("K2_SHARED_DATA", ""), *parts)
    if not os.path.exists(path):
        skip("no recorded market data at " + path)
    return path


def k2(*args, expect=0, stdin=None):
    run = subprocess.run([K2, *args], capture_output=True, text=True, input=stdin)
    assert run.returncode == expect, (args, run.returncode, run.stdout[-2000:], run.stderr[-2000:])
    return run.stdout


def query(data, sql, *more):
    return json.loads(k2("query", sql, "--data", data, "--format", "json", *more))


def crc32c(data, table=[]):
    if not table:
        for n in range(256):
            for _ in range(8):
                n = n >> 1 ^ 0x82F63B78 if n & 1 else n >> 1
            table.append(n)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def journal_meta(data):
    """(incarnation, [topic name by id])"""
    incarnation, topics = None, []
    for line in open(os.path.join(data, "journal", "meta")):
        words = line.split()
        if words[0] == "incarnation":
            incarnation = int(words[1])
        if words[0] == "topic":
            topics.append(words[2])
    return incarnation, topics


def decrypted(frame, number, key):
    """The records of an encrypted frame of the segment `number`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    assert frame[80:88] == hashlib.sha256(key).digest()[:8], "another key"
    bound = b"K2 data key" + frame[28:32] + struct.pack("<q", number)
    data_key = AESGCM(key).decrypt(frame[88:100], frame[100:148], bound)
    return AESGCM(data_key).decrypt(bytes(4) + frame[148:156], frame[156:], frame[8:156])


def journal_records(data, check=True, master=None):
    """Yields (topic, partition, offset, append_ns, key, value) in log order. With `master` all must be encrypted."""
    incarnation, topics = journal_meta(data)
    for path in sorted(glob.glob(os.path.join(data, "journal", "*.seg"))):
        log = open(path, "rb").read()
        first, at = int(os.path.basename(path)[:20]), 0
        while at < len(log) and any(log[at:at + 80]):
            head = struct.unpack_from("<4sIIHHIIIIqqqqqq", log, at)
            magic, crc, length, version, flags, topic, partition, count, who, base, append = head[:11]
            assert magic == b"K2B1" and version == 1 and who == incarnation, (path, at)
            assert head[13] == first + at, "log position"
            if check:
                assert crc32c(log[at + 8:at + length]) == crc, (path, at)
            assert flags == (1 if master else 0), (path, at)
            frame = log[at:at + length]
            body, p = decrypted(frame, first, master) if master else frame[80:], 0
            for i in range(count):
                value_n, key_n = struct.unpack_from("<II", body, p)
                p += 8
                yield topics[topic], partition, base + i, append, body[p:p + key_n], body[p + key_n:p + key_n + value_n]
                p += key_n + value_n
            assert p == len(body), (path, at)
            at += length


def murmur2(data):
    """org.apache.kafka.common.utils.Utils.murmur2"""
    m, h, n = 0x5BD1E995, 0x9747B28C ^ len(data), len(data) // 4 * 4
    for i in range(0, n, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & 0xFFFFFFFF
        k = (k ^ k >> 24) * m & 0xFFFFFFFF
        h = (h * m & 0xFFFFFFFF) ^ k
    if n != len(data):
        h = (h ^ int.from_bytes(data[n:], "little")) * m & 0xFFFFFFFF
    h = (h ^ h >> 13) * m & 0xFFFFFFFF
    return h ^ h >> 15
