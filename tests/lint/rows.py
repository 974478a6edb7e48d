#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail when a row of a table says what nothing does: an event that is never logged, a field of one that
is never given, a metric that is never set, a setting that is never read. usage: rows.py ROOT
"""
import pathlib
import re
import sys

TABLES = {"base/log_events.def": "LOG_", "base/metrics.def": "METRIC_", "daemon/settings.def": "SETTING_"}
ROW = re.compile(r'^X\((\w+), "[^"]*", \w+, "([^"]*)"', re.MULTILINE)


def uses(root):
    """Of each source: the rows that it names, and the fields that it gives to events."""
    for path in sorted((root / "src").rglob("*.c")):
        text = path.read_text()
        yield (set(re.findall(r"\b(?:LOG|METRIC|SETTING)_\w+", text)),
               set(re.findall(r'\blog_[scib]\("(\w+)"', text)))


def never_given(events, used):
    """Fields that no file which logs the event gives to any event."""
    for row, fields in ROW.findall(events):
        given = set().union(*(fields for names, fields in used if f"LOG_{row}" in names))
        for field in filter(None, fields.split(",")):
            if field not in given:
                yield f'LOG_{row} has a field "{field}" that is never given'


def main():
    root = pathlib.Path(sys.argv[1])
    used = list(uses(root))
    names = set().union(*(names for names, _ in used))
    tables = {name: (root / "include/crr" / name).read_text() for name in TABLES}
    rows = [prefix + row for name, prefix in TABLES.items()
            for row in re.findall(r"^X\((\w+),", tables[name], re.MULTILINE)]
    bad = [f"{row} is a row, and nothing uses it" for row in rows if row not in names]
    bad += never_given(tables["base/log_events.def"], used)
    print("\n".join(bad) or f"ok: {len(rows)} rows")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
