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

# The first mirror in apt's lists that carries this machine's own release.
mirror_of_apt() {
        local codename
        codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
        {
                cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
                        sed -n 's/^deb \(\[[^]]*\] \)*//p'
                cat /etc/apt/sources.list.d/*.sources 2>/dev/null | stanzas
        } | awk -v codename="$codename" '$1 ~ /^https?:/ && $2 == codename { print $1; exit }'
}

# deb822 stanzas on stdin -> "URI SUITE" lines
stanzas() {
        awk 'function done() { if (uri != "") print uri, first; uri = first = "" }
             /^URIs:/ { uri = $2 } /^Suites:/ { first = $2 } /^$/ { done() } END { done() }'
}

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

# What this machine needs to reach its mirrors, the other system needs too.
copy_access() {
        local file
        for file in /etc/resolv.conf /etc/hosts /etc/pip.conf "$HOME/.m2/settings.xml"; do
                [ ! -e "$file" ] || install -D -m 644 "$file" "$system/${file/#$HOME//root}"
        done
        for file in /etc/apt/apt.conf.d/*proxy* /usr/local/share/ca-certificates/*; do
                [ ! -f "$file" ] || install -D -m 644 "$file" "$system/$file"
        done
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
if ! { make_system && copy_access && copy_tree; }; then
        echo "0 passed, 1 failed"
        exit 1
fi
CRR_DEBIAN13_INSIDE=yes exec unshare --mount --propagation private "$0" "${arguments[@]}"
