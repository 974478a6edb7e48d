#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Install what a build of crr-retry needs, and with --tests what its tests need too. Debian 12 and
# 13; as root, or as a user with sudo. A second run looks only, and needs no rights.
set -eu

usage() {
        cat <<USAGE
usage: deploy/setup.sh [--tests] [--list]
  --tests  also what tests/run.sh needs: a JRE, Maven, Python's venv, clang and its tools
  --list   print the packages that are missing, one a line, and install nothing
USAGE
}

debian_version() {
        if [ -r /etc/os-release ]; then
                sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release
        fi
}

build_packages() {
        echo gcc libc6-dev pkgconf meson ninja-build
        echo librdkafka-dev libuv1-dev libyajl-dev libcurl4-openssl-dev libssl-dev
        echo ca-certificates curl
        # Debian 12 has llhttp as the C sources of a Node.js package, 13 as a library.
        case $1 in
        12) echo node-llhttp ;;
        *) echo libllhttp-dev ;;
        esac
}

test_packages() {
        echo default-jre-headless maven python3-venv openssl procps iproute2
        echo clang clang-tidy clang-format
        # clang's sanitizers are named by version; promtool is a package of its own from 13 on.
        case $1 in
        12) echo libclang-rt-14-dev ;;
        *) echo promtool libclang-rt-19-dev ;;
        esac
}

is_installed() {
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_of() {
        for package; do
                is_installed "$package" || echo "$package"
        done
}

# sudo drops the environment: what leads apt to its mirror is handed on by name.
environment() {
        for name in http_proxy https_proxy ftp_proxy no_proxy all_proxy \
                HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY APT_CONFIG \
                SSL_CERT_FILE SSL_CERT_DIR; do
                if eval "[ -n \"\${$name:-}\" ]"; then
                        eval "printf '%s\n' \"$name=\$$name\""
                fi
        done
}

as_root() {
        if [ "$(id -u)" -eq 0 ]; then
                "$@"
        else
                old_ifs=$IFS
                IFS='
'
                # shellcheck disable=SC2046 # one word per line is what is wanted
                set -- $(environment) DEBIAN_FRONTEND=noninteractive "$@"
                IFS=$old_ifs
                # shellcheck disable=SC2086 # empty, or the one option
                sudo $sudo_options env "$@"
        fi
}

# May we become root? sudo asks for a password only where somebody can answer.
sudo_options=
can_install() {
        [ "$(id -u)" -ne 0 ] || return 0
        command -v sudo >/dev/null 2>&1 || return 1
        [ -t 0 ] || sudo_options=-n
        # shellcheck disable=SC2086 # empty, or the one option
        sudo $sudo_options true 2>/dev/null
}

# apt's long output is shown only when it fails.
apt() {
        said=$(mktemp)
        as_root apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" \
                </dev/null >"$said" 2>&1 && worked=true || worked=false
        $worked || tail -n 40 "$said" >&2
        rm -f "$said"
        $worked
}

install() {
        echo "setup: installing $*"
        apt update
        apt install --no-install-recommends "$@"
}

# On Debian 12 promtool lies in the package of Prometheus, which would start a server: only the
# program is taken out of it, into the user's cache.
promtool_in_cache() {
        cache=${HOME:-/root}/.cache/crr-retry/bin
        if command -v promtool >/dev/null 2>&1 || [ -x "$cache/promtool" ]; then
                return 0
        fi
        mkdir -p "$cache"
        unpacked=$(mktemp -d)
        (
                cd "$unpacked" &&
                        { apt-get -q download prometheus >/dev/null 2>&1 ||
                                { apt update && apt-get -q download prometheus >/dev/null; }; } &&
                        dpkg-deb -x prometheus_*.deb . &&
                        cp usr/bin/promtool "$cache/"
        ) && got=true || got=false
        rm -rf "$unpacked"
        $got
}

with_tests=false list_only=false
for option; do
        case $option in
        --tests) with_tests=true ;;
        --list) list_only=true ;;
        -h | --help)
                usage
                exit 0
                ;;
        *)
                usage >&2
                exit 2
                ;;
        esac
done

export DEBIAN_FRONTEND=noninteractive
if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "setup: this is not Debian. A build needs gcc, pkg-config, meson >= 1.0, ninja," >&2
        echo "setup: librdkafka >= 2.0, libuv >= 1.44, libcurl >= 7.85, yajl >= 2.1," >&2
        echo "setup: OpenSSL >= 3.0, llhttp >= 8.1" >&2
        exit 1
fi

version=$(debian_version)
wanted=$(build_packages "$version")
if $with_tests; then
        wanted="$wanted $(test_packages "$version")"
fi
# shellcheck disable=SC2086 # a list of words
missing=$(missing_of $wanted)

if $list_only; then
        [ -z "$missing" ] || echo "$missing"
elif [ -z "$missing" ]; then
        echo "setup: everything is there"
elif can_install; then
        # shellcheck disable=SC2086 # a list of words
        install $missing
else
        echo "setup: neither root nor sudo; please have these installed:" >&2
        # shellcheck disable=SC2086 # a list of words
        echo "  apt-get install --no-install-recommends" $missing >&2
        exit 1
fi
if $with_tests && ! $list_only && [ "$version" = 12 ]; then
        promtool_in_cache || echo "setup: no promtool; the test that needs it is skipped" >&2
fi
