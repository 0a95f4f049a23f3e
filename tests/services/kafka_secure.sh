#!/usr/bin/env bash
# k2-test: timeout=400
# The journal on a broker with TLS, SASL (SCRAM-SHA-512, PLAIN, OAUTHBEARER) and ACLs: the right password works from end to
# end; a wrong one, no CA, no ACL are one clear error each, told quickly; no secret is ever printed.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka-secure broker
read -r broker admin <<<"$address"
dir=$scratch/broker
market=(k2 simulate -q --symbols 5 --seed 5 --rate 1000 --seconds 1 --start 2026-03-02T10:00:00Z)

# What docs/kafka.md says K2 needs, and no more; for all topics, groups and ids that begin with sec.
"$tree/.deps/venv/bin/python" - "$admin" <<'END' || exit 1
import sys
from confluent_kafka.admin import (AclBinding, AclOperation as Op, AclPermissionType, AdminClient, ResourcePatternType,
                                   ResourceType as Of)

admin = AdminClient({"bootstrap.servers": sys.argv[1]})
needed = {Of.TOPIC: (Op.CREATE, Op.DESCRIBE, Op.DESCRIBE_CONFIGS, Op.ALTER_CONFIGS, Op.READ, Op.WRITE, Op.DELETE),
          Of.GROUP: (Op.DESCRIBE, Op.READ, Op.DELETE), Of.TRANSACTIONAL_ID: (Op.DESCRIBE, Op.WRITE)}
acls = [AclBinding(of, "sec.", ResourcePatternType.PREFIXED, f"User:{user}", "*", op, AclPermissionType.ALLOW)
        for user in ("k2", "plain", "token-user") for of, ops in needed.items() for op in ops]
for f in admin.create_acls(acls).values():
    f.result()
END

tls="security.protocol=SASL_SSL&ssl.ca.location=$dir/ca.pem"
use() { export K2_JOURNAL_URL="kafka://$broker/sec.$1.?$2"; }
scram() { echo "$tls&sasl.mechanism=SCRAM-SHA-512&sasl.username=$1&sasl.password=$2"; }
quickly() { # quickly TEXT...: writing fails within seconds, with all the texts in its one error
    local begin=$SECONDS text
    run 1 "${market[@]}" --data wrong
    [ $((SECONDS - begin)) -le 20 ] || fail "it took $((SECONDS - begin)) s"
    for text; do has err "$text"; done
    silent
}
silent() { # no secret in what was said
    local user
    for user in k2 guest plain; do
        ! grep -qF -- "$(cat "$dir/$user.password")" out err || fail "the password of $user was printed"
    done
}

# --- who may ---

for way in "$(scram k2 "file:$dir/k2.password")" \
    "$tls&sasl.mechanism=PLAIN&sasl.username=plain&sasl.password=file:$dir/plain.password" \
    "$tls&sasl.mechanism=OAUTHBEARER&token=file:$scratch/token"; do
    # A token without a signature, as the broker's test of them wants it.
    part() { printf %s "$1" | base64 -w 0 | tr '+/' '-_' | tr -d =; }
    now=$(date +%s)
    echo "$(part '{"alg":"none"}').$(part "{\"sub\":\"token-user\",\"iat\":$now,\"exp\":$((now + 900))}")." >token
    name=$(sed -n 's/.*sasl.mechanism=\([A-Z]*\).*/\1/p' <<<"$way")
    rm -rf k2-data
    use "$name" "$way"
    run 0 "${market[@]}"
    run 0 k2 sink --once
    run 0 k2 reconcile
    has err 'equal'
    run 0 k2 topic apply --yes
    run 0 k2 group list
    run 0 k2 maintain --older-than 0s --yes
    run 0 k2 reconcile
    has err 'equal'
    silent
done

# --- who may not ---

use wrong "$(scram k2 wrong-password)"
quickly "$broker" 'sasl.password' 'authentication'
run 0 k2 config show
has out 'sasl.password=***'
! grep -q wrong-password out err || fail "the password was printed"
use wrong "security.protocol=SASL_SSL&sasl.mechanism=SCRAM-SHA-512&sasl.username=k2&sasl.password=file:$dir/k2.password"
quickly "$broker" 'ssl.ca.location'
use wrong "$(scram guest "file:$dir/guest.password")"
quickly "$broker" 'ACL'
use wrong "security.protocol=SASL_SSL&ssl.ca.location=/no/such.pem&sasl.mechanism=PLAIN&sasl.username=a&sasl.password=b"
quickly 'ssl.ca.location'
use wrong "$tls&sasl.mechanism=OAUTHBEARER&token=file:$scratch/no.token"
quickly 'token' 'no.token'
echo 'no token' >no.token
quickly 'is no JWT'
use wrong "$tls&sasl.mechanism=OAUTHBEARER&token=hidden"
quickly 'file:PATH or env:NAME'
! grep -q hidden out err || fail "the token was printed"
finish
