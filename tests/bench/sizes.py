# SPDX-License-Identifier: Apache-2.0
"""How much each bench does."""
from collections import namedtuple

Step = namedtuple("Step", "clients elements requests warmup")
Sizes = namedtuple("Sizes", "small rounds rows pages lookups retries loop_retries group_retries"
                            " intake completed backbeat_retries large_parts large_retries paced"
                            " bad_clients")


def full(rounds):
    return Sizes(
        small=False, rounds=rounds, rows=1_000_000, pages=2_000, lookups=100_000,
        retries=[Step(1, 1, 300, 20), Step(64, 1, 10_000, 640), Step(256, 1, 40_000, 2_560),
                 Step(1024, 1, 120_000, 10_240), Step(16, 1000, 400, 64)],
        loop_retries=[Step(64, 1, 6_000, 64), Step(1024, 1, 20_000, 1_024),
                      Step(16, 1000, 96, 16), Step(4, 10_000, 12, 4)],
        group_retries=Step(240, 1, 24_000, 0), intake=1_000_000, completed=20_000,
        backbeat_retries=[Step(256, 1, 8_000, 512), Step(16, 1000, 48, 16)],
        large_parts=[4_400, 9_500], large_retries=Step(64, 1, 320, 64),
        paced=1_000, bad_clients={"slow": 200, "silent": 50, "posts": 32})


# Every program and every line once, on whatever machine: what it prints means nothing.
SMALL = Sizes(
    small=True, rounds=1, rows=20_000, pages=20, lookups=200,
    retries=[Step(1, 1, 5, 2), Step(16, 1, 100, 16), Step(2, 1000, 4, 2)],
    loop_retries=[Step(8, 1, 50, 8), Step(1, 5000, 2, 1)],
    group_retries=Step(6, 1, 60, 0), intake=20_000, completed=500,
    backbeat_retries=[Step(8, 1, 50, 8), Step(2, 200, 4, 2)],
    large_parts=[5_000], large_retries=Step(4, 1, 8, 4),
    paced=50, bad_clients={"slow": 9, "silent": 3, "posts": 2, "entries": 500, "bytes": 200_000})
