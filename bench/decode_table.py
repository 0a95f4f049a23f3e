"""Medians of the figures that bench/decode.sh gathered, with the peers' ratios. usage: decode_table.py FIGURES.jsonl"""
import json
import statistics
import sys

# ours, the peer, how many times the peer's time a message ours may take at most
AIMS = [("nasdaq-totalview-itch-5.0", "itch_book_bbo", 0.2), ("nasdaq-totalview-itch-5.0", "itch_book_symbols", None),
        ("dbn", "databento_dbn_values", 0.5), ("dbn", "databento_dbn", None)]

by = {}
for line in open(sys.argv[1]):
    f = json.loads(line)
    by.setdefault(f["stage"], []).append(f.get("cpu_ns_per_message", f.get("cpu_ns_per_record")))
mid = {stage: statistics.median(figures) for stage, figures in by.items()}
print(f"\n{'format':28} ns/message  M messages/CPU-s   (median of {max(map(len, by.values()))})")
for stage, ns in mid.items():
    print(f"{stage:28} {ns:10.1f} {1000 / ns:17.2f}")
print()
for ours, peer, most in AIMS:
    if ours not in mid or peer not in mid:
        continue
    ratio = mid[ours] / mid[peer]
    aim = "" if most is None else f"; aim: at most {most}: {'met' if ratio <= most else 'missed'}"
    print(f"{ours} takes {ratio:.2f} of the time of {peer}{aim}")
if "binance-json" in mid:
    rate = 1000 / mid["binance-json"]
    print(f"binance-json: {rate:.2f} M messages/CPU-s; aim: at least 1.5: {'met' if rate >= 1.5 else 'missed'}")
