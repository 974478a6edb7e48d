# SPDX-License-Identifier: Apache-2.0
"""deploy/compose.yaml: every setting in it is one that the daemon takes."""
import os
import pathlib
import re
import subprocess

import pytest
import yaml

FILE = pathlib.Path(__file__).parents[2] / "deploy" / "compose.yaml"
SERVICES = yaml.safe_load(FILE.read_text())["services"]
IMAGE = dict(re.findall(r"^ENV (\w+)=(\S+)$", (FILE.parent / "Containerfile").read_text(), re.M))
MEMBERS = [name for name in SERVICES if name.startswith("member-")]


def run(program, *words, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CRR_")}
    return subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30, env=clean | environment)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_of_the_composition_has_a_good_configuration(programs, name):
    environment = {variable: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value))
                   for variable, value in SERVICES[name]["environment"].items()}
    told = run(programs["daemon"], "--check-config", **IMAGE | environment)
    assert (told.returncode, told.stderr) == (0, "")


def test_its_members_have_names_and_addresses_of_their_own():
    assert len(MEMBERS) == 3
    for name in MEMBERS:
        environment = SERVICES[name]["environment"]
        assert environment["CRR_INSTANCE__ID"] == name
        assert environment["CRR_INSTANCE__ADVERTISE"] == f"http://{name}:8900"
    assert len({SERVICES[name]["ports"][0] for name in MEMBERS}) == 3


def test_its_demo_is_one_that_the_program_takes(programs):
    program, *words = SERVICES["demo"]["entrypoint"]
    assert program == "crr-demo"
    assert run(programs["demo"], *words, "--help").returncode == 0
    assert run(programs["demo"], *words, "--no-such").returncode != 0
