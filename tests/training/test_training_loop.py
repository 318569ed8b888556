"""The loop: errors are found, written about, trained on; it stops when dev stalls, and goes on after a kill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.errors import ConfigurationError, UsageError
from scalemt.glossary import Glossary
from scalemt.glossary.entries import TermEntry
from scalemt.trained import TrainedModels
from scalemt.training.bergamot import fine_tune
from scalemt.training.looping import Loop, read_loop, run_loop
from scalemt.training.looping.configuration import Errors
from scalemt.training.looping.weaknesses import find_weaknesses
from scalemt.training.pairs import Pairs
from scalemt.training.tables import Corpus
from scalemt.types import Pair
from training.students import corpus, task

PAIR = Pair("en", "pt")


def test_a_term_is_weak_where_the_reference_has_it_and_the_output_lacks_it() -> None:
    dev = Pairs(
        "dev",
        ("The ferry is blue.", "The ferry is old.", "A garden 7.", "The tin box is open."),
        ("A balsa está azul.", "O barco está velho.", "Um jardim 7.", "A lata está aberta."),
    )
    outputs = ["O barco está azul.", "A balsa está velha.", "Um jardim 8.", "A lata está aberta."]
    glossary = Glossary((TermEntry("ferry", "balsa"), TermEntry("garden", "jardim")), "en", "pt")
    found = find_weaknesses(outputs, dev, PAIR, glossary, Errors(worst=1))
    assert [(term.source, term.expected, term.missed) for term in found.terms] == [("ferry", 1, 1)]
    assert (found.known, found.missed) == (2, 1)
    assert found.checks["numbers"] == 1
    assert list(found.lengths) == ["1-5 words (4)"]
    assert len(found.worst) == 1
    assert found.glossary(PAIR).entries[0].target == "balsa"


def test_a_wrong_field_names_what_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "loop.toml"
    path.write_text(
        'name = "x"\nfrom = "en"\nto = "pt"\n[[corpora]]\nfiles = ["a"]\n[dev]\nfiles = ["b"]\n'
        "[errors]\nterm = 3\n"
    )
    with pytest.raises(ConfigurationError, match=r"line 9, field term.*Valid choices: glossary, terms"):
        read_loop(path)
    path.write_text(path.read_text().replace("term = 3", 'glossary = "g.csv"'))
    found = read_loop(path, changes=["rounds=2"])
    assert (found.errors.glossary, found.rounds) == (str(tmp_path / "g.csv"), 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("transformers", reason="the extra 'training' is not installed")
    folder = tmp_path_factory.mktemp("loop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEMT_DATA_DIR", str(folder / "data"))
        patch.setenv("SCALEMT_CACHE_DIR", str(folder / "cache"))
        fine_tune(task(folder, steps=2, every=2), folder / "work")
        (folder / "terms.csv").write_text("en,pt\nferry,balsa\ngarden,jardim\nmuseum,museu\n", "utf-8")
        yield folder


def written(place: Path, **changes: Any) -> Path:
    told = {"rounds": 2, "gain": 0.0, "patience": 2} | changes
    lines = [f"{key} = {value}" for key, value in told.items()]
    text = "\n".join(
        ['name = "looped"', 'from = "en"', 'to = "pt"', 'base = "toy"', *lines, "[[corpora]]",
         'files = ["corpus.tsv"]', "[dev]", 'files = ["dev.tsv"]', "[general]", 'files = ["general.tsv"]',
         "[errors]", 'glossary = "terms.csv"', "[training]", "steps = 4", "every = 2", "batch = 4", "rate = 0.01"]
    )  # fmt: skip
    (place / "loop.toml").write_text(text, "utf-8")
    return place / "loop.toml"


class Writer:
    """A synthesiser that writes one sentence about each term, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(
        self, loop: Loop, terms: Glossary, specialist: str, folder: Path
    ) -> tuple[Corpus, dict[str, Any]]:
        self.asked.append([entry.source for entry in terms.entries])
        folder.mkdir(parents=True, exist_ok=True)
        rows = [f"My {entry.source} is new.\tMeu {entry.target} é novo.\n" for entry in terms.entries]
        (folder / "made.tsv").write_text("".join(rows * 3), "utf-8")
        return Corpus(files=(str(folder / "made.tsv"),), name="synthetic", weight=0.3), {"pairs": len(rows)}


@pytest.mark.slow
def test_it_goes_round_and_each_round_is_a_version(place: Path) -> None:
    writer = Writer()
    loop = read_loop(written(place))
    ended = run_loop(loop, synthesiser=writer)
    assert [one.number for one in ended.rounds] == [0, 1, 2]
    assert [one.model for one in ended.rounds] == ["toy", "looped:1", "looped:2"]
    assert len(writer.asked) == 1
    assert set(writer.asked[0]) <= {"ferry", "garden", "museum"}
    assert ended.best in {"toy", f"looped:{TrainedModels().current('looped')}"}
    report = (ended.folder / "report.md").read_text("utf-8")
    assert "| 2 | looped:2 |" in report
    assert "## Errors" in (ended.folder / "round-1" / "report.md").read_text("utf-8")
    again = run_loop(loop, synthesiser=writer)
    assert len(writer.asked) == 1  # all rounds were found done
    assert again.rounds == ended.rounds
    with pytest.raises(UsageError, match="--fresh"):
        run_loop(loop.model_copy(update={"seed": 9}), synthesiser=writer)


@pytest.mark.slow
def test_it_stops_when_dev_stalls(place: Path, tmp_path: Path) -> None:
    path = written(place, gain=90.0, patience=1)
    made = CliRunner().invoke(cli, ["train", "loop", str(path), "--work", str(tmp_path / "loop"), "--json"])
    assert made.exit_code == 0, made.output
    assert [json.loads(line)["round"] for line in made.stdout.splitlines()] == [0, 1]
    assert "gained less than 90" in (tmp_path / "loop" / "report.md").read_text("utf-8")


def test_the_toy_corpus_has_what_the_toy_terms_need(tmp_path: Path) -> None:
    assert "balsa" in corpus(tmp_path / "corpus.tsv").read_text("utf-8")
