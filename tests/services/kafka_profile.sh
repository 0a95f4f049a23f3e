#!/usr/bin/env bash
# k2-test: timeout=500
# Topics by profile: as they are made, drift that is listed, what k2 topic apply mends and what it does not touch; a
# cluster of three brokers of which one is killed under load.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
market=(k2 simulate -q --symbols 5 --seed 5 --start 2026-03-02T10:00:00Z)
admin() { "$tree/.deps/venv/bin/python" - "$@"; }

# --- in a directory: what applies, and what does not ---

run 0 "${market[@]}" --rate 1000 --seconds 1
run 0 k2 topic apply --profile dev --yes
has err 'do not apply'
run 3 k2 topic apply --profile production --dry-run --format csv
has out 'market.ticks.sim,partitions,3,12'
run 2 k2 topic apply --profile prodution --dry-run
has err 'production'
run 2 k2 topic apply --profile production --retention 30d --dry-run
has err 'keeps 90'
run 3 k2 topic apply --profile dev --retention 91d --dry-run --format csv
has out 'journal.retention'
K2_JOURNAL_PROFILE=prod run 1 k2 topic list
has err 'journal.profile'
rm -rf k2-data
K2_JOURNAL_PROFILE=production run 0 "${market[@]}" --rate 1000 --seconds 1
run 0 k2 topic list --format csv
has out 'market.ticks.sim,trades,12,'
rm -rf k2-data

# --- one broker ---

serve kafka broker
broker=$address
export K2_JOURNAL_URL="kafka://$broker/one."
run 0 "${market[@]}" --rate 1000 --seconds 1
run 0 k2 topic apply --yes
has err 'as profile dev'
run 0 k2 topic describe market.ticks.sim
has out 'profile: dev, and the topic is so'
admin "$broker" one.market.ticks.sim <<'END' || fail "the settings could not be changed"
import sys
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

admin = AdminClient({"bootstrap.servers": sys.argv[1]})
entries = [ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET)
           for k, v in (("retention.ms", "86400000"), ("max.message.bytes", "2000000"))]
for f in admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, sys.argv[2],
                                                         incremental_configs=entries)]).values():
    f.result()
END
until_true sh -c 'k2 topic apply --dry-run --format csv | grep -q "market.ticks.sim,retention.ms,86400000,-1"'
run 3 k2 topic apply --dry-run --format csv
same "$(wc -l <out)" 2 "one property differs"
run 0 k2 topic describe market.ticks.sim
has out 'retention.ms is 86400000 and not -1'
run 2 k2 topic apply
has err 'say --yes'
run 0 k2 topic apply --yes --format csv
has out 'market.ticks.sim,retention.ms,-1,-1,mended'
run 0 k2 topic apply --dry-run --format csv
admin "$broker" one.market.ticks.sim <<'END' || fail "another setting was changed as well"
import sys
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

admin, about = AdminClient({"bootstrap.servers": sys.argv[1]}), ConfigResource(ResourceType.TOPIC, sys.argv[2])
config = admin.describe_configs([about])[about].result()
assert config["max.message.bytes"].value == "2000000" and config["retention.ms"].value == "-1"
END
run 3 k2 topic apply --profile production --yes --format csv
has out 'market.ticks.sim,min.insync.replicas,2,2,mended'
has out 'market.ticks.sim,partitions,3,12,'
has out 'market.ticks.sim,replicas,1,3,'
run 0 k2 topic apply --profile dev --yes # else nothing could be acknowledged
K2_JOURNAL_URL="kafka://$broker/three." K2_JOURNAL_PROFILE=production run 1 "${market[@]}" --rate 1000 --seconds 1
has err 'profile production'
"$services" stop kafka "$scratch/broker"

# --- three brokers: production is what they are for ---

rm -rf k2-data
serve cluster cluster
cluster=$address
export K2_JOURNAL_URL="kafka://$cluster/prod."
export K2_JOURNAL_PROFILE=production # auto takes the brokers that there are at the moment
run 0 "${market[@]}" --rate 1000 --seconds 1
run 0 k2 topic apply --dry-run
has err 'as profile production'
run 0 k2 topic list --format csv
has out 'market.ticks.sim,trades,12,'
"${market[@]}" --rate 100K --seconds 10 >writer.out 2>&1 & p=$!
sleep 3
"$services" kill kafka "$scratch/cluster/2"
wait $p || { fail "the writer failed"; cat writer.out >&2; }
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'
same "$(value "SELECT count(*) FROM trades")" 1001000 "rows after a broker's end"
finish
