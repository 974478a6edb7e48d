# SPDX-License-Identifier: Apache-2.0
"""What a process said before a test failed."""
LINES, WIDTH = 25, 400


def state_of(process):
    """In a word; None: there is none."""
    if process is None:
        return "never started"
    status = process.poll()
    return "running" if status is None else f"ended with {status}"


def last_words(process, path):
    """Its state, and the last lines of its log, long ones cut."""
    try:
        with open(path, "rb") as log:
            said = log.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        said = []
    return "\n".join([state_of(process), *(line[:WIDTH] for line in said[-LINES:])])
