# shellcheck shell=bash
# A k2 of tomorrow, for tests of what today's does beside it: the same tree with one field more in trades, "rumour",
# which asx-csv fills with "up" in rows that have a venue. Sourced, behind e2e.sh or services.sh. It is built beside the
# program under test and kept there, so that the next test builds only what changed. Its path goes to $newer.
build_newer() {
    local src=${K2_SOURCE:?} home line
    home=$(cd "$(dirname "$K2_BIN")/.." && pwd)/newer
    mkdir -p "$home"
    exec 9>"$home/lock"
    flock 9
    rm -rf "$home/next"
    mkdir "$home/next"
    cp -rp "$src"/{src,cmake,include,tests,CMakeLists.txt,CMakePresets.json,VERSION} "$home/next/"
    echo 'K2_FIELD(99, rumour, STR, OPT, PAYLOAD, "what they say")' >>"$home/next/src/codec/trade.def"
    line='t->venue = feed_intern(a->in, &a->venue_id, f[5]);'
    grep -qF -- "$line" "$home/next/src/feed/rows/asx_csv.c" ||
        fail "asx_csv.c sets the venue otherwise now: mend tests/support/newer.sh"
    sed -i "s/\(t->venue = feed_intern(.*\)/{ \1 if (t->venue) t->rumour = k2_intern(a->in, K2_SV(\"up\")); }/" \
        "$home/next/src/feed/rows/asx_csv.c"
    # Files that are as they were keep their time.
    mkdir -p "$home/tree"
    (cd "$home/next" && find . -type f) | while read -r file; do
        cmp -s "$home/next/$file" "$home/tree/$file" ||
            { mkdir -p "$(dirname "$home/tree/$file")" && cp "$home/next/$file" "$home/tree/$file"; }
    done
    (cd "$home/tree" && find . -type f) | while read -r file; do
        [ -e "$home/next/$file" ] || rm -f "$home/tree/$file"
    done
    cmake -S "$home/tree" -B "$home/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DK2_TESTS=OFF \
        -DK2_DUCKDB_ROOT="$src/.deps/duckdb" -DK2_RDKAFKA_ROOT="$src/.deps/kafka" >newer.log 2>&1 ||
        { tail -n 20 newer.log; fail "cmake"; exit 1; }
    ninja -C "$home/build" k2 >newer.log 2>&1 || { tail -n 30 newer.log; fail "build"; exit 1; }
    exec 9>&-
    # shellcheck disable=SC2034 # for the script
    newer=$home/build/bin/k2
}
