#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print "PASSED FAILED" of a run: `count.py meson testlog.json` or `count.py pytest junit.xml`.

A run that left no record counts as one failure. What was skipped counts as neither.
"""
import json
import sys
import xml.etree.ElementTree


def of_meson(path):
    with open(path) as file:
        results = [json.loads(line)["result"] for line in file if line.strip()]
    passed = sum(r in ("OK", "EXPECTEDFAIL") for r in results)
    skipped = sum(r == "SKIP" for r in results)
    return passed, len(results) - passed - skipped


def of_pytest(path):
    suites = list(xml.etree.ElementTree.parse(path).getroot().iter("testsuite"))
    total = {name: sum(int(s.get(name, 0)) for s in suites)
             for name in ("tests", "failures", "errors", "skipped")}
    failed = total["failures"] + total["errors"]
    return max(total["tests"] - failed - total["skipped"], 0), failed


def main():
    kind, path = sys.argv[1:]
    try:
        print(*{"meson": of_meson, "pytest": of_pytest}[kind](path))
    except (OSError, ValueError, xml.etree.ElementTree.ParseError) as error:
        print(f"no result of {kind}: {error}", file=sys.stderr)
        print(0, 1)


if __name__ == "__main__":
    main()
