# SPDX-License-Identifier: Apache-2.0
"""Run benches and print what they measured; run.sh is the way to call it. README.md explains."""
import argparse
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import attack  # noqa: E402
import ingest  # noqa: E402
import intake  # noqa: E402
import loop  # noqa: E402
import members  # noqa: E402
import pages  # noqa: E402
import payload  # noqa: E402
import report  # noqa: E402
import retry  # noqa: E402
import sizes  # noqa: E402
from broker import Broker  # noqa: E402
from stage import Stage  # noqa: E402

BENCHES = {
    "ingest": ingest.rounds,
    "list": pages.list_rounds,
    "lookup": pages.lookup_rounds,
    "retry": retry.rounds,
    "loop": loop.rounds,
    "group": members.rounds,
    "intake": intake.rounds,
    "backbeat": payload.rounds,
    "abuse": attack.rounds,
}

# A broker that is to be fast, not one that is to start quickly.
JVM = ["-Xms1g", "-Xmx1g", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


def run(stage, name, size, with_goals=True):
    """Run one bench, print its lines, and return what it said of each goal: (held, line)."""
    rows = list(report.rows_of(list(BENCHES[name](stage, size))))
    for line in report.lines_of(name, rows, with_goals):
        print(line, flush=True)
    return [(not report.missed(row), report.verdict(name, row)) for row in rows if row.figure.goal]


def run_all(chosen, size, folder):
    """The verdicts of the chosen benches. What a broker holds is gone afterwards."""
    broker = Broker(pathlib.Path(chosen.kafka_libs), folder / "broker", folder / "broker.log", JVM)
    others = report.Others()
    try:
        stage = Stage(chosen.build, broker.start(), folder)
        verdicts = []
        for name in chosen.bench or BENCHES:
            verdicts += run(stage, name, size, not chosen.small)
        stage.close()
    finally:
        broker.stop()
        shutil.rmtree(folder / "broker")
    print(f"{size.rounds} rounds; the machine meanwhile: {others}")
    return verdicts


def check(verdicts):
    """Say which goals hold and which do not; how many do not."""
    for held, line in sorted(verdicts, key=lambda verdict: not verdict[0]):
        print(line)
    misses = sum(not held for held, _ in verdicts)
    print(f"{len(verdicts) - misses} goals hold, {misses} do not")
    return misses


def _only(steps, wanted, parser):
    """Those of the steps that are wanted, which are written as 16x1000; all, if none is."""
    named = {f"{step.clients}x{step.elements}": step for step in steps}
    unknown = set(wanted) - set(named)
    if unknown:
        parser.error(f"no such size: {', '.join(sorted(unknown))} (of {', '.join(named)})")
    return [named[name] for name in wanted] or steps


def _options():
    options = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__)
    options.add_argument("--build", required=True, help=argparse.SUPPRESS)
    options.add_argument("--kafka-libs", required=True, help=argparse.SUPPRESS)
    options.add_argument("--check", action="store_true",
                         help="say which goals hold; exit 1 when a median misses its own")
    options.add_argument("--small", action="store_true",
                         help="every line once and small, to see that it runs")
    options.add_argument("--only", action="append", default=[], metavar="16x1000",
                         help="of the bench retry: clients and entries; may be repeated")
    options.add_argument("--rounds", type=int, default=3, help="(default 3)")
    options.add_argument("bench", nargs="*", metavar="BENCH",
                         help=f"some of {', '.join(BENCHES)} (default: all)")
    return options


def main():
    parser = _options()
    chosen = parser.parse_args()
    unknown = set(chosen.bench) - set(BENCHES)
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    size = sizes.SMALL if chosen.small else sizes.full(chosen.rounds)
    size = size._replace(retries=_only(size.retries, chosen.only, parser))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="crr-bench-"))
    print(f"{report.machine()}; logs in {folder} until it is over", flush=True)
    verdicts = run_all(chosen, size, folder)
    shutil.rmtree(folder)
    return chosen.check and check(verdicts) > 0


if __name__ == "__main__":
    sys.exit(main())
