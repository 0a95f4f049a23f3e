#!/usr/bin/env bash
# k2-test: timeout=300
# The schema registry: that of `k2 up` asked with curl, and another data directory whose schemas get their ids from it;
# it goes away in the middle, and what is known goes on.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
command -v curl >/dev/null || { echo "skipped: curl is missing"; exit 77; }
json='Content-Type: application/vnd.schemaregistry.v1+json'

start() { # start [k2 up's words]: sets p and url
    env -u K2_REGISTRY_URL k2 up --data served "$@" >up.log 2>&1 & p=$!
    until_true grep -q 'in another terminal' up.log
    url=$(sed -n 's/^  http *//p' up.log)
}
stop() { kill "$p"; wait "$p" || fail "k2 up failed"; }
trap 'kill $p 2>/dev/null; rm -rf "$scratch"' EXIT

# ask CODE METHOD PATH [BODY]: the answer goes to ./out.
ask() {
    local got
    got=$(curl -s -o out -w '%{http_code}' -X "$2" -H "$json" ${4:+-d "$4"} "$url$3")
    same "$got" "$1" "$2 $3: $(cat out)"
}
gives() { same "$(tr -d '\n' <out)" "$1"; }

# --- over HTTP ---

start --simulate 100
until_true curl -sf "$url/subjects/market.ticks.sim-value/versions"
ask 200 GET /schemas/types
gives '["JSON","PROTOBUF","AVRO"]'
ask 200 GET /config
gives '{"compatibilityLevel":"BACKWARD"}'
ask 200 POST /subjects/a%2Fb/versions '{"schema":"{\"type\":\"string\"}"}'
id=$(sed 's/[^0-9]//g' out)
ask 200 POST /subjects/other/versions '{"schema":"\"string\"","schemaType":"AVRO"}'
gives "{\"id\":$id}"
ask 200 GET "/schemas/ids/$id"
gives '{"schema":"\"string\""}'
ask 200 GET "/schemas/ids/$id/schema"
gives '"string"'
ask 200 GET "/schemas/ids/$id/versions"
gives '[{"subject":"a/b","version":1},{"subject":"other","version":1}]'
ask 200 GET "/subjects?subjectPrefix=a%2F"
gives '["a/b"]'
ask 200 GET "/subjects?offset=1&limit=1"
gives '["market.ticks.sim-value"]'
ask 200 GET "/schemas?subjectPrefix=other&latestOnly=true"
gives "[{\"subject\":\"other\",\"version\":1,\"id\":$id,\"schema\":\"\\\"string\\\"\"}]"
ask 409 POST /subjects/other/versions '{"schema":"\"int\""}'
has out '"error_code":409'
ask 200 POST "/compatibility/subjects/other/versions/latest?verbose=true" '{"schema":"\"int\""}'
has out '"is_compatible":false,"messages":["'
ask 200 POST /compatibility/subjects/other/versions '{"schema":"\"string\""}'
gives '{"is_compatible":true}'
ask 404 GET /subjects/other/versions/2
has out '"error_code":40402'
ask 422 GET /subjects/other/versions/zero
has out '"error_code":42202'
ask 422 PUT /config/other '{"compatibility":"SOME"}'
has out '"error_code":42203'
ask 200 PUT /config/other '{"compatibility":"none"}'
gives '{"compatibility":"NONE"}'
ask 200 POST /subjects/other/versions '{"schema":"\"int\""}'
ask 200 DELETE /config/other
gives '{"compatibilityLevel":"NONE"}'
for call in 'PUT /config/a%ffb {"compatibility":"NONE"}' 'PUT /mode/a%ffb {"mode":"READONLY"}' \
    'POST /subjects/x%ffy/versions {"schema":"\"int\""}'; do
    read -r method path body <<<"$call"
    ask 422 "$method" "$path" "$body"
    has out '"error_code":42208'
