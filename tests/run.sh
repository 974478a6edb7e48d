#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Install what is missing, build, run every test that is not long, and end with one line
# "N passed, N failed". Nothing is read from standard input. What the tests wrote lies in build/log.
set -euo pipefail

usage() {
        cat <<USAGE
usage: tests/run.sh [options] [filter...]
  --long             the long fault tests too (about half an hour)
  --fuzz SECONDS     fuzz each target so long (default 10; 0: only replay the corpora)
  --kafka VERSION    against this Apache Kafka (default $kafka; 3.9.2 is known to work)
  --debian13         everything in a fresh Debian 13 instead (needs root; see tests/debian13.sh)
  --no-install       take the packages as they are
  filter             only tests whose name contains one of these; no second compiler, no fuzzing
USAGE
}

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build
logs=$build/log
kafka=4.3.1
fuzz_seconds=10
long=false install=true debian13=false
filters=()
passed=0 failed=0

need_value() { # option, value...: the value must be there
        if [ $# -lt 2 ]; then
                echo "$1 needs a value" >&2
                usage >&2
                exit 2
        fi
}

parse() {
        while [ $# -gt 0 ]; do
                case $1 in
                --long) long=true ;;
                --fuzz) need_value "$@" && fuzz_seconds=$2 && shift ;;
                --kafka) need_value "$@" && kafka=$2 && shift ;;
                --debian13) debian13=true ;;
                --no-install) install=false ;;
                -h | --help) usage && exit 0 ;;
                -*) usage >&2 && exit 2 ;;
                *) filters+=("$1") ;;
                esac
                shift
        done
}

count() { # passed, failed
        passed=$((passed + $1))
        failed=$((failed + $2))
}

finish() {
        echo "$passed passed, $failed failed"
        [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
        exit
}

give_up() { # what must work did not
        count 0 1
        finish
}

# --- building ------------------------------------------------------------------------------------

compile() { # folder, meson options...
        local folder=$1 reconfigure=
        shift
        [ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
        meson setup $reconfigure "$folder" "$root" -Dwerror=true \
                -Db_sanitize=address,undefined -Db_lundef=false "$@" &&
                ninja -C "$folder" -j "$(nproc)"
}

build_gcc() { CC=gcc compile "$build/san"; }
build_clang() { CC=clang compile "$build/clang" -Dfuzz=true; }

# --- testing -------------------------------------------------------------------------------------

matching() { # names on stdin -> those that contain a filter, all when there is none
        if [ ${#filters[@]} -eq 0 ]; then
                cat
        else
                grep -F "${filters[@]/#/-e}" || true
        fi
}

meson_tests() { # folder, meson test options...
        local folder=$1 names
        shift
        mapfile -t names < <(meson test -C "$folder" --list "$@" 2>/dev/null |
                sed -n 's/^[^:]*:[^:]* \/ //p' | matching)
        [ ${#names[@]} -gt 0 ] || return 0
        rm -f "$folder/meson-logs/testlog.json"
        meson test -C "$folder" --no-rebuild --num-processes "$(nproc)" --print-errorlogs \
                "$@" "${names[@]}" || true
        # shellcheck disable=SC2046 # two numbers
        count $("$root/tests/count.py" meson "$folder/meson-logs/testlog.json")
}

fuzz() {
        say "fuzzing: $fuzz_seconds s a target"
        meson_tests "$build/clang" --suite fuzz --timeout-multiplier 0 \
                --test-args="-max_total_time=$fuzz_seconds"
}

system_tests() {
        local options=(--daemon-folder="$build/san/src" --kafka-libs="$kafka_libs"
                --logs="$logs/system" --junit-xml="$logs/system.xml")
        ! $long || options+=(--long)
        [ ${#filters[@]} -eq 0 ] || options+=(-k "$(or_of "${filters[@]}")")
        rm -rf "$logs/system" "$logs/system.xml"
        "$venv/bin/python" -m pytest -c "$root/tests/system/pytest.ini" "${options[@]}" "$root/tests/system" || true
        # shellcheck disable=SC2046 # two numbers
        count $("$root/tests/count.py" pytest "$logs/system.xml")
}

or_of() { # a b c -> a or b or c
        local all=$1
        shift
        for word; do all="$all or $word"; done
        echo "$all"
}

run_all() {
        must "build with gcc and sanitizers" build_gcc || give_up
        say "tests of the parts, and lint"
        meson_tests "$build/san"
        if [ ${#filters[@]} -eq 0 ]; then
                if ! must "build with clang" build_clang; then
                        count 0 1
                elif [ "$fuzz_seconds" -gt 0 ]; then
                        fuzz
                fi
        fi
        say "the daemon and a real Kafka $kafka"
        system_tests
        finish
}

. "$root/tests/steps.sh"
parse "$@"
if $debian13; then
        exec "$root/tests/debian13.sh" "$@"
fi
mkdir -p "$logs"
if $install; then
        "$root/deploy/setup.sh" --tests || give_up
fi
exec </dev/null
export PATH="$PATH:$cache/bin" PYTHONDONTWRITEBYTECODE=1
mkdir -p "$cache"
make_venv || give_up
fetch_kafka || give_up
run_all
