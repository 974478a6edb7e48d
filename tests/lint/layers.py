#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when a file includes what its layer may not see. The tables ARE the architecture.

Deny by default: a header, a folder or a library that nobody listed is refused. With --headers
NAME..., fail also when an interface header is not in the build's list of headers.
"""
import argparse
import pathlib
import re
import sys

# layer: the layers whose include/crr/<layer>/ headers it may include
LAYERS = {
    "base": {"base"},
    "core": {"base", "core"},
    "kafka": {"base", "core", "kafka"},
    "client": {"base", "core", "client"},
    "http": {"base", "http"},
    "api": {"base", "core", "http", "api"},
    "daemon": {"base", "core", "kafka", "client", "http", "api", "daemon"},
    "demo": {"base", "core", "http", "demo"},
}

# header of a library: the layers that may include it
LIBRARIES = {
    "librdkafka/rdkafka.h": {"kafka", "demo"},
    "librdkafka/rdkafka_mock.h": {"kafka"},
    "llhttp.h": {"http"},
    "curl/curl.h": {"client"},
    "openssl/crypto.h": {"base"},
    "openssl/evp.h": {"base"},
    "openssl/hmac.h": {"base"},
    "openssl/sha.h": {"base"},
    "uv.h": {"kafka", "client", "http", "daemon", "demo"},
    "yajl/yajl_parse.h": {"base"},
}

# The C library: what computes only is for everybody; the rest would let core do I/O.
PURE = set("""assert ctype errno float inttypes limits math stdalign stdarg stdbool stddef stdint
              stdio stdlib string strings""".split())
SYSTEM = PURE | set("""arpa fcntl getopt ifaddrs locale malloc net netdb netinet poll pthread sched
                       signal stdatomic sys time unistd""".split())
C_LIBRARY = {layer: SYSTEM for layer in LAYERS} | {"core": PURE}

# Headers that stay inside: the dialects go through core/retry_service.h, the one door.
PRIVATE = {
    "core/failure_table.h": {"core"},
    "core/member.h": {"core", "kafka", "daemon"},
    "core/publisher.h": {"core", "kafka"},
    "core/log_reader.h": {"core", "kafka"},
}

INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')


def layer_of(path, root):
    top = "src" if path.is_relative_to(root / "src") else "include/crr"
    return path.relative_to(root / top).parts[0]


def is_allowed(name, layer, local):
    """May a file of `layer` include `name`? `local`: the layer's own private headers."""
    if name.startswith("crr/"):
        name = name.removeprefix("crr/")
        seen = name.split("/")[0] in LAYERS.get(layer, ())
        return seen and layer in PRIVATE.get(name, {layer})
    if name in LIBRARIES:
        return layer in LIBRARIES[name]
    if name in local:
        return True
    return name.split("/")[0].removesuffix(".h") in C_LIBRARY.get(layer, ())


def private_headers(root):
    """{layer: spellings by which the layer's files may include its private headers}"""
    found = {}
    for path in root.glob("src/**/*"):
        if path.suffix in (".h", ".def"):
            parts = path.relative_to(root / "src").parts
            for start in range(1, len(parts)):
                found.setdefault(parts[0], set()).add("/".join(parts[start:]))
    return found


def violations(root):
    private = private_headers(root)
    files = [p for top in ("src", "include") for p in (root / top).glob("**/*") if p.is_file()]
    for path in sorted(p for p in files if p.suffix in (".c", ".h", ".def")):
        layer = layer_of(path, root)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if found:
                name = found[2].removeprefix("../")
                if not is_allowed(name, layer, private.get(layer, ())):
                    yield f"{path.relative_to(root)}:{number}: {layer}/ may not include {found[2]}"


def unlisted(root, listed):
    for path in sorted((root / "include/crr").glob("**/*.h")):
        name = str(path.relative_to(root / "include/crr"))
        if name not in listed:
            yield f"{path.relative_to(root)}: not in the list of headers of src/*/meson.build"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("root", type=pathlib.Path)
    options.add_argument("--headers", nargs="*")
    arguments = options.parse_args()
    root = arguments.root.resolve()
    bad = list(violations(root))
    if arguments.headers is not None:
        bad += unlisted(root, set(arguments.headers))
    print("\n".join(bad) or "ok")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
