"""databento-dbn's decoder on the file of bench/decode_dbn.c, one JSON line each:

  databento_dbn         bytes in memory, in pieces of 256 KB, to Python objects: each is a copy of its 56 bytes
  databento_dbn_values  and from them the values of all fields, as a tuple: what a row needs

usage: dbn.py FILE
"""
import json
import sys
import time

import databento_dbn

PIECE = 256 << 10
data = open(sys.argv[1], "rb").read()


def values(r):
    return (r.publisher_id, r.instrument_id, r.ts_event, r.order_id, r.price, r.size, r.flags, r.channel_id, r.action,
            r.side, r.ts_recv, r.ts_in_delta, r.sequence)


def run(stage, use):
    reader = databento_dbn.DBNDecoder()
    records, wall, cpu = -1, time.perf_counter_ns(), time.process_time_ns()  # the metadata is none
    for at in range(0, len(data), PIECE):
        reader.write(data[at:at + PIECE])
        decoded = reader.decode()
        records += len(decoded)
        use(decoded)
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    print(json.dumps({"stage": stage, "records": records, "ns_per_record": round(wall / records, 1),
                      "cpu_ns_per_record": round(cpu / records, 1)}))


run("databento_dbn", lambda decoded: None)
run("databento_dbn_values",
    lambda decoded: [values(r) for r in decoded if isinstance(r, databento_dbn.MBOMsg)])
