#!/usr/bin/env python3
"""One line on how long functions and files are; for the eye, gates nothing.

usage: tools/size_trend.py FOLDER       (with a Python that has lizard)
"""
import os
import statistics
import sys

import lizard


def main(folder):
    paths = [os.path.join(where, name) for where, _, names in os.walk(folder)
             for name in names if name.endswith(".c")]
    if not paths:
        print("no source yet")
        return
    lengths, files = [], []
    for path in paths:
        result = lizard.analyze_file(path)
        lengths += [f.end_line - f.start_line + 1 for f in result.function_list]
        with open(path, "rb") as file:
            files.append(sum(1 for _ in file))
    lengths.sort()
    text = f"{len(files)} files, {sum(files)} lines, median {statistics.median(files):.0f}"
    if lengths:
        p95 = lengths[min(len(lengths) - 1, len(lengths) * 95 // 100)]
        long = sum(1 for n in lengths if n > 100) / len(lengths)
        text += (f"; {len(lengths)} functions, median {statistics.median(lengths):.0f}, "
                 f"p95 {p95}, over 100 lines {long:.1%}")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1])
