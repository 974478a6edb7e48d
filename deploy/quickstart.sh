#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Install what a build needs, build, and run crr-retryd on an embedded broker with a played pipeline beside it, in
# the foreground. Ctrl-C ends both. Debian 12 and 13; as root, or as a user with sudo. The second run is quick.
set -euo pipefail

usage() {
        cat <<USAGE
usage: deploy/quickstart.sh [options]
  --backbeat      play a Backbeat pipeline: failures come by its topics, retries are made from its metadata
  --port PORT     of the HTTP listener (default 8900; 0: any)
  --count N       failures that the demo writes (default 10000)
  --check         run the three curl lines too, end, and say whether they did what they should
  --no-install    take the packages as they are
USAGE
}

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-quickstart
log=$build/crr-retryd.log
port=8900 count=10000 check=false install=true backbeat=false
daemon= demo= source=

while [ $# -gt 0 ]; do
        case $1 in
        --port | --count)
                [ $# -gt 1 ] || { usage >&2; exit 2; }
                if [ "$1" = --port ]; then port=$2; else count=$2; fi
                shift
                ;;
        --check) check=true ;;
        --backbeat) backbeat=true ;;
        --no-install) install=false ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
        esac
        shift
done

end() { # by their pids; the demo first, so that it does not miss its broker
        trap - INT TERM EXIT
        for pid in $demo $daemon $source; do
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
                if [ $tries -gt 200 ] || ! kill -0 ${daemon:-$source} 2>/dev/null; then
                        tail -n 3 "$log" >&2 || true
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

# What the demo's generator makes first, with its default seed.
key='2026/04/models-00000000.bin'
version=958ba2b606585049
daemon_words=() demo_words=(--count "$count")

# The store whose metadata retries are made from; what it serves follows from the seed and the count.
start_source() {
        demo_words+=(--format backbeat)
        "$build/src/demo/crr-demo" "${demo_words[@]}" --no-producer --no-mover \
                --metadata-listen 127.0.0.1:0 2>"$build/source.log" &
        source=$!
        wait_for "the source" grep -q 'metadata at http' "$build/source.log"
        daemon_words+=(--set retry.payload=backbeat --set topics.status=backbeat-replication-status
                --set topics.intake=backbeat-replication-failed,backbeat-replication-status
                --set "source.url=$(sed -n 's/.*metadata at \(http[^ ]*\).*/\1/p' "$build/source.log")")
        version=393832313931393530393339393830303030303052473030312020372e30
}

trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if $backbeat; then start_source; fi
"$build/src/daemon/crr-retryd" --set kafka.embedded=true --set "http.listen=127.0.0.1:$port" "${daemon_words[@]}" 2>"$log" &
daemon=$!
wait_for "the listener" has_said url listening
url=$(said url listening)
wait_for "readiness" "$build/src/daemon/crr-retryd" healthcheck "$url"
bootstrap=$(said bootstrap embedded_broker)
"$build/src/demo/crr-demo" --bootstrap "$bootstrap" "${demo_words[@]}" &
demo=$!

object="models/$key?versionId=$version"
wait_for "the first failure" sh -c "curl -s '$url/_/crr/failed/$object' | grep -q ceph-dr"

lines=(
        "curl -s '$url/_/crr/failed?sitename=ceph-dr&max-keys=3'"
        "curl -s '$url/_/crr/failed/$object'"
        "curl -s '$url/_/crr/failed' -d '[{\"Bucket\":\"models\",\"Key\":\"$key\",\"VersionId\":\"$version\",\"StorageClass\":\"ceph-dr\"}]'"
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
