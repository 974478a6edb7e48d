#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# deploy/Containerfile, built by buildah and run: it runs without root and writes nothing, its health
# check tells, SIGTERM ends it. Registries are not needed: the image that it begins FROM is made by
# debootstrap, from the mirror of this machine's apt (MIRROR names another). As root; what it needs it
# installs. It is kept in /var/tmp (CRR_CONTAINERS names another folder), so that a second run is quick.
# Last line "N passed, N failed"; exit 77 when this machine cannot.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
place=${CRR_CONTAINERS:-/var/tmp/crr-retry-containers}
logs=$root/build/log/containers
base=localhost/debian:bookworm-slim
image=localhost/crr-retry
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
passed=0 failed=0 daemon= container=
. "$root/tests/mirror.sh"

skip() {
        echo "containers: SKIPPED: $*"
        exit 77
}

check() { # what, command...
        local what=$1
        shift
        if "$@" >>"$logs/checks.log" 2>&1; then
                passed=$((passed + 1))
                echo "ok      $what"
        else
                failed=$((failed + 1))
                echo "FAILED  $what (see $logs)"
        fi
}

end() {
        [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
        [ -z "$container" ] || buildah rm "$container" >/dev/null 2>&1 || true
        echo "$passed passed, $failed failed"
}

install_tools() {
        command -v buildah >/dev/null && command -v debootstrap >/dev/null && command -v crun >/dev/null ||
                apt-get install -q -y --no-install-recommends buildah debootstrap crun </dev/null \
                        >"$logs/install.log" 2>&1
}

make_base() {
        local mirror=${MIRROR:-$(mirror_of_apt)} made
        buildah inspect --type image "$base" >/dev/null 2>&1 && return 0
        [ -n "$mirror" ] || return 1
        if [ ! -e "$place/root/.done" ]; then
                rm -rf "$place/root"
                debootstrap --variant=minbase --include=ca-certificates bookworm "$place/root" "$mirror" \
                        >"$logs/debootstrap.log" 2>&1 || return 1
                copy_access "$place/root"
                touch "$place/root/.done"
        fi
        made=$(buildah from scratch)
        buildah add -q "$made" "$place/root" / && buildah commit -q "$made" "$base" && buildah rm "$made"
} >>"$logs/base.log" 2>&1

build_image() {
        buildah bud "${limits[@]}" --format docker --pull=never --network host \
                -f "$root/deploy/Containerfile" -t "$image" "$root" >"$logs/build.log" 2>&1
}

inside() { buildah run "$container" -- "$@"; }

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

is_healthy() { inside env "CRR_HTTP__LISTEN=127.0.0.1:$port" crr-retryd healthcheck; }

becomes_healthy() {
        local tries
        for tries in $(seq 60); do
                is_healthy && return 0
                sleep 0.5
        done
        return 1
}

has_no_root() { [ "$(inside id -u)" = 65534 ]; }
writes_nothing() { [ -z "$(inside find / -xdev -user 65534 -not -path '/proc/*' 2>/dev/null)" ]; }
has_a_health_check() { buildah inspect --type image "$image" | grep -q '"healthcheck"'; }

stops() { # the daemon itself: the children of buildah do not hear of a signal to it
        local pid
        pid=$(pgrep -f "^crr-retryd .*127.0.0.1:$port" | tail -n 1)
        kill -TERM "$pid" && wait "$daemon"
        daemon=
}

[ "$(id -u)" -eq 0 ] || skip "not root"
mkdir -p "$place" "$logs"
install_tools || skip "buildah cannot be installed, see $logs/install.log"
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/g"\nrunroot = "%s/r"\n' "$place" "$place" >"$place/storage.conf"
export CONTAINERS_STORAGE_CONF=$place/storage.conf BUILDAH_ISOLATION=chroot
make_base || skip "no base image can be made, see $logs"
trap end EXIT
check "the image is built" build_image
container=$(buildah from "${limits[@]}" --pull=never "$image")
port=$(free_port)
check "it runs without root" has_no_root
check "the health check is in the image" has_a_health_check
check "a daemon that is not there is not healthy" eval '! is_healthy'
inside env "CRR_HTTP__LISTEN=127.0.0.1:$port" crr-retryd --set kafka.embedded=true \
        --set "http.listen=127.0.0.1:$port" >"$logs/daemon.log" 2>&1 &
daemon=$!
check "it becomes healthy" becomes_healthy
check "it writes nothing" writes_nothing
check "SIGTERM ends it" stops
[ "$failed" -eq 0 ]
