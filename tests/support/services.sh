# shellcheck shell=bash
# What the scripts in tests/services share, with all of e2e.sh; sourced, not run. The servers are those of
# tools/services.sh, with their data in the scratch directory; they are killed when the script ends.
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
services=$tree/tools/services.sh
export K2_RDKAFKA=${K2_RDKAFKA:-$tree/.deps/kafka/lib}
servers=() # each "KIND DIR"

# shellcheck disable=SC2154 # scratch is made by e2e.sh
end_servers() {
    local server
    for server in "${servers[@]}"; do "$services" kill "${server%% *}" "${server#* }"; done
    rm -rf "$scratch"
}
trap end_servers EXIT

# needs PART...: the script is skipped where one of them was not installed.
needs() {
    local part
    for part; do
        [ -e "$tree/.deps/services/$part/complete" ] || {
            echo "skipped: there is no $part here; make test-services fetches it"
            exit 77
        }
    done
}

# serve KIND DIR: starts it in $scratch/DIR; its address goes to $address.
# shellcheck disable=SC2034 # for the script
serve() {
    servers+=("$1 $scratch/$2")
    address=$("$services" start "$1" "$scratch/$2") || exit 1
}
