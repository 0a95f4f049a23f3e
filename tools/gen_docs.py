#!/usr/bin/env python3
"""Makes the documents that are tables of the source:

  docs/tables.md         from src/codec/kinds.def and <kind>.def
  docs/configuration.md  from src/base/config.def
  docs/errors.md         from src/base/status.def
  docs/metrics.md        from src/base/metrics.def

usage: tools/gen_docs.py [OUT_DIR]        (default: docs/ beside tools/)
tools/docs_in_sync.sh compares the documents with what this makes.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(path):
    """The text of a file; a .def file that it includes stands in its place."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    return re.sub(r'^#include "(codec/\w+\.def)"$', lambda m: read("src/" + m.group(1)), text,
                  flags=re.MULTILINE)


def rows(path, macro):
    """The arguments of every use of `macro` in a .def file, comments and #lines left out."""
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
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
  *journal* is where the record stands in the journal, and when it came there: `ingest_timestamp` is the time of
  appending, which every row of a batch shares; the sync that made it durable ended shortly after it.
  Derived and journal columns are not in the Avro record.

Every table has one column more when it is read through K2, `message_id`: the printed identity
`EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQUENCE/PART`. It is computed, not stored.

`ticks` is a view over `trades` with the column names people ask for first: `timestamp`
(`exchange_timestamp`), `symbol`, `price`, `volume` (`quantity`), then every other column of `trades`
under its own name.
"""


def tables_page():
    kinds = rows("src/codec/kinds.def", "K2_(?:MARKET_)?KIND")
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

`k2 config init FILE` writes a file with every key, its meaning and its default, all commented out. It
need not name more than what is to differ:

```ini
# k2.ini
[journal]
retention = 30d            ; a span: ns, us, ms, s, m, h, d or w
segment_bytes = 64MB       ; a size: B, KB, MB, GB or TB, by 1024

[query]
memory_limit = 2GB

[feed.asx]                 ; a feed called asx
format = asx-csv
source = /data/asx/trades

[feed.load]                ; and another one
source = sim:
sim_symbols = 100
rate = 5000
quotes = true
```

A line is at most 198 bytes long. A value `env:NAME` or `file:PATH` is a reference, usually to a secret:
what the variable or the file (one line) holds is the value. It is resolved when the configuration is
read, whatever the key's type, and `k2 config show` and the messages print the reference, never the value.

"""

NAMED_INTRO = """
## [{0}.NAME]

Of these sections there may be any number, each with a name of its own: small letters, digits, `_` and
`-`, at most 32. In the environment `{1}_RATE` is key `rate` of `[{0}.asx]`; a `-` is written `_` there.
The environment overrides a section of the file, and makes one that the file lacks. The key is the longest
one that the variable ends with; a name that would be read wrongly by that rule is refused.

"""

VARIABLES_INTRO = """
## Other environment variables

`k2 config check` fails on a variable that begins with `K2_` and is neither a key nor one of these, except
for what a container platform sets for a service called k2-something (`K2_..._SERVICE_HOST`, `K2_..._PORT`).

"""


def variable(*parts):
    return "_".join(("K2",) + parts).upper()


def key_rows(keys, name=""):
    return [[f"`{section}.{name and name + '.'}{key}`", kind.lower(),
             f"`{default}`" if default else "",
             f"`{variable(section, *filter(None, [name]), key)}`", meaning]
            for section, key, kind, default, meaning in keys]


def configuration_page():
    source = "src/base/config.def"
    head = ["key", "type", "default", "environment", "meaning"]
    named = rows(source, "K2_CONFIG_NAMED")
    out = [made_from(source), CONFIG_INTRO, "## Keys\n\n",
           table(head, key_rows(rows(source, "K2_CONFIG")))]
    for kind in dict.fromkeys(row[0] for row in named):
        out += [NAMED_INTRO.format(kind, variable(kind, "asx")),
                table(head, key_rows([row for row in named if row[0] == kind], "NAME"))]
    out += [VARIABLES_INTRO, table(["variable", "meaning"], [
        [f"`{name}`", meaning] for name, meaning in rows(source, "K2_CONFIG_VARIABLE")])]
    return "".join(out)


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


METRICS_INTRO = """# Metrics

`k2 up` shows them at `/metrics` (`http.listen`, by default http://127.0.0.1:7420/metrics): in Prometheus'
text format 0.0.4, or in OpenMetrics 1.0 for who asks for `application/openmetrics-text`. They count since
the process began. Times are in seconds, exact to the nanosecond.

- A **counter** only grows; its samples are called `..._total`.
- A **gauge** is absent until it is known.
- A **histogram** has `..._bucket`, `..._sum` and `..._count`; a value up to 1 % above the edge of a bucket
  may be counted in it.
- A metric has at most 256 combinations of label values; from there on all share one that says `other`.

Some questions, in PromQL:

| question | answer |
| --- | --- |
| rows the tables lack, now | `sum(k2_journal_end_offset) - sum(k2_sink_offset)` |
| seconds since the last commit | `time() - k2_sink_last_commit_timestamp_seconds` |
| events accepted a second, by exchange | `sum by (exchange) (rate(k2_ingest_accepted_total[1m]))` |
| the slowest 1 % of syncs | `histogram_quantile(0.99, rate(k2_journal_sync_seconds_bucket[5m]))` |
| share of files that queries skip | `rate(k2_query_files_pruned_total[5m]) / (rate(k2_query_files_pruned_total[5m]) + rate(k2_query_files_opened_total[5m]))` |

"""

METRIC_SUFFIX = {"COUNTER": "_total", "INFO": "_info"}


def metrics_page():
    body = []
    for name, kind, unit, labels, text in rows("src/base/metrics.def", "K2_METRIC"):
        prefix = "" if name.startswith("process_") else "k2_"
        body.append([f"`{prefix}{name}{METRIC_SUFFIX.get(kind, '')}`", kind.lower(), unit,
                     ", ".join(f"`{label}`" for label in labels.split(",") if label), text])
    return made_from("src/base/metrics.def") + METRICS_INTRO + table(
        ["name", "type", "unit", "labels", "meaning"], body)


def main(out_dir):
    os.makedirs(out_dir, exist_ok=True)
    for name, text in (("tables.md", tables_page()), ("configuration.md", configuration_page()),
                       ("errors.md", errors_page()), ("metrics.md", metrics_page())):
        with open(os.path.join(out_dir, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "docs"))
