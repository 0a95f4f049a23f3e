"""Medians of the figures that bench/journal.sh gathered, as tables of ratios. usage: journal_table.py FIGURES.jsonl"""
import json
import statistics
import sys

KAFKA = {"k2": "K2, Avro included", "idempotent": "librdkafka, idempotent", "transaction": "librdkafka, transactions",
         "k2-read": "K2 reads and decodes", "fetch": "librdkafka fetches"}


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def mid(figures, key):
    return statistics.median(f[key] for f in figures)


def local(figures):
    rows = []
    for block in sorted({f["block"] for f in figures}):
        ours = [f for f in figures if f["block"] == block and f["stage"] == "durable_append"]
        sides = {"K2": ("journal_", ours), "bare loop": ("bare_", ours)}
        for peer, name in (("chronicle", "Chronicle Queue"), ("rocksdb", "RocksDB")):
            sides[name] = ("", [f for f in figures if f["block"] == block and f.get("who") == peer])
        base = mid(ours, "journal_mb_s")
        for name, (prefix, of) in sides.items():
            if of:
                rows.append((f"{block // 1024} KB", name, *(f"{mid(of, prefix + k):.0f}" for k in ("mb_s", "p50_us", "p99_us", "cpu_ms")),
                             f"{base / mid(of, prefix + 'mb_s'):.2f}"))
    table(("blocks of", "log", "MB/s", "commit p50 us", "p99 us", "CPU ms", "K2's rate to this"), sorted(rows, key=lambda r: int(r[0][:-3])))


def kafka(figures):
    rows = []
    for rate in sorted({f["rate"] for f in figures}, key=lambda r: r or sys.maxsize):
        for ours, modes in (("k2", ("k2", "idempotent", "transaction")), ("k2-read", ("k2-read", "fetch"))):
            by = {m: [f for f in figures if f["rate"] == rate and f["mode"] == m] for m in modes}
            if not by[ours]:
                continue
            for m in modes:
                p = [f"{mid(by[m], k) / 1000:.1f}" if k in by[m][0] else "" for k in ("p50_us", "p99_us", "p99.9_us")]
                cpu = mid(by[m], "cpu_ms") / mid(by[m], "rows") * 1000
                rows.append((f"{rate:,}" if rate else "all", KAFKA[m], f"{mid(by[m], 'per_s'):,.0f}", *p, f"{cpu:.2f}",
                             f"{mid(by[ours], 'per_s') / mid(by[m], 'per_s'):.2f}"))
    table(("asked a second", "who", "a second", "p50 ms", "p99 ms", "p99.9 ms", "CPU us a message", "K2's rate to this"), rows)


def avro(figures):
    table(("kind", "events", "Avro B", "JSON B", "ratio"),
          [(f["kind"], f"{f['rows']:,}", f"{f['avro'] / f['rows']:.1f}", f"{f['json'] / f['rows']:.1f}", f"{f['json'] / f['avro']:.1f}")
           for f in figures])


def main():
    figures = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    for show, stages in ((local, ("durable_append", "log_peer")), (kafka, ("kafka",)), (avro, ("avro_json",))):
        of = [f for f in figures if f["stage"] in stages]
        if of:
            show(of)


main()
