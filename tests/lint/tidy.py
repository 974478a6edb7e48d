#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run clang-tidy over the sources of a build; what was clean and did not change is not run again.

usage: tidy.py SOURCE-ROOT BUILD-ROOT [FILE-PART...]
"""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

VERSION = 14  # Debian 12: other versions know other checks
SKIP = 77  # Meson's "skipped"


def installed_version():
    try:
        said = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    found = re.search(r"version (\d+)", said.stdout)
    return int(found[1]) if found else None


def sources(root, build, parts):
    """(file, compile command) of each source of ours, once."""
    seen = {}
    for row in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(row["directory"]) / row["file"]).resolve()
        ours = path.is_relative_to(root / "src") or path.is_relative_to(root / "tests")
        if ours and (not parts or any(part in str(path) for part in parts)):
            seen.setdefault(path, row)
    return sorted(seen.items())


def fingerprint(row, config):
    """Everything the verdict depends on: the text after the preprocessor, and the checks."""
    words = shlex.split(row["command"])
    words = [w for w in words if not re.match(r"-(M[DQFT]?$|o$|c$|fsanitize)|.*\.(o|d)$", w)]
    text = subprocess.run([*words, "-E", "-C"], cwd=row["directory"], capture_output=True)
    return hashlib.sha256(config + text.stdout).hexdigest() if text.returncode == 0 else None


def judge(path, row, build, cache, config):
    mark = fingerprint(row, config)
    if mark and (cache / mark).exists():
        return True, ""
    said = subprocess.run(["clang-tidy", "--quiet", "-p", str(build),
                           "--extra-arg=-Wno-unknown-warning-option", str(path)],
                          capture_output=True, text=True)
    if said.returncode == 0 and mark:
        (cache / mark).touch()
    return said.returncode == 0, said.stdout


def yield_to_others():
    """Who was started as idle (chrt --idle) is so in its session only, where Linux divides the
    processors among sessions first."""
    if os.sched_getscheduler(0) == os.SCHED_IDLE:
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/self/autogroup").write_text("19")


def main():
    yield_to_others()
    root, build = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    version = installed_version()
    if version != VERSION:
        print(f"skipped: clang-tidy {VERSION} judges, here is {version}")
        return SKIP
    cache = build / "tidy-cache"
    cache.mkdir(exist_ok=True)
    config = b"".join((root / f / ".clang-tidy").read_bytes() for f in (".", "tests"))
    rows = sources(root, build, sys.argv[3:])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(lambda r: judge(*r, build, cache, config), rows))
    for (path, _), (clean, text) in zip(rows, verdicts):
        if not clean:
            print(f"{path.relative_to(root)}:\n{text}")
    bad = sum(not clean for clean, _ in verdicts)
    print(f"{len(rows)} files, {bad} not clean")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
