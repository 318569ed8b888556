"""Updates from a memory, from the first version of a name to the third, by a real trainer at toy size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.errors import InputError
from scalemt.memory import MemoryStore, Unit
from scalemt.trained import TrainedModels
from scalemt.training.bergamot import fine_tune
from scalemt.training.updating import Records, Update, update, update_from
from scalemt.types import Pair
from training.students import corpus, task

pytest.importorskip("transformers", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow

BRIEFLY = ["training.steps=4", "training.batch=4", "training.every=2", "training.rate=0.01"]


@pytest.fixture(autouse=True, scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("update")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEMT_DATA_DIR", str(folder / "data"))
        patch.setenv("SCALEMT_CACHE_DIR", str(folder / "cache"))
        fine_tune(task(folder, steps=4, every=2), folder / "work")
        yield folder


def confirm(path: Path, lines: list[str]) -> None:
    with closing(MemoryStore(path, create=True)) as store:
        rows = (line.split("\t") for line in lines)
        store.add(Unit(source, target, Pair("en", "pt")) for source, target in rows)


def wanted(place: Path, *changes: str) -> Update:
    # SCALE with the method "draft" asks no generalist, and goes the road of the engine all the same.
    more = [
        "scale.method=draft",
        "scale.lines=3",
        "promotion.margin=100",
        "promotion.alpha=1e-9",
        *BRIEFLY,
        *changes,
    ]
    return update_from({"name": "toy", "memories": [str(place / "team.db")], "least": 8}, more)


def test_a_memory_is_learnt_from_once_and_versions_are_kept(place: Path) -> None:
    lines = corpus(place / "all.tsv").read_text("utf-8").splitlines()
    confirm(place / "team.db", [line.replace("The", "That") for line in lines[:12]])
    first = update(wanted(place))
    record = first.record
    assert (record.version, record.parent, record.promoted) == (2, "toy:1", True)
    assert record.data["found"] == {"team.db": 12}
    assert set(record.scores) == {"dev", "general"}
    assert set(record.scores["dev"]) == {"before", "new", "SCALE with before", "SCALE with new"}
    assert {item["name"] for item in record.corpora} == {"new in toy:2", ""}
    assert TrainedModels().current("toy") == 2
    assert "## Decision" in first.report.read_text("utf-8")
    assert not list((place / "data" / "training").iterdir())
    with pytest.raises(InputError, match=r"Only 0 new pairs.*team\.db"):
        update(wanted(place))
    confirm(place / "team.db", [line.replace("The", "This") for line in lines[:9]])
    second = update(wanted(place)).record
    assert second.data["found"] == {"team.db": 9}
    assert second.parent == "toy:2"
    assert len(second.corpora) == 3
    assert sum(item["weight"] for item in second.corpora) == pytest.approx(1.0)


def test_the_list_tells_what_each_update_found_and_a_version_is_gone_back_to(place: Path) -> None:
    listed = CliRunner().invoke(cli, ["update", "toy", "--list", "--json"])
    entries = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [entry["version"] for entry in entries] == [1, 2, 3]
    assert [entry["update"] is None for entry in entries] == [True, False, False]
    back = CliRunner().invoke(cli, ["update", "--rollback", "toy:1"])
    assert back.exit_code == 0, back.output
    assert TrainedModels().current("toy") == 1
    assert "* toy:1" in CliRunner().invoke(cli, ["update", "--list"]).stdout


def test_what_forgets_is_refused_and_stays_unused(place: Path) -> None:
    (place / "spoilt.tsv").write_text("".join(f"A month {n}.\tlata lata lata\n" for n in range(20)), "utf-8")
    made = CliRunner().invoke(
        cli,
        ["update", "toy", "--new", str(place / "spoilt.tsv"), "--general", str(place / "dev.tsv"), "--json",
         *(part for change in [*BRIEFLY, "training.rate=0.5", "scale.use=false", "promotion.margin=0", "share=1"]
           for part in ("--set", change))],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["parent"] == "toy:1"
    if not told["promoted"]:  # toys are bad anyway: what is certain is that the decision is carried out
        assert TrainedModels().current("toy") == 1
    assert told["promoted"] == all(check["passed"] for check in told["checks"])
    assert Records().get("toy", told["version"])
