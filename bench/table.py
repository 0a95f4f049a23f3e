"""Medians of the figures that bench/run.sh gathered, as a table of ratios. usage: table.py FIGURES.jsonl"""
import json
import statistics
import sys


def main():
    by = {}
    for line in open(sys.argv[1]):
        f = json.loads(line)
        by.setdefault(f["stage"], []).append(f)

    def mid(stage, key):
        return statistics.median(f[key] for f in by[stage])

    print("\nstage               M rows/CPU-s   M rows/s   B/row   peak MB   (median of %d)" % len(by["append"]))
    for stage in ("append", "decode", "sink_all_columns", "sink_ten_columns", "duckdb", "pyiceberg"):
        size = mid(stage, "bytes") / mid(stage, "rows")
        print(f"{stage:18} {mid(stage, 'rows_per_cpu_s') / 1e6:12.2f} {mid(stage, 'rows_per_s') / 1e6:12.2f} "
              f"{size:7.1f} {mid(stage, 'max_rss_mb'):9.0f}")
    peer = max(("duckdb", "pyiceberg"), key=lambda p: mid(p, "rows_per_cpu_s"))
    print(f"\nthe better peer per CPU-second is {peer}")
    for stage in ("sink_ten_columns", "sink_all_columns"):
        print(f"{stage} is {mid(stage, 'rows_per_cpu_s') / mid(peer, 'rows_per_cpu_s'):.2f} x {peer} "
              f"(it starts from Avro and writes durably; the peer starts from Arrow in memory)")
    print(f"commit: {mid('sink_parts', 'commit_ms') / mid('sink_parts', 'commits'):.1f} ms each")
    for f in by["durable_append"]:
        print(f"durable append, {f['block'] // 1024} KB blocks: {f['journal_mb_s']} MB/s, bare loop {f['bare_mb_s']} MB/s, "
              f"ratio {f['ratio_percent'] / 100:.2f}; p99 {f['journal_p99_us']} us, bare {f['bare_p99_us']} us, "
              f"ratio {f['p99_ratio_percent'] / 100:.2f}")


main()
