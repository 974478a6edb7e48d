#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail on words that do not belong into a finished tree: promises, secrets, somebody's paths."""
import os
import pathlib
import re
import sys

# Written in two halves, so that this file is clean too.
PATTERNS = {
    "a promise": r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b",
    "a private key": r"BEGIN [A-Z ]*PRIV" r"ATE KEY",
    "a token": r"\b(AK" r"IA[0-9A-Z]{16}|gh" r"[pousr]_[A-Za-z0-9]{36}|xox" r"[bp]-[0-9])",
    "a path of one machine": r"(^|[\s\"'=(])/(ro" r"ot|ho" r"me/[a-z]+|wo" r"rk)/",
}
SKIPPED_FOLDERS = {".git", "corpus", "__pycache__", ".pytest_cache"}
SKIPPED_SUFFIXES = {".pyc"}


def is_build(folder, name):
    return name.startswith("build") or pathlib.Path(folder, name, "meson-private").exists()


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and not is_build(folder, f)]
        for name in names:
            path = pathlib.Path(folder, name)
            if path.suffix not in SKIPPED_SUFFIXES and path.is_file():
                yield path


def findings(path, shown):
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        yield f"{shown}: not UTF-8"
        return
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in PATTERNS.items():
            if re.search(pattern, line):
                yield f"{shown}:{number}: {what}: {line.strip()[:80]}"


def main():
    root = pathlib.Path(sys.argv[1])
    bad = [line for path in sorted(files(root)) for line in findings(path, path.relative_to(root))]
    print("\n".join(bad) or "ok")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
