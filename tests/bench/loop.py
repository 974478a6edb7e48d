# SPDX-License-Identifier: Apache-2.0
"""loop: the longest turn of the daemon's loop, in CPU time of its thread, while it does what."""
from daemon import FAILED
from pages import PAGE
from report import AtMost, measured
from retry import LONGEST_TURN, Retrying
from stage import START_DEADLINE_S

GOAL_MS = AtMost(5)


def _longest_ms(daemon):
    return daemon.metric(f"crr_retry_{LONGEST_TURN}") * 1e3


def rounds(stage, sizes):
    topics = stage.fill("loop", sizes.rows)
    first_row = 0
    for _ in range(sizes.rounds):
        daemon = stage.daemon(topics).wait_ready(START_DEADLINE_S)
        figures = [measured("restoring", _longest_ms(daemon), "ms", GOAL_MS)]
        stage.load_daemon(daemon, "get", f"{FAILED}?max-keys={PAGE}", connections=16,
                          requests=sizes.pages)
        figures.append(measured("listing, 16 clients", _longest_ms(daemon), "ms", GOAL_MS))
        retrying = Retrying(stage, daemon, first_row)
        for step in sizes.loop_retries:
            longest_ms = retrying.run(step).longest_turn_ms
            figures.append(measured(f"retrying, {step.clients} x {step.elements:,}", longest_ms,
                                    "ms", GOAL_MS))
        first_row = retrying.next_row
        daemon.stop()
        yield figures
