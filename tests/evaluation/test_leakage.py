"""Test segments that are in memories and pools in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from helpers import EN_PT
from scalemt.cli import cli
from scalemt.evaluation.leakage import in_memories, in_pool
from scalemt.evaluation.systems import TestSet
from scalemt.memory import MemoryStore, MemoryUse, Unit
from scalemt.types import Demonstration

SOURCES = ("The old house is blue.", "Click <b>OK</b> to close.", "Nothing is like this one.")
REFERENCES = ("A casa velha é azul.", "Clique em <b>OK</b> para fechar.", "Nada é como isto.")


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "m.db"
    MemoryStore(path, create=True).add(
        [
            Unit("The old house is blue!", "A casa velha é azul!", EN_PT),
            Unit("Click <i>OK</i> to close.", "Clique em <i>OK</i> para fechar.", EN_PT),
            Unit("Something else.", "Outra coisa.", EN_PT),
        ]
    )
    return path


def test_exact_and_near_segments_are_counted(memory: Path) -> None:
    (found,) = in_memories(TestSet("t", SOURCES, (REFERENCES,), EN_PT), [MemoryUse(memory)])
    assert (found.exact, found.near, found.total, found.examples) == (1, 1, 3, ("1", "2"))
    assert "1 of 3 test segments are in the memory m.db, and 1 more nearly so" in found.warning()


def test_references_alone_are_looked_for_among_the_targets(memory: Path) -> None:
    (found,) = in_memories(TestSet("t", (), (REFERENCES,), EN_PT), [MemoryUse(memory)])
    assert (found.exact, found.near) == (1, 1)


def test_a_memory_of_the_opposite_direction_leaks_too(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    MemoryStore(path, create=True).add([Unit(REFERENCES[0], SOURCES[0], EN_PT.reversed)])
    (found,) = in_memories(TestSet("t", SOURCES, (), EN_PT), [MemoryUse(path)])
    assert found.exact == 1


def test_a_disjoint_memory_is_not_told_of(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    MemoryStore(path, create=True).add([Unit("Quite another text.", "Outro texto.", EN_PT)])
    assert in_memories(TestSet("t", SOURCES, (), EN_PT), [MemoryUse(path)]) == []


def test_pools_are_compared_likewise() -> None:
    pool = [Demonstration("the old house is blue.", "x"), Demonstration("Entirely different.", "y")]
    found = in_pool(TestSet("t", SOURCES, (), EN_PT), pool, "bank.jsonl")
    assert found is not None
    assert (found.exact, found.near) == (0, 1)
    assert in_pool(TestSet("t", SOURCES, (), EN_PT), pool[1:], "bank.jsonl") is None
    assert in_pool(TestSet("t", (), (REFERENCES,), EN_PT), pool, "bank.jsonl") is None


def test_evaluate_warns_and_writes_it_down(memory: Path, tmp_path: Path) -> None:
    for name, lines in (("src", SOURCES), ("ref", REFERENCES), ("hyp", REFERENCES)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "d.jsonl").write_text(json.dumps({"source": SOURCES[2], "target": "x"}) + "\n", "utf-8")
    arguments = ["evaluate", "--hyp", "hyp", "--ref", "ref", "--src", "src", "--from", "en", "--to", "pt"]
    files = [str(tmp_path / item) if item in ("hyp", "ref", "src") else item for item in arguments]
    extra = ["--metrics", "chrf++", "--memory", str(memory), "--demonstrations", str(tmp_path / "d.jsonl")]
    done = CliRunner().invoke(cli, [*files, *extra, "--json"])
    assert done.exit_code == 0, done.output
    assert "Note: 1 of 3 test segments are in the memory m.db" in done.stderr
    assert "d.jsonl, and 0 more nearly so" in done.stderr
    notes = json.loads(done.stdout)["evaluations"][0]["notes"]
    assert len(notes) == 2
