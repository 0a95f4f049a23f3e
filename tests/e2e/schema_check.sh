#!/usr/bin/env bash
# k2 schema check: exit codes for CI, what it finds, and against what.
. "$(dirname "$0")/../support/e2e.sh"

record() { # record FIELDS: an Avro schema
    printf '{"type":"record","name":"Trade","fields":[%s]}\n' "$1"
}
base='{"name":"exchange_sequence_number","type":"long"},{"name":"exchange_timestamp","type":"long"}'
price='{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":9}}'
record "$base,$price" >v1.avsc
record "$base,$price,{\"name\":\"side\",\"type\":\"string\",\"default\":\"\"}" >v2.avsc
record "$base,$price,{\"name\":\"side\",\"type\":\"string\"}" >v3.avsc

# Good ones: alone, after files, from standard input.
run 0 k2 schema check v1.avsc
has err "v1.avsc is good"
run 0 k2 schema check v2.avsc --against v1.avsc --compatibility full
has err "v2.avsc may follow: FULL against 1 earlier version"
run 0 k2 schema check - --against v1.avsc --format json <v2.avsc
same "$(cat out)" "[]" "no findings are an empty list"

# The level decides: v3 follows v2, but not v1.
run 0 k2 schema check v3.avsc --against v1.avsc --against v2.avsc
run 3 k2 schema check v3.avsc --against v1.avsc --against v2.avsc --compatibility BACKWARD_TRANSITIVE
has out "READER_FIELD_MISSING_DEFAULT_VALUE"
has out "side"
has out "v1.avsc"
has err "v3.avsc has 1 finding"
run 3 k2 schema check v3.avsc --against v1.avsc --format json
has out '"path":"/fields/3"'
has out "in the new schema has no default value and is missing in the old schema"
run 0 k2 schema check v1.avsc --against v2.avsc --compatibility forward

# What market data needs.
record '{"name":"price","type":"double"}' >float.avsc
run 3 k2 schema check float.avsc
for rule in FLOAT_NUMBER NO_SEQUENCE NO_EXCHANGE_TIME; do has out $rule; done
run 0 k2 schema check float.avsc --no-lint
record "$base,${price/\"scale\":9/\"scale\":8}" >scale.avsc
run 3 k2 schema check scale.avsc --against v1.avsc
has out "SCALE_CHANGED"
has out "the scale was 9 and is 8"
record "$base,$price,{\"name\":\"side\",\"type\":\"string\",\"deprecated\":\"2026-09-01\"}" >dated.avsc
run 3 k2 schema check v1.avsc --against dated.avsc --today 2026-09-30
has out "it may go on 2026-10-01"
run 0 k2 schema check v1.avsc --against dated.avsc --today 2026-10-01

# A subject of the journal: all its versions, and the level of market data.
k2 simulate --seconds 1 --quiet >/dev/null
run 0 k2 schema list --format csv
subject=$(tail -n +2 out | cut -d , -f 1 | grep '^market\.' | head -n 1)
k2 schema show "$subject" >own.avsc
run 0 k2 schema check own.avsc --against "$subject"
has err "may follow: FULL_TRANSITIVE against"
run 3 k2 schema check v1.avsc --against "$subject"
has out "NAME_MISMATCH"
has out "$subject version 1"

# A column for every field, as registering it asks.
subject=market.ticks.sim-value
optional() { # optional NAME TYPE: the schema of trades with one field more
    k2 schema show "$subject" | sed "s/\"fields\":\[/&{\"name\":\"$1\",\"type\":[\"null\",$2],\"default\":null},/"
}
optional liquidation '{"type":"bytes","logicalType":"decimal","precision":38,"scale":20}' >wide.avsc
run 3 k2 schema check wide.avsc --against "$subject"
has out "NO_COLUMN"
has out "field liquidation is decimal(38,20), which no column of a table can hold"
run 1 k2 schema register "$subject" wide.avsc
has err "decimals have at most 18 digits before and 10 behind the point"
optional message_id_ '"string"' >both.avsc
run 3 k2 schema check both.avsc --against "$subject" --format json
has out "kept for a field message_id:"
run 1 k2 schema register "$subject" both.avsc
optional liquidation '"string"' >fits.avsc
run 0 k2 schema check fits.avsc --against "$subject"

# The other languages.
echo '{"type":"object","properties":{"id":{"type":"integer"}}}' >a.json
echo '{"type":"object","properties":{"id":{"type":"string"}}}' >b.json
run 3 k2 schema check b.json --against a.json
has out "TYPE_CHANGED"
printf 'syntax = "proto3";\nmessage T { int64 id = 1; }\n' >a.proto
printf 'syntax = "proto3";\nmessage T { string id = 1; }\n' >b.proto
run 3 k2 schema check b.proto --against a.proto
has out "FIELD_SCALAR_KIND_CHANGED"
printf 'import "a.proto";\nmessage U { optional T t = 1; }\n' >u.proto
run 3 k2 schema check u.proto
has err 'line 1: import "a.proto" is none of the references'
run 0 k2 schema check u.proto --reference a.proto=a.proto

# What is no schema, and wrong words.
echo '{"type":"recrd"}' >bad.avsc
run 3 k2 schema check bad.avsc
has err 'bad.avsc: not an Avro schema: at /: unknown type "recrd"'
run 1 k2 schema check none.avsc
run 1 k2 schema check v1.avsc --against no-such-subject
has err "there is neither a file nor a subject no-such-subject"
run 2 k2 schema check v1.avsc --compatibility FULLTRANSITIVE
has err "did you mean FULL_TRANSITIVE?"
run 2 k2 schema check v1.avsc --type thrift
run 2 k2 schema check v1.avsc --today tomorrow
run 2 k2 schema check
finish
