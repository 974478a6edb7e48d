# SPDX-License-Identifier: Apache-2.0
"""Wait for conditions, never for time: the only pause of these tests is in here."""
import time

PAUSE_S = 0.02
DEADLINE_S = 60.0


class TooLate(AssertionError):
    """A condition did not come true before its deadline."""


def wait_for(condition, what, deadline_s=DEADLINE_S, pause_s=PAUSE_S):
    """The first true value of condition(); TooLate names `what` and the last value otherwise.

    what: a text, or what gives it in the end.
    """
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            what = what() if callable(what) else what
            raise TooLate(f"waited {deadline_s} s for {what}; last seen: {value!r}")
        time.sleep(pause_s)


def outlast(seconds, condition=lambda: True):
    """For tests whose subject is time: this long has passed, and condition() held all the while."""
    end = time.monotonic() + seconds

    def over():
        assert condition(), f"it did not hold for {seconds} s"
        return time.monotonic() > end
    wait_for(over, f"{seconds} s to pass", seconds + DEADLINE_S)
