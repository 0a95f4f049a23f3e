# shellcheck shell=bash
# A local venue (venue_server.py) and a k2 up beside it, for the scripts in tests/e2e; sourced behind e2e.sh. Both are
# ended with the script: $server and $up are their process ids.
# shellcheck disable=SC2154  # scratch, tree: e2e.sh and the script
server='' up=''
clean() {
    [ -n "$server" ] && kill "$server" 2>/dev/null
    [ -n "$up" ] && kill -KILL "$up" 2>/dev/null
    wait
    rm -rf "$scratch"
}
trap clean EXIT

port() { python3 -c 'import json,sys; print(json.load(open("ports"))[sys.argv[1]])' "$1"; }
venue() { # venue WORDS...: the server, until its ports are open
    rm -f ports
    python3 "$tree/tests/support/venue_server.py" "$@" --ports ports >server.out &
    server=$!
    until_true test -e ports
}
