#!/usr/bin/env python3
"""Does to a tree what a page of the documents says: its ```c blocks become code.

  /* room/file.c - what it is ...               the block is the file src/room/file.c
  /* ...: tests/fuzz/x.c */                      the block is that file
  /* in FILE, after: TEXT */                     the rest goes behind the first line that holds TEXT

usage: apply_page.py PAGE TREE
"""
import os
import re
import sys

NEW = re.compile(r"/\* ([a-z]+/\w+\.[ch]) - ")
NAMED = re.compile(r"/\*.*: ((?:src|tests)/\S+\.[ch]) \*/$")
INSIDE = re.compile(r"/\* in (\S+), after: (.*) \*/$")


def blocks(page):
    with open(page, encoding="utf-8") as file:
        return re.findall(r"^```c\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


def create(path, text):
    if os.path.exists(path):
        sys.exit(f"{path} is there already")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def insert(path, anchor, text):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines(keepends=True)
    at = next((i for i, line in enumerate(lines) if anchor in line), None)
    if at is None:
        sys.exit(f"{path} has no line with {anchor!r}: mend the page")
    lines.insert(at + 1, text)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def main(page, tree):
    done = 0
    for block in blocks(page):
        first, _, rest = block.partition("\n")
        if match := INSIDE.match(first):
            insert(os.path.join(tree, match[1]), match[2], rest)
        elif match := NAMED.match(first):
            create(os.path.join(tree, match[1]), block)
        elif match := NEW.match(first):
            create(os.path.join(tree, "src", match[1]), block)
        else:
            sys.exit(f"{page}: a block that begins with {first!r} goes nowhere")
        done += 1
    if done == 0:
        sys.exit(f"{page} has no code")
    print(f"{done} blocks of {os.path.basename(page)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
