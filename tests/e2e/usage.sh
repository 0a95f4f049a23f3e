#!/usr/bin/env bash
# What a user types wrong: exit code 2, one line that says what, and the nearest right word.
. "$(dirname "$0")/../support/e2e.sh"

wrong() { # wrong TEXT WORDS...
    local text=$1
    shift
    run 2 k2 "$@"
    has err "$text"
    same "$(wc -c <out)" 0 "nothing on stdout of: k2 $*"
}

wrong "did you mean ingest?" ingst
wrong "there is no command 'zzzzzz'" zzzzzz
wrong "k2 topic: there is no command 'tial'; did you mean tail?" topic tial
wrong "did you mean --format?" query --fromat csv "SELECT 1"
wrong "did you mean csv?" query --format cvs "SELECT 1"
wrong "k2 query --help tells more" query --format cvs "SELECT 1"
wrong "--param needs a value" query "SELECT 1" --param
wrong "--out needs a value" query "SELECT 1" --out --explain
wrong "--explain takes no value" query "SELECT 1" --explain=yes
wrong "there is no option -z" query -z
wrong "one word too many" query "SELECT 1" "SELECT 2"
wrong "--param takes name=value" query "SELECT 1" --param x
wrong "--as-of" query "SELECT 1" --as-of "whenever"
wrong "table@snapshot" query "SELECT 1" --as-of "trades@x"
wrong "--tz takes a zone" query "SELECT 1" --as-of now --tz Mars/Olympus
wrong "--timeout takes a span" query "SELECT 1" --timeout soon
wrong "--memory-limit takes a size" query "SELECT 1" --memory-limit 4gigs
wrong "give the SQL or -f FILE" query "SELECT 1" -f x.sql
wrong "the SQL is empty" query "  "
wrong "it is not meant as one, write -- in front of it" query --zzzzzz
wrong ".parquet" query "SELECT 1" --out x.xyz
wrong "does not end in" query "SELECT 1" --out x.xyz
wrong "something is missing" ingest
wrong "did you mean asx-csv?" ingest asx-cvs
wrong "no SOURCE behind the format" ingest asx-csv
wrong "name it" ingest -
wrong "--date takes a session date" ingest --date 2014-02-30 x.csv
wrong "--symbols takes a whole number" simulate --symbols many
wrong "--symbols must be at least 1" simulate --symbols 0
wrong "--symbols is at most 10000" simulate --symbols 10001
wrong "--rate takes a number" simulate --rate nan
wrong "--rate and --seconds are above 0" simulate --rate 0
wrong "--gaps takes a probability" simulate --gaps 1.5
wrong "--seconds takes a number" simulate --seconds 1e400
wrong "--print cannot write" simulate --print parquet
wrong "did you mean asx-csv?" feed show asx-scv
wrong "there is no command 'shov'; did you mean show?" help feed shov
wrong "'x' is one word too many: k2 init" init x
grep -q ' $' err && fail "a blank at the end of: $(head -n 1 err)"
[ ! -e k2-data ] || fail "a wrong command line made a data directory"

# A directory that holds nothing yet is no wrong usage.
run 1 k2 sink --once
has err "holds no journal"
run 1 k2 topic list
run 1 k2 table list
run 1 k2 reconcile
run 1 k2 quarantine list
run 0 k2
has out "k2 simulate"
[ ! -e k2-data ] || fail "reading made a data directory"

# Configuration.
run 0 k2 config check
run 1 k2 config check --config missing.ini
run 0 env K2_SINK_INTERVAL=5s k2 config show --format csv
has out "sink.interval,5s,environment,K2_SINK_INTERVAL"
printf '[sink]\nintervall = 5s\n' >wrong.ini
run 1 k2 config check --config wrong.ini
has err "sink.interval"
printf '[sink]\ninterval = 7s\n' >good.ini
run 0 k2 --config good.ini config show --format json
has out '"key":"sink.interval","value":"7s","origin":"file"'

# Where options may stand, and the data directory's three sources.
run 0 k2 --data a init
run 0 k2 init --data=b
run 0 env K2_DATA=c k2 init
for d in a b c; do [ -e $d/catalog.db ] || fail "no $d/catalog.db"; done
run 0 k2 init --data a
run 0 k2 --log-format json init --data a
has err '"event":"note"'
run 0 k2 --quiet init --data a
same "$(wc -c <err)" 0 "--quiet is quiet"

# SQL may begin with a comment: a word with a blank in it is no option.
run 0 k2 --data a query $'-- all of them\nSELECT 41 + 1 AS n' --format csv
has out 42
run 0 k2 --data a query --format csv -- $'--all\nSELECT 6 * 7 AS n'
has out 42
run 0 k2 --version
has out "k2 "
finish
