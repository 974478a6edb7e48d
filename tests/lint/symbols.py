#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when the core's library calls what is not a computation: no I/O, no clock, no random.

Deny by default: what the core may call from outside itself is listed here. usage: symbols.py LIBRARY
"""
import re
import subprocess
import sys

ALLOWED = [
    # the base layer, less its clock and its source of random bytes
    r"(arena|buf|error|hash|heap|json|log|metric|metrics|pool|region|siphash\d*|sm|str|strv|url)_\w+|siphash\d+",
    r"time_(parse|format)_\w+|uuid_(v5_url|parse|format|is_nil|eq)",
    # the C library: memory, strings, sorting; snprintf computes a text
    r"malloc|calloc|realloc|free|abort|mem\w+|str\w+|bsearch|qsort|snprintf|vsnprintf",
    # assertions, and what compilers and sanitizers add
    r"__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__\w+_chk",
    r"__(asan|ubsan|lsan|sanitizer)_\w+|__(popcount|ctz|clz|mul|div|udiv)\w*",
]


def names(library, *options):
    said = subprocess.run(["nm", *options, library], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in said.stdout.splitlines() if len(line.split()) > 1}


def main():
    library = sys.argv[1]
    called = names(library, "--undefined-only") - names(library, "--defined-only")
    bad = sorted(n for n in called if not any(re.fullmatch(a, n) for a in ALLOWED))
    print("\n".join(f"the core may not call {name}" for name in bad) or f"ok: {len(called)} names")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
