#!/usr/bin/env python3
"""Runs clang-tidy over a compile_commands.json, as many at a time as there are cores.

A file that passed is remembered under the hash of all that the result depends
on (the preprocessed text with its comments, the configuration, the tool's
version), so that an unchanged file costs one run of the preprocessor.

usage: tools/tidy.py BUILD_DIR [PATH_PART ...]
"""
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

TIDY = "clang-tidy-14"
CLANG = "clang-14"


def run(command, cwd):
    return subprocess.run(command, cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL,
                          check=False)


def configuration(root):
    """The bytes of every configuration file and the tool's version."""
    parts = [run([TIDY, "--version"], root).stdout]
    for folder in (".", "tests"):
        path = os.path.join(root, folder, ".clang-tidy")
        if os.path.exists(path):
            with open(path, "rb") as file:
                parts.append(file.read())
    return b"\0".join(parts)


def preprocess_command(entry):
    """The compile command of an entry, made to print the preprocessed text."""
    arguments = entry.get("arguments") or shlex.split(entry["command"])
    kept, skip = [CLANG], False
    for argument in arguments[1:]:
        if skip:
            skip = False
        elif argument in ("-o", "-MT", "-MF", "-MQ"):
            skip = True
        elif argument not in ("-c", "-MD", "-MMD"):
            kept.append(argument)
    return kept + ["-E", "-C", "-dD"]


def check(entry, build, config, cache):
    """(file, was cached, output); an empty output means that the file is clean."""
    path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    text = run(preprocess_command(entry), entry["directory"])
    if text.returncode != 0:
        return path, False, text.stderr.decode(errors="replace")
    key = hashlib.sha256(config + b"\0" + text.stdout).hexdigest()
    mark = os.path.join(cache, key)
    if os.path.exists(mark):
        os.utime(mark)
        return path, True, ""
    result = run([TIDY, "--quiet", "-p", build, path], entry["directory"])
    if result.returncode != 0:
        return path, False, (result.stdout or result.stderr).decode(errors="replace")
    with open(mark, "wb"):
        pass
    return path, False, ""


def forget_old(cache, keep=5000):
    """Keeps the marks that were of use last."""
    marks = sorted(os.scandir(cache), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in marks[keep:]:
        os.unlink(mark.path)


def main(build, parts):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build = os.path.abspath(build)
    cache = os.path.join(root, "build", "tidy")
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    # What the build generates is not ours to read.
    entries = [e for e in entries if not e["file"].startswith(build + os.sep)]
    entries = list({e["file"]: e for e in entries}.values())
    if parts:
        entries = [e for e in entries if any(part in e["file"] for part in parts)]
    config = configuration(root)
    bad = cached = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, hit, output in pool.map(lambda e: check(e, build, config, cache), entries):
            cached += hit
            if output:
                bad += 1
                print(f"--- {os.path.relpath(path, root)}\n{output}", flush=True)
    forget_old(cache)
    print(f"{len(entries)} files, {cached} unchanged, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
