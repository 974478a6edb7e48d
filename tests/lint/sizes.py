#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail on a file of more than 500 lines and on a function of more than 60."""
import ast
import pathlib
import sys

FILE_LINES = 500
FUNCTION_LINES = 60
FOLDERS = ("src", "include", "tests", "deploy", "config")
SUFFIXES = (".c", ".h", ".def", ".in", ".py", ".sh", ".build", ".scn")


def c_functions(lines):
    """(first line, lines) of each body: in this style '{' and '}' of a function begin a line."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            yield start, number - start + 1
            start = None


def python_functions(lines):
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def too_long(path, shown):
    lines = path.read_text().splitlines()
    if len(lines) > FILE_LINES:
        yield f"{shown}: {len(lines)} lines, {FILE_LINES} are allowed"
    parse = {".c": c_functions, ".h": c_functions, ".py": python_functions}.get(path.suffix)
    for start, length in parse(lines) if parse else ():
        if length > FUNCTION_LINES:
            yield f"{shown}:{start}: a function of {length} lines, {FUNCTION_LINES} are allowed"


def main():
    root = pathlib.Path(sys.argv[1])
    files = [p for folder in FOLDERS for p in (root / folder).glob("**/*") if p.suffix in SUFFIXES]
    bad = [line for path in sorted(files) for line in too_long(path, path.relative_to(root))]
    print("\n".join(bad) or f"ok: {len(files)} files")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
