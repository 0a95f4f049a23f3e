#!/usr/bin/env bash
# Tries this tree in a fresh Debian 12 that has git and make and nothing else:
# what works only thanks to something on a developer's machine fails here.
# Needs root, debootstrap, and this machine's own Debian mirror.
#
# usage: tools/clean_room.sh WORK_DIR [COMMAND]     (default: make build)
#
# WORK_DIR/base.tar  the fresh system, made once; remove it to make it anew
# WORK_DIR/root      unpacked from it at every run, with the tree in /k2/main;
#                    K2_SHARED_DIR=DIR is put beside it, as /k2/shared
# The command runs twice: with the network, then without any, as it must work
# once everything has been fetched. KEEP=1 keeps the root of the last run and
# skips the first part (to try something again quickly).
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift
command=${*:-make build}
cd "$(dirname "$0")/.."
root=$work/root
base=$work/base.tar

say() { printf '\nclean room: %s\n' "$*"; }

# Only what leads to the network is taken over from the environment. Files
# with certificates get a place of their own: the packages that are installed
# later write theirs to the usual one.
keep=()
certs=()
while IFS='=' read -r name value; do
    case $name in
    SSL_CERT_FILE | *_CA_BUNDLE | PIP_CERT | NODE_EXTRA_CA_CERTS)
        [ -f "$value" ] || continue
        certs+=("$name=$value")
        keep+=("$name=/etc/clean-room/$name.pem") ;;
    *_proxy | *_PROXY | PIP_INDEX_URL | PIP_DEFAULT_TIMEOUT | npm_config_registry)
        keep+=("$name=$value") ;;
    esac
done < <(env)

# inside [--offline] SCRIPT: runs it in the root with mounts of its own, that
# vanish with it.
inside() {
    local net=()
    [ "$1" != --offline ] || { net=(--net); shift; }
    # shellcheck disable=SC2016  # expanded by the inner shell
    unshare --mount --pid --fork "${net[@]}" bash -c '
        set -e
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        root=$1 script=$2
        shift 2
        exec chroot "$root" /usr/bin/env -i "$@" CI=true LANG=C.UTF-8 HOME=/tmp/home \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash -c "$script"' - "$root" "$1" "${keep[@]}"
}

make_base() {
    local mirror
    # shellcheck disable=SC2016  # apt's own $(...)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        'Codename: bookworm' | head -n 1)
    say "debootstrap from this machine's mirror"
    rm -rf "$root"
    debootstrap --variant=minbase bookworm "$root" "$mirror" >"$work/debootstrap.log" 2>&1 || {
        tail "$work/debootstrap.log" >&2
        exit 1
    }
    take_network
    inside 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends git make >/dev/null && apt-get clean'
    tar -C "$root" -cf "$base.new" .
    mv "$base.new" "$base"
}

# Names, certificates and client settings: how this machine reaches packages.
take_network() {
    local file pair
    for pair in "${certs[@]}"; do
        install -D -m 644 "${pair#*=}" "$root/etc/clean-room/${pair%%=*}.pem"
    done
    for file in /etc/resolv.conf /etc/pip.conf; do
        [ ! -e $file ] || install -D -m 644 $file "$root$file"
    done
    # Settings of apt's transport only: others may call programs that are not there.
    for file in $(grep -ls '^Acquire' /etc/apt/apt.conf.d/* || true); do
        install -D -m 644 "$file" "$root$file"
    done
}

copy_tree() {
    mkdir -p "$root/k2/main" "$root/tmp/home"
    # What git would commit: neither .deps/ nor build/ comes along.
    git ls-files -z --cached --others --exclude-standard |
        tar --null --ignore-failed-read -T - -cf - 2>/dev/null |
        tar -C "$root/k2/main" --no-same-owner -xf -
    [ -z "${K2_SHARED_DIR-}" ] || cp -rL "$K2_SHARED_DIR" "$root/k2/shared"
}

if [ -z "${KEEP-}" ]; then
    [ -e "$base" ] || make_base
    rm -rf "$root"
    mkdir "$root"
    tar -C "$root" -xf "$base"
    take_network
    copy_tree
    say "with the network: $command"
    SECONDS=0
    inside "cd /k2/main && $command"
    say "took $SECONDS s"
fi
say "without a network: $command"
SECONDS=0
inside --offline "cd /k2/main && $command"
say "took $SECONDS s"
