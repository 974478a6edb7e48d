#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Install what a build needs, build, and run crr-retryd on an embedded broker with a played pipeline beside it, in
# the foreground. Ctrl-C ends both. Debian 12 and 13; as root, or as a user with sudo. The second run is quick.
set -euo pipefail

usage() {
        cat <<USAGE
usage: deploy/quickstart.sh [options]
  --port PORT     of the HTTP listener (default 8900; 0: any)
  --count N       failures that the demo writes (default 10000)
  --check         run the three curl lines too, end, and say whether they did what they should
  --no-install    take the packages as they are
USAGE
}

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-quickstart
log=$build/crr-retryd.log
port=8900 count=10000 check=false install=true
daemon= demo=

while [ $# -gt 0 ]; do
        case $1 in
        --port | --count)
                [ $# -gt 1 ] || { usage >&2; exit 2; }
                if [ "$1" = --port ]; then port=$2; else count=$2; fi
                shift
                ;;
        --check) check=true ;;
        --no-install) install=false ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
        esac
        shift
done

end() { # by their pids; the demo first, so that it does not miss its broker
        trap - INT TERM EXIT
        for pid in $demo $daemon; do
                kill "$pid" 2>/dev/null || true
                wait "$pid" 2>/dev/null || true
        done
}

# The value of a field in the first line of an event: field event
said() { sed -n "s/.* event=$2 \(.* \)\{0,1\}$1=\([^ ]*\).*/\2/p" "$log" | head -n 1; }

wait_for() { # what, command...: within 20 s
        local what=$1 tries=0
        shift
        until "$@" >/dev/null 2>&1; do
                tries=$((tries + 1))
                if [ $tries -gt 200 ] || ! kill -0 "$daemon" 2>/dev/null; then
                        echo "quickstart: $what did not come; the log is $log" >&2
                        exit 1
                fi
                sleep 0.1
        done
}

has_said() { [ -n "$(said "$1" "$2")" ]; }

if $install; then "$root/deploy/setup.sh"; fi
if [ ! -e "$build/build.ninja" ]; then
        meson setup "$build" "$root" --buildtype=release -Dtests=false >/dev/null
fi
echo "quickstart: building in $build"
if ! ninja -C "$build" src/daemon/crr-retryd src/demo/crr-demo >"$build/build.log"; then
        tail -n 40 "$build/build.log" >&2
        exit 1
fi

trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$build/src/daemon/crr-retryd" --set kafka.embedded=true --set "http.listen=127.0.0.1:$port" 2>"$log" &
daemon=$!
wait_for "the listener" has_said url listening
url=$(said url listening)
wait_for "readiness" "$build/src/daemon/crr-retryd" healthcheck "$url"
bootstrap=$(said bootstrap embedded_broker)
"$build/src/demo/crr-demo" --bootstrap "$bootstrap" --count "$count" &
demo=$!

# What the demo's generator makes first, with its default seed.
object='models/2026/04/models-00000000.bin?versionId=958ba2b606585049'
wait_for "the first failure" sh -c "curl -s '$url/_/crr/failed/$object' | grep -q ceph-dr"

lines=(
        "curl -s '$url/_/crr/failed?sitename=ceph-dr&max-keys=3'"
        "curl -s '$url/_/crr/failed/$object'"
        "curl -s '$url/_/crr/failed' -d '[{\"Bucket\":\"models\",\"Key\":\"2026/04/models-00000000.bin\",\"VersionId\":\"958ba2b606585049\",\"StorageClass\":\"ceph-dr\"}]'"
)
cat <<TEXT

crr-retryd runs: $url   (log: $log)
  ready?    $url/_/ready
  metrics   $url/metrics
  broker    $bootstrap (embedded; everything is lost at the end)

Failures of one site, one object's failures, a retry of it:

  ${lines[0]}
  ${lines[1]}
  ${lines[2]}

Ctrl-C ends it.
TEXT

expect() { # line, pattern
        local answer
        answer=$(sh -c "$1")
        if printf '%s' "$answer" | grep -q "$2"; then return 0; fi
        echo "quickstart: unexpected answer: $answer" >&2
        echo "quickstart: of: $1" >&2
        exit 1
}

if $check; then
        expect "${lines[0]}" '"IsTruncated":true,"NextMarker":[0-9]*,"Versions":\[{"Bucket"'
        expect "${lines[1]}" '"Versions":\[{"Bucket":"models"'
        expect "${lines[2]}" '"ReplicationStatus":"PENDING"}\]$'
        expect "${lines[1]}" '"Versions":\['
        echo "quickstart: the three lines work"
        exit 0
fi
wait "$daemon"
