#!/usr/bin/env bash
# k2-test: timeout=300
# Every command that a document shows can be run as it is printed. The blocks of one document that are
# marked ```sh run in order, in a directory of their own; ```python blocks among them too, where the
# judges' Python is. Other blocks (```console needs network, root or a build; ```text is output) are not
# run. A block that ends with anything but 0 fails.
tree=$(cd "$(dirname "$0")/../.." && pwd)
. "$tree/tests/support/e2e.sh"
python=$tree/.deps/venv/bin/python
export K2_BIN PYTHONPATH=$tree/clients/python

# The documents name the default port, which may be taken here: another one stands for it.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export K2_HTTP_LISTEN=127.0.0.1:$port

# script_of DOCUMENT: its blocks as one bash script that tells on stderr where it is.
script_of() {
    awk -v python="$([ -x "$python" ] && echo "$python")" '
        /^```(sh|python)$/ && !open {
            open = 1
            py = $0 == "```python"
            skip = py && python == ""
            if (!skip) printf "echo \"line %d\" >&2\n", NR
            if (py && !skip) printf "%s - <<\"END_OF_BLOCK\"\n", python
            next
        }
        /^```[a-z]*$/ && !open { open = 1; skip = 1; py = 0; next }
        /^```$/ && open {
            if (py && !skip) print "END_OF_BLOCK"
            open = py = skip = 0
            next
        }
        open && !skip
    ' "$1"
}

blocks=0
for document in "$tree"/README.md "$tree"/CONTRIBUTING.md "$tree"/docs/*.md "$tree"/docs/decisions/*.md; do
    name=${document#"$tree"/}
    script_of "$document" | sed "s/127\.0\.0\.1:7420/127.0.0.1:$port/g" >script
    [ -s script ] || continue
    blocks=$((blocks + $(grep -c '^echo "line' script)))
    rm -rf run_here
    mkdir run_here
    (cd run_here && timeout 120 bash -euo pipefail ../script) >out 2>err </dev/null ||
        fail "$name, block at $(grep '^line [0-9]*$' err | tail -n 1): $(tail -n 3 err)"
done
[ "$blocks" -gt 0 ] || fail "no block was found"
echo "$blocks blocks run"
finish
