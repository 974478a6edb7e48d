# SPDX-License-Identifier: Apache-2.0
#
# Sourced by run.sh and bench/run.sh: steps that are said and logged, and what is fetched once and
# kept. Wants $root, $logs (a folder) and $kafka (a version); sets $venv and $kafka_libs.

cache=${HOME:-/tmp}/.cache/crr-retry

say() { printf '== %s\n' "$*"; }

# A step that must work for the rest to make sense: its output is kept, and shown when it fails.
must() { # name, command...
        local name=$1 start=$SECONDS
        shift
        say "$name"
        if ! "$@" >"$logs/${name// /-}.log" 2>&1; then
                tail -n 60 "$logs/${name// /-}.log"
                say "$name: failed, see $logs/${name// /-}.log"
                return 1
        fi
        say "$name: $((SECONDS - start)) s"
}

make_venv() {
        local mark
        mark=$(cksum <"$root/tests/system/requirements.txt" | cut -d' ' -f1)
        venv=$cache/venv-$(python_version)-$mark
        [ ! -e "$venv/.done" ] || return 0
        rm -rf "$venv"
        must "Python packages" create_venv
}

python_version() { /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

create_venv() {
        /usr/bin/python3 -m venv "$venv" &&
                "$venv/bin/pip" install --disable-pip-version-check --quiet \
                        -r "$root/tests/system/requirements.txt" &&
                touch "$venv/.done"
}

fetch_kafka() {
        kafka_libs=$cache/kafka-$kafka
        [ ! -e "$kafka_libs/.done" ] || return 0
        rm -rf "$kafka_libs"
        must "Apache Kafka $kafka" copy_jars
}

copy_jars() {
        mvn -q -B -f "$root/tests/system/pom.xml" -Dkafka.version="$kafka" \
                -DoutputDirectory="$kafka_libs" dependency:copy-dependencies &&
                touch "$kafka_libs/.done"
}