done
ask 422 PUT /mode '{"mode":"IMPORT"}'
has out '"error_code":42205'
ask 422 PUT /mode '{"mode":"SOME"}'
has out '"error_code":42204'
ask 200 PUT /mode/other '{"mode":"READONLY"}'
ask 422 DELETE /subjects/other
has out 'read-only'
ask 200 DELETE /mode/other
gives '{"mode":"READONLY"}'
ask 404 DELETE '/subjects/other?permanent=true'
has out '"error_code":40405'
ask 200 DELETE /subjects/other
gives '[1,2]'
ask 200 DELETE '/subjects/other?permanent=true'
gives '[1,2]'
same "$(curl -s -o out -w '%{http_code}' -d '{"schema":"\"int\""}' "$url/subjects/x/versions")" 415 "a body of a web page's form"
ask 400 POST /subjects/x/versions '{'
ask 422 POST /subjects/x/versions '{"schema":"nonsense"}'
has out '"error_code":42201'
ask 422 POST /subjects/x/versions '{"schema":7}'
ask 405 POST /config '{}'
same "$(curl -s -o out -w '%{http_code}' -X HEAD -I "$url/subjects")" 200 HEAD
k2 schema list --data served --format csv | grep -q '^a/b,1,' || fail "k2 schema list does not know a/b"
echo '{"type":"record","name":"order","fields":[{"name":"id","type":"long"}]}' >order.avsc
echo '{"type":"record","name":"order","fields":[{"name":"id","type":"string"}]}' >other.avsc
echo '{"type":"record","name":"fill","fields":[{"name":"of","type":"order"}]}' >fill.avsc
run 0 k2 schema register orders-value order.avsc --data served
has out 'orders-value version 1, id '
ask 200 GET /subjects/orders-value/versions
gives '[1]'
run 1 k2 schema register orders-value other.avsc --data served
has err 'incompatible'
run 1 k2 schema register $'x\xff' order.avsc --data served
has err 'UTF-8'
run 1 k2 schema register fills-value fill.avsc --data served
has err 'Invalid schema'
run 0 k2 schema register fills-value fill.avsc --reference order=orders-value:1 --data served
ask 200 POST /subjects/lists-value/versions '{"schema":"{\"type\":\"array\",\"items\":\"order\"}","references":[{"name":"order","subject":"orders-value","version":-1}]}'
id=$(sed 's/[^0-9]//g' out)
ask 200 GET /subjects/orders-value/versions/1/referencedby
grep -qw "$id" out || fail "a reference to the latest version is not found: $(cat out)"
ask 422 DELETE /subjects/orders-value
has out '"error_code":42206'
run 2 k2 schema register fills-value fill.avsc --reference order --data served
run 2 k2 schema register fills-value fill.avsc --type xml --data served
run 1 k2 schema register fills-value nothing.avsc --data served
run 0 k2 schema compatibility orders-value --data served
has out 'BACKWARD'
run 0 k2 schema compatibility orders-value none --data served
run 0 k2 schema compatibility --data served --format csv
has out 'orders-value,NONE,subject'
has out 'market.ticks.sim-value,FULL_TRANSITIVE,subject'
has out 'a/b,BACKWARD,global'
ask 200 GET /config/orders-value
gives '{"compatibilityLevel":"NONE"}'
run 0 k2 schema register orders-value other.avsc --data served
run 1 k2 schema compatibility nobody --data served
has err 'not found'
run 2 k2 schema compatibility orders-value BACKWARDS --data served
has err 'BACKWARD'
# A subject of records that k2 writes takes nothing that k2 could not write beside.
run 1 k2 schema register market.executions.xnas-value other.avsc --data served
has err 'is of records that k2 writes (table executions)'
k2 schema show market.ticks.sim-value --data served | sed 's/"scale":9/"scale":8/' >scale.avsc
run 1 k2 schema register market.ticks.sim-value scale.avsc --data served
has err 'is of records that k2 writes'
run 1 k2 schema compatibility market.ticks.sim-value NONE --data served
has err 'FULL_TRANSITIVE'
run 0 curl -s "$url/metrics"
has out 'k2_registry_compatibility_failures_total 1'
has out 'route="/subjects/{subject}/versions"'
stop

# --- what was registered is there after a restart, and k2 up lets others change it only if it is told to ---

export K2_HTTP_ALLOW_REMOTE=true
start
ask 200 GET /subjects/a%2Fb/versions
gives '[1]'
ask 403 POST /subjects/y/versions '{"schema":"\"int\""}'
stop
unset K2_HTTP_ALLOW_REMOTE

# --- another data directory takes its ids from there ---

