#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Build a release, start a real Kafka and run the benches: tests/bench/run.sh --help. What the
# numbers mean: README.md. `tests/run.sh` fetches what this needs; so does this, if it is missing.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build-bench
logs=$build/log
kafka=${KAFKA:-4.3.1}

build_release() {
        local reconfigure=
        [ ! -e "$build/build.ninja" ] || reconfigure=--reconfigure
        CC=gcc meson setup $reconfigure "$build" "$root" --buildtype=release &&
                ninja -C "$build" -j "$(nproc)" bench
}

. "$root/tests/steps.sh"
mkdir -p "$logs" "$cache"
export PYTHONDONTWRITEBYTECODE=1
make_venv
fetch_kafka
must "release build" build_release
exec "$venv/bin/python" "$root/tests/bench/bench.py" --build "$build" \
        --kafka-libs "$kafka_libs" "$@"
