# SPDX-License-Identifier: Apache-2.0
"""Every bench runs to its end, small, with the programs under test; its figures mean nothing."""
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import bench  # noqa: E402
import sizes  # noqa: E402
from stage import Stage  # noqa: E402


@pytest.fixture(scope="module")
def stage(request, shared_broker, logs):
    build = pathlib.Path(request.config.getoption("--daemon-folder")).resolve().parent
    made = Stage(build, shared_broker, logs / "bench")
    yield made
    made.close()


@pytest.mark.parametrize("name", bench.BENCHES)
def test_a_bench_runs_to_its_end(stage, name, capsys):
    bench.run(stage, name, sizes.SMALL)
    assert capsys.readouterr().out.startswith(name)
