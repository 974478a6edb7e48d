#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when a committed file is not what its generator prints: FILE COMMAND..."""
import difflib
import pathlib
import subprocess
import sys


def main():
    path, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
    wanted = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = path.read_text()
    if found == wanted:
        print("ok")
        return 0
    diff = difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), str(path),
                                "generated")
    sys.stdout.writelines(diff)
    print(f"write it anew: {' '.join(command)} > {path}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
