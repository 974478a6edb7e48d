#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when clang-format would change a file, or has wrapped a comment so that nobody can read it.

Versions of clang-format differ: only the one named here judges.
"""
import pathlib
import re
import subprocess
import sys

VERSION = 14  # Debian 12
SKIP = 77  # Meson's "skipped"

# A comment behind a macro's value, which it pushes into a line of its own; and a heading of a
# contract that was taken for a part of the sentence before.
WRAPPED = re.compile(r"^#define \w+ +\\\n +\S.* /\*|"
                     r"^ \* .*\S +(?:Ownership|Cost|Threads|Units|Errors) {2,}\w", re.MULTILINE)


def installed_version():
    try:
        said = subprocess.run(["clang-format", "--version"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    found = re.search(r"version (\d+)", said.stdout)
    return int(found[1]) if found else None


def wrapped(path):
    """The lines where such comments stand."""
    text = path.read_text()
    return [text.count("\n", 0, found.start()) + 1 for found in WRAPPED.finditer(text)]


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = sorted(p for folder in ("src", "include", "tests")
                   for suffix in ("*.c", "*.h") for p in (root / folder).glob("**/" + suffix))
    bad = [f"{p.relative_to(root)}:{line}: a comment that clang-format has wrapped badly"
           for p in files for line in wrapped(p)]
    if bad:
        print("\n".join(bad))
        return 1
    version = installed_version()
    if version != VERSION:
        print(f"skipped: clang-format {VERSION} judges the format, here is {version}")
        return SKIP
    said = subprocess.run(["clang-format", "--dry-run", "-Werror", *files],
                          capture_output=True, text=True)
    places = {}  # file: its first line that differs
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error", said.stderr, re.MULTILINE):
        places.setdefault(path, line)
    for path, line in sorted(places.items()):
        print(f"{pathlib.Path(path).relative_to(root)}:{line}: clang-format changes it from here")
    print(f"{len(files)} files, {len(places)} not formatted")
    return said.returncode


if __name__ == "__main__":
    sys.exit(main())