start
export K2_REGISTRY_URL=$url/
market=(k2 simulate -q --symbols 3 --rate 500 --seed 5)
run 0 "${market[@]}" --seconds 1 --start 2026-03-02T10:00:00Z
ask 200 GET /subjects/market.ticks.sim-value/versions/latest
theirs=$(sed 's/.*"id":\([0-9]*\).*/\1/' out)
same "$(k2 schema list --format csv | sed -n 's/^market.ticks.sim-value,1,//p')" "$theirs" "the service's id"
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'

# The service goes away: what is known goes on, what is new waits for it.
old=$url
stop
run 0 "${market[@]}" --seconds 1 --start 2026-03-02T11:00:00Z # the cache knows
run 0 env K2_REGISTRY_CACHE=0s "${market[@]}" --seconds 1 --start 2026-03-02T12:00:00Z
has err 'schema registry is away'
run 1 "${market[@]}" --quotes --seconds 1 --start 2026-03-02T13:00:00Z
has err 'does not answer'
has err "$(echo "$old" | sed 's|/$||')"
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'
run 1 "${market[@]}" --data fresh --seconds 1 --start 2026-03-02T10:00:00Z # it knows nothing
has err 'does not answer'

# Nor without its URL: old records are read and written, but ids are the service's.
run 0 env -u K2_REGISTRY_URL k2 query -q "SELECT count(*) FROM trades"
run 0 env -u K2_REGISTRY_URL "${market[@]}" --seconds 1 --start 2026-03-02T14:00:00Z
run 1 env -u K2_REGISTRY_URL "${market[@]}" --quotes --seconds 1 --start 2026-03-02T15:00:00Z
has err 'set registry.url'

# It is back, at another port.
start
export K2_REGISTRY_URL=$url
run 0 "${market[@]}" --quotes --seconds 1 --start 2026-03-02T13:00:00Z
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'

# Journals do not change sides: their ids are those of one registry.
stop
run 1 k2 simulate -q --data served --seconds 1
has err 'registry.url'

# --- a service that asks who we are, behind TLS with a certificate of its own; and something that is no registry ---

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out cert.pem 2>/dev/null || fail "openssl makes no certificate"
cat >guarded.py <<'END'
import base64, http.server, json, ssl, sys

ids, texts = {}, []


class Guard(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        who = "Basic " + base64.b64encode("k2:sécret:~".encode()).decode()
        if self.headers.get("Authorization") != who:
            return self.say(401, {"error_code": 401, "message": "who are you?"})
        key = self.path.split("/")[2], body["schema"]
        if key in ids:
            return self.say(200, {"id": ids[key], "version": 1, "subject": key[0]})
        if not self.path.endswith("/versions"):
            return self.say(404, {"error_code": 40401, "message": "no"})
        if body["schema"] not in texts:
            texts.append(body["schema"])
        ids[key] = 4000 + texts.index(body["schema"])
        self.say(200, {"id": ids[key]})

    def say(self, code, what):
        out = json.dumps(what).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("cert.pem", "key.pem")
server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
END
python3 guarded.py >port 2>guarded.err & p=$!
until_true test -s port
printf 'sécret:~\n' >password
K2_REGISTRY_URL=https://localhost:$(cat port)
export K2_REGISTRY_URL
one=(k2 simulate -q --data guarded --symbols 2 --seconds 1 --start 2026-03-02T10:00:00Z)
run 1 "${one[@]}"
has err 'does not answer' # nobody vouches for its certificate
export K2_REGISTRY_CA_FILE=$PWD/cert.pem
run 1 "${one[@]}"
has err 'registry.user'
run 0 env K2_REGISTRY_USER=k2 K2_REGISTRY_PASSWORD=file:password "${one[@]}"
same "$(k2 schema list --data guarded --format csv | sed -n 's/^market.ticks.sim-value,1,//p')" 4000 "its id"
kill "$p"
unset K2_REGISTRY_CA_FILE
PYTHONUNBUFFERED=1 python3 -m http.server --bind 127.0.0.1 0 >port 2>guarded.err & p=$!
until_true grep -q 'port [0-9]' port
K2_REGISTRY_URL=http://127.0.0.1:$(sed 's/.*port \([0-9]*\).*/\1/' port) run 1 "${one[@]}" --data none
has err 'registry.url'
kill "$p"

# --- what the configuration says wrong ---

K2_REGISTRY_URL=ftp://x run 1 k2 topic list
has err 'registry.url'
K2_REGISTRY_URL=ftp://x run 1 k2 config check
has err 'registry.url'
finish
