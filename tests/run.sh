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
  --containers       deploy/Containerfile too, built and run (needs root; see tests/containers.sh)
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
long=false install=true debian13=false containers=false
filters=()
tidy= besides=()
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
                --containers) containers=true ;;
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

choose() { # folder, meson test options...: $names of the tests that the filters leave; false: none
        local folder=$1
        shift
        mapfile -t names < <(meson test -C "$folder" --list "$@" 2>/dev/null |
                sed -n 's/^[^:]*:[^:]* \/ //p' | matching)
        [ ${#names[@]} -gt 0 ]
}

chosen() { # folder, name of its record, meson test options...: run what was chosen
        local folder=$1 record=$2
        shift 2
        rm -f "$folder/meson-logs/$record.json"
        "${gently[@]}" meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "$record" \
                "$@" "${names[@]}" || true
}

judge() { # kind, record
        # shellcheck disable=SC2046 # two numbers
        count $("$root/tests/count.py" "$@")
}

meson_tests() { # folder, name of its record, meson test options...
        local folder=$1 record=$2 names gently=()
        shift 2
        choose "$folder" "$@" || return 0
        chosen "$folder" "$record" "$@"
        judge meson "$folder/meson-logs/$record.json"
}

# More than there are processors: some of them wait.
part_tests() {
        say "tests of the parts, and lint"
        meson_tests "$build/san" parts --no-suite tidy --num-processes $(($(nproc) + 1))
}

fuzz() {
        say "fuzzing: $fuzz_seconds s a target"
        meson_tests "$build/clang" fuzz --suite fuzz --timeout-multiplier 0 \
                --num-processes "$(nproc)" --test-args="-max_total_time=$fuzz_seconds"
}

# In a group of its own, which is interrupted when we end before it: $! is its number.
beside() { # log, command...
        local log=$1
        shift
        set -m
        "$@" >"$log" 2>&1 &
        set +m
        besides+=($!)
}

end_besides() {
        for group in "${besides[@]}"; do
                kill -INT -- "-$group" 2>/dev/null || true
        done
}

# clang-tidy needs ten minutes of a processor, and nobody waits for it: all the while it takes what
# the others leave, which is much, for the system tests mostly wait.
start_tidy() {
        local names gently=(chrt --idle 0)
        choose "$build/san" --suite tidy || return 0
        beside "$logs/tidy.log" chosen "$build/san" tidy --suite tidy
        tidy=$!
}

finish_tidy() {
        [ -n "$tidy" ] || return 0
        say "clang-tidy"
        wait "$tidy" || true
        cat "$logs/tidy.log"
        judge meson "$build/san/meson-logs/tidy.json"
}

system_half() { # name, pytest options and files...
        local name=$1 options=(--daemon-folder="$build/san/src" --kafka-libs="$kafka_libs"
                --logs="$logs/system/$1" --junit-xml="$logs/system-$1.xml")
        shift
        ! $long || options+=(--long)
        [ ${#filters[@]} -eq 0 ] || options+=(-k "$(or_of "${filters[@]}")")
        rm -rf "$logs/system/$name" "$logs/system-$name.xml"
        "$venv/bin/python" -m pytest -c "$root/tests/system/pytest.ini" "${options[@]}" "$@"
}

judge_half() { # name, exit status of its pytest
        case $2 in
        0 | 1) judge pytest "$logs/system-$1.xml" ;;
        5) [ ${#filters[@]} -gt 0 ] || count 0 1 ;; # nothing was chosen
        *) count 0 1 ;;                             # it did not come to its end
        esac
}

# By two processes, each with its broker: what is under load all the while, half of the time, and
# the rest, which mostly waits.
system_tests() {
        local status=0 all=$root/tests/system storms
        local files=("$all"/test_faults.py "$all"/test_group*.py)
        say "the daemon and a real Kafka $kafka"
        beside "$logs/system-storms.log" system_half storms "${files[@]}"
        storms=$!
        system_half others "${files[@]/#/--ignore=}" "$all" || status=$?
        judge_half others "$status"
        status=0
        wait "$storms" || status=$?
        cat "$logs/system-storms.log"
        judge_half storms "$status"
}

container_tests() {
        local said
        if ! $containers; then
                say "SKIPPED: the container image (tests/run.sh --containers)"
                return
        fi
        say "the container image"
        "$root/tests/containers.sh" | tee "$logs/containers.log" || true
        said=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/containers.log")
        # shellcheck disable=SC2086 # two numbers
        [ -z "$said" ] || count $said
}

or_of() { # a b c -> a or b or c
        local all=$1
        shift
        for word; do all="$all or $word"; done
        echo "$all"
}

run_all() {
        must "build with gcc and sanitizers" build_gcc || give_up
        start_tidy
        part_tests
        if [ ${#filters[@]} -eq 0 ]; then
                if ! must "build with clang" build_clang; then
                        count 0 1
                elif [ "$fuzz_seconds" -gt 0 ]; then
                        fuzz
                fi
        fi
        system_tests
        finish_tidy
        container_tests
        finish
}

. "$root/tests/steps.sh"
parse "$@"
if $debian13; then
        exec "$root/tests/debian13.sh" "$@"
fi
mkdir -p "$logs"
trap end_besides EXIT
if $install; then
        "$root/deploy/setup.sh" --tests || give_up
fi
exec </dev/null
export PATH="$PATH:$cache/bin" PYTHONDONTWRITEBYTECODE=1
mkdir -p "$cache"
make_venv || give_up
fetch_kafka || give_up
run_all
