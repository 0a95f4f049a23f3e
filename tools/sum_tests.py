#!/usr/bin/env python3
"""Sums up the JUnit reports of several ctest runs.

Prints the tests that failed or were skipped, then one closing line
"N passed, N failed, N skipped"; the exit code is 1 if anything failed.
A report that is missing or cut off counts as a failure, and so does a test
that could not be started: ctest calls that one skipped.
"""
import os
import sys
import xml.etree.ElementTree as ET


def outcome(case):
    """(passed | failed | skipped, why) of one <testcase>."""
    if case.get("status") == "run":
        return "passed", ""
    skipped = case.find("skipped")
    if skipped is not None and "SKIP_" in skipped.get("message", ""):
        return "skipped", "skipped by the test itself"
    if case.get("status") == "disabled":
        return "skipped", "disabled"
    for part in (skipped, case.find("failure")):
        if part is not None and part.get("message"):
            return "failed", part.get("message")
    return "failed", case.get("status") or "no status"


def main(paths):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        run = os.path.splitext(os.path.basename(path))[0]
        try:
            cases = list(ET.parse(path).getroot().iter("testcase"))
        except (OSError, ET.ParseError) as error:
            print(f"failed: {run}: no report: {error}")
            count["failed"] += 1
            continue
        for case in cases:
            kind, why = outcome(case)
            count[kind] += 1
            if kind != "passed":
                print(f"{kind}: {run}: {case.get('name')} ({why})")
    print(", ".join(f"{n} {kind}" for kind, n in count.items()))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
