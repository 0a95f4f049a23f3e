"""What docs/first-ten-minutes.md says its commands print, against what they print.

usage: first_minutes.py SCRIPT DOCUMENT > blocks: writes the script that runs every block in order, with a mark before each.
       first_minutes.py CHECK DOCUMENT OUTPUT: compares the text block behind each with its part of the output.

Clock times, pids, speeds and sizes differ from run to run, so of each line only its first word counts, with # for
digits, and of a line above a rule of a table the names of its columns. A block with a line ... shows a part of what
is printed: then its words are some of those. Without it they are all of them.
"""
import re
import sys

MARK = "@@ block at line "


def blocks(document):
    """(line, language, text) of every fenced block."""
    out, begun = [], None
    for n, line in enumerate(open(document, encoding="utf-8").read().split("\n"), 1):
        if begun is None and line.startswith("```"):
            begun = (n, line[3:], [])
        elif begun is not None and line == "```":
            out.append((begun[0], begun[1], "\n".join(begun[2])))
            begun = None
        elif begun is not None:
            begun[2].append(line)
    return out


def script(document):
    """One bash script, since blocks set variables for those behind them; both streams are one."""
    print("exec 2>&1")
    for line, language, text in blocks(document):
        if language == "sh":
            print(f"printf '\\n{MARK}{line}\\n'\n{text}")
        elif language == "python":
            print(f"printf '\\n{MARK}{line}\\n'")


def words(text):
    """(word, whether its line was cut): the first words, and the names of columns as one. What a tree is drawn with, what
    bash says of a process that was killed, and that tables are behind for a moment, are no words."""
    out = []
    lines = [re.sub(r"^[├│└─ ]+", "", line).strip() for line in text.split("\n")]
    for here, below in zip(lines, lines[1:] + [""]):
        cut = here.endswith(" ...")
        here = here.removesuffix(" ...")
        if not here or re.fullmatch(r"[- ]+", here):
            continue
        if re.search(r": line [0-9]+: .*Killed|lacks [0-9,]+ rows? that the journal", here):
            continue
        if re.fullmatch(r"-+( +-+)*( \.\.\.)?", below):
            out.append((" ".join(here.split()), cut))
        else:
            word = re.match(r'[{\["a-z_]{5,}":|\S+', here).group()
            out.append((re.sub(r"[0-9]+", "#", word), False))
    return out


def compare(said, printed):
    """What the document says and nothing printed, and the other way where the document shows everything."""
    left = [word for word, _ in words(printed)]
    missing = []
    part = "..." in said.split("\n")
    for word, cut in words(said):
        match = next((w for w in left if w == word or (cut and w.startswith(word))), None)
        if match is not None:
            left.remove(match)
        elif word != "...":
            missing.append(word)
    return missing, [] if part else left


def check(document, output):
    parts = {}
    for part in ("\n" + open(output, encoding="utf-8", errors="replace").read()).split("\n" + MARK)[1:]:
        line, _, text = part.partition("\n")
        parts[int(line)] = text
    wrong = seen = 0
    ran = None
    for line, language, text in blocks(document):
        if language in ("sh", "python"):
            ran = line if language == "sh" else None
        elif language == "text" and ran is not None:
            missing, more = compare(text, parts.get(ran, ""))
            seen += 1
            if missing or more:
                wrong += 1
                print(f"line {line}: not printed: {missing}; printed and not said: {more}")
            ran = None
    print(f"{seen} outputs compared, {wrong} differ")
    return wrong > 0 or seen == 0


if sys.argv[1] == "SCRIPT":
    script(sys.argv[2])
else:
    sys.exit(check(*sys.argv[2:]))
