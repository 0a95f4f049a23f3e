#!/usr/bin/env bash
# k2-test: timeout=300
# k2 ingest executions: each row is answered when journal and table hold it; the same again is acknowledged again, the
# same id with other content is refused; kill -9 of the command and of k2 up loses nothing that was acknowledged.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

cat >fills.csv <<'END'
execution_id,symbol,exchange,side,price,quantity,transact_time,account,fee,fee_currency,desk
E1,AAPL,XNAS,BUY,190.5,100,2024-03-04T15:00:00.123456789Z,ACC1,0.35,USD,d1
E2,AAPL,XNAS,SELL,191.25,40,2024-03-04T15:01:00Z,ACC1,0.1,USD,d1
77,MSFT,XNAS,BUY,400,10,2024-03-04T15:02:00Z,ACC2,,,
END
answers() { python3 -c '
import json, sys
for line in sys.stdin:
    a = json.loads(line)
    print(a.get("execution_id"), a.get("error") or ("again" if a.get("duplicate") else "stored"),
          "journal" in a and "snapshot_id" in a and a["latency_ms"] >= 0)'; }

# --- every row has its answer, in order; then it is in both ---

run 0 k2 ingest executions fills.csv
same "$(answers <out | tr '\n' ';')" 'E1 stored True;E2 stored True;77 stored True;'
has err '3 acknowledged, 0 of them known before, 0 refused; 1 groups; latency p50'
same "$(value "SELECT string_agg(execution_id || ':' || quantity::INT, ' ' ORDER BY exchange_timestamp_ns) FROM executions")" \
    'E1:100 E2:40 77:10' "in the table at once, without a sink"
same "$(value "SELECT extra['desk'] FROM executions WHERE execution_id = 'E1'")" 'd1'
run 0 k2 reconcile
run 0 k2 trace XNAS/2024-03-04/ACC2/execution/0/77/0

# --- again: acknowledged again, at the same place; with other content: refused, and kept ---

cp out first
run 0 k2 ingest executions fills.csv
same "$(answers <out | tr '\n' ';')" 'E1 again True;E2 again True;77 again True;'
run 0 k2 ingest fills.csv # told by its columns
same "$(answers <out | tr '\n' ';')" 'E1 again True;E2 again True;77 again True;'
sed 's/,100,/,101,/' fills.csv >changed.csv
run 3 k2 ingest executions changed.csv
same "$(answers <out | tr '\n' ';')" 'E1 CONFLICT False;E2 again True;77 again True;'
printf 'execution_id,symbol,exchange,side,price,quantity,transact_time\nB1,A,XNAS,BUY,x,1,2024-03-04T15:00:00Z\nB2,A,XNAS,BUY,2,1,2024-03-04T15:00:00Z\n' >bad.csv
run 3 k2 ingest executions bad.csv
same "$(answers <out | tr '\n' ';')" 'None MALFORMED False;B2 stored True;'
same "$(k2 quarantine list --format csv | sed 1d | wc -l)" 2 "what was refused is kept"
same "$(value "SELECT count(*) FROM executions")" 4
run 1 k2 ingest executions /etc/hostname
has err 'neither a JSON object nor a header'
run 2 k2 ingest executions tcp://127.0.0.1:1 --exchange XNAS
has err 'executions are read from files and - only'

# --- line by line: an answer comes before the next row is sent ---

mkfifo rows
k2 ingest executions - <rows >answers.out 2>answers.err &
pid=$!
exec 7>rows
for i in 1 2 3; do
    echo '{"execution_id":"L'$i'","symbol":"A","exchange":"XNAS","side":"BUY","price":1,"quantity":1,"transact_time_ns":1709564400000000001}' >&7
    until_true grep -q "\"L$i\"" answers.out
done
exec 7>&-
wait "$pid" || fail "line by line"
has answers.err '3 acknowledged, 0 of them known before, 0 refused; 3 groups'

# --- through k2 up, which holds the journal ---

k2 up >up.out 2>up.log &
up=$!
until_true grep -q http up.out
run 0 k2 ingest executions fills.csv
same "$(answers <out | tr '\n' ';')" 'E1 again True;E2 again True;77 again True;'
sed 's/^E/U/' fills.csv >more.csv
run 0 k2 ingest executions more.csv
same "$(answers <out | tr '\n' ';')" 'U1 stored True;U2 stored True;77 again True;'
same "$(value "SELECT count(*) FROM executions")" 9 "in the table while k2 up runs"
run 3 k2 ingest executions changed.csv
kill "$up"
wait "$up" || fail "k2 up"
run 0 k2 reconcile
run 0 k2 verify

# --- kill -9 ---

run 0 python3 "$tree/tests/support/killed_executions.py" --k2 "$K2_BIN" --data killed --rows 1500 --kills 6
cat out
run 0 python3 "$tree/tests/support/killed_executions.py" --k2 "$K2_BIN" --data killed-up --rows 1000 --kills 4 --up
cat out

# --- what cannot be meant is refused; a source that fails does not stop the others ---

run 1 k2 ingest executions nofile.csv fills.csv
has err 'nofile.csv: there is no file'
has err '3 acknowledged, 3 of them known before'
run 2 k2 ingest executions --symbols AAPL fills.csv
has err 'says nothing of executions'
run 1 k2 ingest executions --exchange XNYS fills.csv
has err 'leave --exchange out'
sed 's/,USD,/,"US,D",/' fills.csv | sed 's/^E/F/' >comma.csv
run 3 k2 ingest executions comma.csv
has out 'no word of letters'
# The row behind a line that is too long is whole, wherever a read ended.
{ head -n 1 fills.csv; python3 -c 'print("x" * (6 * 1024 * 1024 - 200))'
  echo 'L1,AAPL,XNAS,BUY,190.5,1000,2024-03-04T15:00:00Z,ACC3,,,'; } >long.csv
run 3 k2 ingest executions long.csv
same "$(value "SELECT string_agg(execution_id || ':' || quantity::INT, ' ') FROM executions WHERE account = 'ACC3'")" 'L1:1000'
# A byte order mark makes no header of the first row.
{ printf '\357\273\277'; for i in 1 2; do
    echo '{"execution_id":"M'$i'","symbol":"A","exchange":"XNAS","side":"BUY","price":"1","quantity":"1","transact_time":"2024-03-04T15:00:00Z"}'
    sleep 0.3
done; } | run 0 k2 ingest executions -
has err '2 acknowledged, 0 of them known before'
echo oops >oops.csv
run 1 k2 ingest executions oops.csv
has err 'oops.csv: executions: the first line is neither'
has err 'it begins with "oops"'

finish
