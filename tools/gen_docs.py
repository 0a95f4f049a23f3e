#!/usr/bin/env python3
"""Makes the documents that are tables of the source:

  docs/tables.md         from src/codec/kinds.def and <kind>.def
  docs/configuration.md  from src/base/config.def
  docs/errors.md         from src/base/status.def

usage: tools/gen_docs.py [OUT_DIR]        (default: docs/ beside tools/)
tools/docs_in_sync.sh compares the documents with what this makes.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def rows(path, macro):
    """The arguments of every use of `macro` in a .def file, comments left out."""
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)
    argument = r'"(?:[^"\\]|\\.)*"|[^",()]+'
    found = []
    for call in re.finditer(rf"{macro}\(((?:{argument}|,)*)\)", text):
        parts = re.findall(argument, call.group(1))
        parts = [part.strip() for part in parts if part.strip()]
        found.append([part[1:-1] if part.startswith('"') else part for part in parts])
    if not found:
        sys.exit(f"gen_docs: {path} has no {macro}")
    return found


def table(head, body):
    lines = [head, ["---"] * len(head)] + body
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n"
                   for line in lines)


def made_from(*paths):
    return (f"<!-- Made by tools/gen_docs.py from {', '.join(paths)}. "
            "Change those, then run tools/docs_in_sync.sh --write. -->\n\n")


def decimals():
    """decimal(20, 9) and decimal(28, 10), as base/decimal.h has them."""
    numbers = dict(re.findall(r"#define K2_(\w+) (\d+)", read("src/base/decimal.h")))
    return {name: f"decimal({numbers[name + '_PRECISION']}, {numbers[name + '_SCALE']})"
            for name in ("PRICE", "QUANTITY")}


def iceberg_types():
    return {
        "STR": "string", "LIST": "list<string>", "MAP": "map<string, string>", "LONG": "long",
        "INT": "int", "DATE": "date", "STAMP": "timestamptz", "BYTES": "binary", **decimals(),
    }


TABLES_INTRO = """# The tables

All tables are in the namespace `market_data`; `trades` alone means `market_data.trades`.
They are Apache Iceberg tables, format version 2, partitioned by `trade_date` and sorted by
`exchange_timestamp`, `exchange_sequence_number`, `symbol`, `channel`, `epoch`, `part`
(those of them that the table has).

- **id** is the Iceberg field id. It is never changed and never used again. The element of a list has
  200 + id; the keys of a map have 200 + id and its values 400 + id.
- **class** tells what a column is for:
  *identity* is part of the event's identity;
  *payload* is what the venue said;
  *received* is our clock at the wire: in the record and in the row hash, not in the payload hash;
  *origin* is where the event stood in its source: in the record, in no hash that compares events;
  *derived* is computed when the table is written;
  *journal* is where the record stands in the journal.
  Derived and journal columns are not in the Avro record.

Every table has one column more when it is read through K2, `message_id`: the printed identity
`EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQUENCE/PART`. It is computed, not stored.

`ticks` is a view over `trades` with the column names people ask for first: `timestamp`
(`exchange_timestamp`), `symbol`, `price`, `volume` (`quantity`), then every other column of `trades`
under its own name.
"""


def tables_page():
    kinds = rows("src/codec/kinds.def", "K2_KIND")
    types = iceberg_types()
    out = [made_from("src/codec/*.def"), TABLES_INTRO]
    for name, _, table_name, topic, meaning in kinds:
        body = []
        for number, field, kind, need, cls, text in rows(f"src/codec/{name}.def", "K2_FIELD"):
            body.append([number, f"`{field}`", f"`{types[kind]}`", "yes" if need == "OPT" else "",
                         cls.lower(), text])
        out.append(f"\n## {table_name}\n\nOne row is {meaning}. Journal topics: "
                   f"`{topic}.<exchange>`.\n\n")
        out.append(table(["id", "column", "type", "nullable", "class", "meaning"], body))
    return "".join(out)


CONFIG_INTRO = """# Configuration

Every key has a default. A file in INI form (`--config FILE`) overrides it, and an environment variable
overrides the file. `k2 config show` prints what holds and where it comes from; `k2 config check` says
what is wrong with it. An unknown key is an error that names the nearest one.

A value `env:NAME` or `file:PATH` refers to a secret; it is resolved when it is read and never shown.
Sizes are a count and `B`, `KB`, `MB`, `GB` or `TB` (by 1024). Spans are a count and `ns`, `us`, `ms`,
`s`, `m`, `h`, `d` or `w`.

"""


def configuration_page():
    body = [[f"`{section}.{key}`", kind.lower(), f"`{default}`" if default else "",
             f"`K2_{section}_{key}`".upper(), meaning]
            for section, key, kind, default, meaning in rows("src/base/config.def", "K2_CONFIG")]
    return made_from("src/base/config.def") + CONFIG_INTRO + table(
        ["key", "type", "default", "environment", "meaning"], body)


ERRORS_INTRO = """# Errors and exit codes

A command ends with 0 when it is done, 1 when it failed, 2 when it was used wrongly and 3 when the data is
not as it should be. An error message says what happened, to which thing, and what to do. It reads from
left to right, from what was wanted to what went wrong.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed |
| 2 | wrong usage; the message names the nearest right word |
| 3 | the data is not as it should be: a conflict, damage, or a difference between journal and tables |

Inside the code every function that can fail returns one of these (`src/base/err.h`):

"""


def errors_page():
    body = [[f"`{name}`", code, meaning]
            for name, code, meaning in rows("src/base/status.def", "K2_STATUS")]
    return made_from("src/base/status.def") + ERRORS_INTRO + table(
        ["status", "exit code", "meaning"], body)


def main(out_dir):
    os.makedirs(out_dir, exist_ok=True)
    for name, text in (("tables.md", tables_page()), ("configuration.md", configuration_page()),
                       ("errors.md", errors_page())):
        with open(os.path.join(out_dir, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "docs"))
