#!/usr/bin/env python3
"""Holds the includes of src/ to the order of the rooms.

  1. A room includes only itself and rooms to its left (ROOMS).
  2. Of another room it sees the face only, <room>/<room>.h. The rooms in OPEN
     show all their headers.
  3. lake and live do not know each other (STRANGERS).
  4. An outside library's header is included by one .c file and by no header,
     so that the library can be replaced in one place (OUTSIDE). uthash.h is
     not a library but macros: any .c file may use it.

usage: tools/check_rooms.py [SRC]       (default: src/ beside tools/)
"""
import os
import re
import sys

ROOMS = "base codec feed flow journal lake live policy query role serve verb".split()
OPEN = {"base", "codec"}
STRANGERS = {frozenset(("lake", "live"))}
OUTSIDE = re.compile(
    r"(zstd|zdict|sqlite3|jansson|ini|xxhash|zlib|lzma|zip|expat|avro|duckdb|rdkafka|uthash|utlist|utarray|microhttpd|histedit)\.h$"
    r"|(avro|curl|librdkafka|openssl|wslay)/")
MACROS = re.compile(r"ut(hash|list|array)\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def broken_rule(room, target):
    """What is wrong with a file of `room` including `target`, or None."""
    other = target.split("/")[0]
    if other not in ROOMS:
        if os.path.dirname(target) in ("", ".", "..") and target != "k2_git.h":
            return "an include is written with its path from src/"
        return None  # k2/..., generated headers
    if other == room:
        return None
    if frozenset((room, other)) in STRANGERS:
        return f"{room} and {other} do not know each other"
    if ROOMS.index(other) > ROOMS.index(room):
        return f"{other} is to the right of {room}"
    if other not in OPEN and target != f"{other}/{other}.h":
        return f"of {other} only {other}/{other}.h is visible outside"
    return None


def main(src):
    findings = []
    users = {}  # outside header -> the .c files that include it
    n_files = 0
    for folder, _, names in sorted(os.walk(src)):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), src)
            room = path.split(os.sep)[0]
            if not name.endswith((".c", ".h", ".def")):
                continue
            n_files += 1
            with open(os.path.join(src, path), encoding="utf-8") as file:
                text = file.read()
            if room not in ROOMS:
                findings.append(f"src/{path}: {room} is no room")
                continue
            for match in INCLUDE.finditer(text):
                where = f"src/{path}:{text.count(chr(10), 0, match.start()) + 1}"
                quote, target = match.groups()
                if OUTSIDE.match(target):
                    if not name.endswith(".c"):
                        findings.append(f"{where}: {target} is included by a header")
                    elif not MACROS.match(target):
                        users.setdefault(target, {})[path] = where
                elif quote == '"':
                    wrong = broken_rule(room, target)
                    if wrong:
                        findings.append(f"{where}: {target}: {wrong}")
    for target, files in sorted(users.items()):
        if len(files) > 1:
            findings.append(f"{target} is included by {len(files)} files: " +
                            ", ".join(sorted(files.values())))
    print("\n".join(findings) if findings else f"{n_files} files")
    return 1 if findings else 0


if __name__ == "__main__":
    ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "src")))
