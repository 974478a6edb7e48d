#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/run.sh inside a Debian 13 made by debootstrap: the same options, the same last line. The
# system is kept in /var/tmp (CRR_DEBIAN13 names another folder), so that a second run is quick. Its
# mirror is the one of this machine's own apt (MIRROR names another).
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
system=${CRR_DEBIAN13:-/var/tmp/crr-retry-debian13}
suite=trixie
. "$root/tests/mirror.sh"

make_system() {
        local mirror=${MIRROR:-$(mirror_of_apt)}
        [ ! -e "$system/.done" ] || return 0
        if [ -z "$mirror" ]; then
                echo "debian13: no mirror found in apt's lists; please say MIRROR=http://..." >&2
                return 1
        fi
        command -v debootstrap >/dev/null ||
                apt-get install -q -y --no-install-recommends debootstrap </dev/null
        echo "== Debian 13 from $mirror"
        rm -rf "$system"
        debootstrap --variant=minbase --include=ca-certificates "$suite" "$system" "$mirror" \
                >"$root/build/log/debootstrap.log" 2>&1 ||
                { tail -n 20 "$root/build/log/debootstrap.log" && return 1; }
        touch "$system/.done"
}

copy_tree() {
        rm -rf "$system/src"
        mkdir "$system/src"
        tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$system/src" -xf -
}

# Runs in a mount space of its own: whatever happens, nothing stays mounted.
run_inside() {
        local name pass=()
        for name in proc sys dev; do
                mount --rbind "/$name" "$system/$name"
        done
        for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY \
                PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS MAVEN_OPTS; do
                [ -z "${!name:-}" ] || pass+=("$name=${!name}")
        done
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "${pass[@]}" \
                chroot "$system" /bin/sh -c \
                'update-ca-certificates >/dev/null 2>&1; exec /src/tests/run.sh "$@"' sh "$@"
}

arguments=()
for argument; do
        [ "$argument" = --debian13 ] || arguments+=("$argument")
done

if [ "${CRR_DEBIAN13_INSIDE:-}" = yes ]; then
        run_inside "${arguments[@]}"
fi
if [ "$(id -u)" -ne 0 ]; then
        echo "debian13: debootstrap and chroot need root" >&2
        echo "0 passed, 1 failed"
        exit 1
fi
mkdir -p "$root/build/log"
if ! { make_system && copy_access "$system" && copy_tree; }; then
        echo "0 passed, 1 failed"
        exit 1
fi
CRR_DEBIAN13_INSIDE=yes exec unshare --mount --propagation private "$0" "${arguments[@]}"
