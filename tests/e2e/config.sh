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

# What k2 up could never work with is told, all of it at once, by check, up and doctor.
cat >never.ini <<'END'
[journal]
url = s3://bucket
partitions = 0
segment_bytes = 0B
[sink]
interval = 0s
intervall = 5s
[http]
listen = 7420
[feed.nothing]
format = auto
[feed.format]
source = a
format = no-such
[feed.calendar]
source = a
calendar = MOON
[feed.speed]
source = a
speed = 0x
[feed.date]
source = a
date = yesterday
[feed.socket]
source = wss://stream.example.com/ws
[feed.topic]
source = kafka://broker/topic
[feed.still]
source = sim:
rate = 0
[feed.none]
source = sim:
sim_symbols = 0
[feed.off]
enabled = false
END
for verb in "config check" up doctor; do
    code=1
    [ "$verb" = doctor ] && code=3 && mkdir -p k2-data
    # shellcheck disable=SC2086  # two words
    run $code env -u K2_HTTP_LISTEN k2 $verb --config never.ini
    cat out >>err
    for text in "journal.url is 's3://bucket'" "journal.partitions is 0" "journal.segment_bytes is 0B" \
        "sink.interval is 0s" "line 7: there is no configuration key sink.intervall" \
        "http.listen: '7420' is no address" "[feed.nothing]: source is not set" \
        "[feed.format]: format 'no-such' is not known" '[feed.calendar]: calendar: there is no calendar' \
        "[feed.speed]: speed is max" "[feed.date]: date is a session date" \
        "[feed.socket]: format must be named" "[feed.socket]: exchange must be given" "[feed.topic]: source 'kafka://" \
        "[feed.still]: rate is 1 to" "[feed.none]: sim_symbols is 1 to"; do
        has err "$text"
    done
    grep -q "feed.off" err && fail "a feed that is not enabled is no error of $verb"
done
rm -rf k2-data
run 1 k2 config check --config never.ini
has err "the configuration has 16 errors"

# What would be found out only when it is needed: who is told, who is asked, what is said, whom to trust.
echo no certificate >some.pem
cat >later.ini <<'END'
[alert]
webhook = hooks.example.com/T1
[feed.one]
source = ws:/stream.example.com/ws
recover = ftp://example.com/
[feed.two]
format = binance-json
source = wss://stream.example.com:port/ws
send = @subscribe.json
ca_file = missing.pem
recover = https:/api.example.com
speed = 2x
[feed.three]
format = asx-csv
exchange = ASX
source = tcp://127.0.0.1:9000
ca_file = some.pem
[feed.four]
source = trades.parquet
[feed.five]
source = trades
recover = some.pem
END
run 1 k2 config check --config later.ini
for text in "alert.webhook: a URL begins with http:// or https://" "[feed.one]: source 'ws:/...'" \
    "[feed.one]: recover 'ftp://...'" "[feed.two]: source: 'port' is no port" \
    "[feed.two]: send: " "[feed.two]: ca_file: " "[feed.two]: recover 'https:/...'" \
    "[feed.two]: exchange must be given" "[feed.two]: speed is of files" \
    "[feed.three]: format asx-csv is one of files" \
    "[feed.three]: ca_file: some.pem holds no certificate" "[feed.four]: source trades.parquet" \
    "[feed.five]: recover: some.pem is a file" "the configuration has 13 errors"; do
    has err "$text"
done
# Other ways to a source are addresses too, of the same kind.
cat >ways.ini <<'END'
[feed.bad]
format = binance-json
exchange = BINANCE
source = wss://stream.example.com/ws
urls = wss://other.example.com/ws stream.example.com
[feed.kinds]
format = binance-json
exchange = BINANCE
source = wss://stream.example.com/ws
urls = udp://239.1.1.1:9000
END
run 1 k2 config check --config ways.ini
has err "[feed.bad]: urls: 'stream.example.com'"
has err '[feed.kinds]: urls: the URLs of one source are of one kind'
has err 'the configuration has 2 errors'
printf '[alert]\nwebhook = https://hooks.example.com/T1\n[feed.one]\nsource = a\nrecover = late\n' >good.ini
run 0 k2 config check --config good.ini

run 1 env K2_HTTP_LISTEN=0.0.0.0:7420 k2 config check
has err "can be reached by other machines"
run 0 env K2_HTTP_LISTEN=0.0.0.0:7420 K2_HTTP_ALLOW_REMOTE=true k2 config check
run 0 env K2_HTTP_LISTEN=7420 K2_HTTP_ENABLED=false k2 config check
run 1 env K2_JOURNAL_URL=s3://b k2 up
has err "journal.url is 's3://b'"
[ ! -e k2-data ] || fail "a refused k2 up leaves a directory"

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
printf '[registry]\nurl = http://127.0.0.1:1\npassword = hidden-word\n' >written.ini
run 0 k2 config show --config written.ini --format csv
has out 'registry.password,***,file'
grep -q hidden-word out err && fail "a secret that was written out is shown"

# A key that cannot be read is one error, and not also a key of the wrong length.
printf '[journal]\nencryption_key = file:%s/nope\n' "$PWD" >nokey.ini
run 1 k2 config check --config nokey.ini
has err "there is no file"
! grep -q '64 hexadecimal' err || fail "$(cat err)"
finish
