#!/usr/bin/env bash
# The configuration: a file to begin with, what is wrong with one, and what is never shown.
. "$(dirname "$0")/../support/e2e.sh"
while read -r name; do unset "$name"; done < <(compgen -e | grep '^K2_' | grep -vx K2_BIN)

run 0 k2 config init
has out "[journal]"
has out "#retention = 90d"
has out "#[feed.name]"
run 0 k2 config init k2.ini
run 0 k2 config check --config k2.ini
run 1 k2 config init k2.ini
has err "k2.ini exists and is left as it is"

# Every key of the file, taken out of its comment, is one that is known.
sed -E 's/^#([^ ])/\1/' k2.ini >all.ini
run 0 k2 config show --config all.ini --format csv
same "$(tail -n +2 out | cut -d , -f 3 | sort -u)" file "every key comes from the file"
has out "feed.name.source"

printf '[feed.asx]\nsource = a\nspeeed = max\n' >bad.ini
run 1 k2 config check --config bad.ini
has err "line 3: there is no configuration key feed.asx.speeed; did you mean feed.asx.speed?"
printf '[sink]\ninterval = often\n' >bad.ini
run 1 k2 config check --config bad.ini
has err '"often" is not a span of time'

run 1 env K2_SINK_INTERVALL=5s k2 config check
has err "did you mean K2_SINK_INTERVAL?"
run 1 env K2_FEED_ASX_SUORCE=a K2_DATAA=b k2 config check
has err "did you mean K2_FEED_ASX_SOURCE?"
has err "did you mean K2_DATA?"
has err "2 environment variables are unknown"
run 0 env K2_DATA=d K2_SINK_INTERVAL=5s K2_FEED_ASX_SOURCE=a K2_WEB_SERVICE_HOST=10.0.0.1 k2 config check

# A secret: used, never shown.
echo hidden-word >secret
printf '[journal]\nurl = file:%s\n[feed.x]\nsource = env:HIDDEN\n' "$PWD/secret" >secret.ini
for format in table csv json; do
    HIDDEN=hidden-word run 0 k2 config show --config secret.ini --format $format
    has out "file:$PWD/secret"
    has out "env:HIDDEN"
    grep -q hidden-word out err && fail "the secret is shown as $format"
done
HIDDEN=hidden-word run 1 k2 quarantine list --config secret.ini
has err "file:$PWD/secret"
grep -q hidden-word out err && fail "the secret is in a message"
run 1 k2 config show --config secret.ini
has err "the environment has no HIDDEN"
finish
