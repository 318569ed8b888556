"""What is asked before a new version is promoted, and what configurations of updates may say."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, UnknownNameError, UsageError
from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.pairs import Pairs
from scalemt.training.updating import Record, Records, read_update, roll_back, update, update_from
from scalemt.training.updating.comparing import NEW, OLD, Outputs, compare_versions, first
from scalemt.training.updating.configuration import Promotion, Scale
from scalemt.training.updating.deciding import checks
from scalemt.types import Pair

PAIR = Pair("en", "pt")


class Told(Outputs):
    """Outputs that are as bad as their specification says: the share of words that are wrong."""

    def __init__(self) -> None:
        pass

    def alone(self, spec: str, test: Pairs) -> list[str]:
        draws = random.Random(spec)
        return [
            " ".join(word if draws.random() > float(spec) else "nada" for word in target.split())
            for target in test.targets
        ]

    def scale(self, spec: str, test: Pairs) -> list[str]:
        return self.alone(spec, test)


def plums(lines: int) -> Pairs:
    targets = tuple(f"a ameixa {n} do jardim está madura e doce como o mel" for n in range(lines))
    return Pairs("plums", tuple(f"plum {n}" for n in range(lines)), targets, digest="d")


def asked(old: str, new: str, name: str = "dev", margin: float = 1.0, scale: int = 20) -> list[bool]:
    found = compare_versions(Told(), {OLD: old, NEW: new}, name, plums(40), PAIR, alpha=0.05, scale=scale)
    return [check.passed for check in checks([found], Promotion(margin=margin))]


def test_worse_on_dev_is_refused_alone_and_inside_scale() -> None:
    assert asked("0.1", "0.6") == [False, False]
    assert asked("0.6", "0.1") == [True, True]
    assert asked("0.3", "0.3") == [True, True]
    assert asked("0.1", "0.6", scale=0) == [False]


def test_general_text_may_lose_a_margin_and_no_more() -> None:
    assert asked("0.1", "0.6", "general", scale=0) == [False]
    assert asked("0.1", "0.6", "general", margin=90, scale=0) == [True]


def test_a_part_of_a_test_set_stands_far_apart() -> None:
    some = first(plums(40), 4)
    assert some.sources == ("plum 0", "plum 10", "plum 20", "plum 30")
    assert first(plums(3), 4) == plums(3)


def test_a_wrong_field_is_told_with_line_and_choices(tmp_path: Path) -> None:
    path = tmp_path / "update.toml"
    path.write_text('name = "plums"\n\n[promotion]\nmargins = 1\n', "utf-8")
    with pytest.raises(ConfigurationError, match=r"line 4, field margins.*Valid choices: alpha, margin"):
        read_update(path)
    path.write_text('name = "plums"\n[dev]\nfiles = ["a.tsv"]\nfrom = "nolanguage"\n', "utf-8")
    with pytest.raises(ConfigurationError, match="nolanguage"):
        read_update(path)
    path.write_text('name = "plums"\nmemories = ["m.db"]\n[dev]\nfiles = ["a.tsv"]\n', "utf-8")
    found = read_update(path, changes=["scale.lines=7", "training.steps=3"])
    assert found.memories == (str(tmp_path / "m.db"),)
    assert found.dev
    assert found.dev.files == (str(tmp_path / "a.tsv"),)
    assert (found.scale.lines, found.training) == (7, {"steps": 3})
    assert update_from({"name": "plums", "from": "eng_Latn", "to": "por_Latn"}).source == "en"


def card(parent: str = "") -> ModelCard:
    return ModelCard("specialist", "thot", {}, (), ("en->pt",), parent)


def add(shelf: TrainedModels, parent: str = "") -> None:
    with shelf.adding("plums") as place:
        place.card = card(parent)


def test_a_name_goes_back_to_what_its_version_was_made_from(tmp_path: Path) -> None:
    shelf = TrainedModels(tmp_path)
    for parent in ("", "plums:1", "plums:1"):
        add(shelf, parent)
    shelf.promote("plums", 3)
    assert roll_back("plums", shelf).version == 1  # 3 was made from 1, for 2 was refused
    assert shelf.current("plums") == 1
    with pytest.raises(UsageError, match="oldest version"):
        roll_back("plums", shelf)
    assert roll_back("plums:2", shelf).version == 2
    with pytest.raises(UnknownNameError):
        roll_back("plums:9", shelf)


def test_what_nothing_trains_and_what_has_no_direction_is_refused(tmp_path: Path) -> None:
    shelf = TrainedModels(tmp_path / "models")
    with pytest.raises(UsageError, match="say the direction"):
        update(update_from({"name": "plums"}), shelf=shelf, records=Records(tmp_path), work=tmp_path / "work")
    with pytest.raises(UnknownNameError, match="nobody"):
        update(
            update_from({"name": "plums", "base": "nobody"}),
            shelf=shelf, records=Records(tmp_path), work=tmp_path / "work",
        )  # fmt: skip
    with pytest.raises(UsageError, match="bergamot is a specialist that is built in"):
        update(update_from({"name": "bergamot"}), shelf=shelf, records=Records(tmp_path), work=tmp_path / "work")
    add(shelf)
    with pytest.raises(UsageError, match="run by thot, which nothing here trains"):
        update(update_from({"name": "plums"}), shelf=shelf, records=Records(tmp_path), work=tmp_path / "work")


def test_records_come_back_as_they_were_kept(tmp_path: Path) -> None:
    records = Records(tmp_path / "updates")
    record = Record(
        "plums", 2, "plums:1", "en->pt", corpora=({"files": ["a"]},), scores={"dev": {}}, promoted=True
    )
    (tmp_path / "new.jsonl").write_text("{}\n")
    records.put(record, "# Report\n", tmp_path / "new.jsonl")
    assert records.get("plums", 2) == record
    assert records.get("plums", 1) is None
    assert records.report("plums", 2).read_text() == "# Report\n"
    assert Scale(generalist="fake", shots=2).overrides() == {"generalist": "fake", "shots": 2}
