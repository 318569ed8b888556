"""From what a profile says to a backend: names, tables, arguments, and errors that list the choices."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scalemt.config import Configuration, Profile
from scalemt.engine.backends import build_generalist, build_specialist
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.trained import ModelCard, TrainedModels
from scalemt.types import Decoding, Pair, Prompt

PLUGIN = '''
class Plugged:
    """A plug-in that says what it was given."""

    def __init__(self, place, options=None, threads=None, *, level=1):
        self.given = {"place": place, "options": options, "threads": threads, "level": level}


class Open:
    """A plug-in that takes anything."""

    def __init__(self, place="here", **more):
        self.given = {"place": place, **more}


class Bare:
    """A plug-in that takes nothing."""
'''


@pytest.fixture
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plugged_backends.py").write_text(PLUGIN)
    info = tmp_path / "plugged_backends-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged-backends\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[scalemt.specialists]\n"
        "plugged = plugged_backends:Plugged\nopen = plugged_backends:Open\nbare = plugged_backends:Bare\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "plugged_backends", raising=False)


def specialist(spec: str, profile: Profile | None = None, **tables: dict[str, Any]) -> Any:
    return build_specialist(spec, Configuration(specialists=tables), profile or Profile())


def generalist(spec: str, **tables: dict[str, Any]) -> Any:
    return build_generalist(spec, Configuration(generalists=tables), Profile())


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"text": "a casa"}\n', "utf-8")
    return path


# Names, arguments, tables.


def test_a_name_with_an_argument(drafts: Path) -> None:
    made = specialist(f"recorded:{drafts}")
    assert isinstance(made, RecordedSpecialist)
    assert made.draft(["the house"], Pair("en", "pt"))[0][0].text == "a casa"


def test_a_table_and_a_table_with_an_argument(drafts: Path) -> None:
    assert isinstance(specialist("mine", mine={"type": "recorded", "path": str(drafts)}), RecordedSpecialist)
    assert isinstance(specialist(f"mine:{drafts}", mine={"type": "recorded"}), RecordedSpecialist)
    # The argument wins, and a table may be called as its type.
    other = {"type": "recorded", "path": "elsewhere"}
    assert isinstance(specialist(f"recorded:{drafts}", recorded=other), RecordedSpecialist)


def test_building_leaves_the_table_as_it_was(drafts: Path) -> None:
    table = {"type": "recorded", "path": str(drafts)}
    specialist("mine", mine=table)
    specialist("mine", mine=table)
    assert table == {"type": "recorded", "path": str(drafts)}


def test_a_generalist() -> None:
    assert isinstance(generalist("fake"), FakeGeneralist)
    made = generalist("mine", mine={"type": "fake", "kind": "base", "answers": ["um"]})
    assert made.kind == "base"
    assert made.complete([Prompt(text="x")], Decoding())[0].text == "um"


def test_openai_takes_url_and_model() -> None:
    made = generalist("openai:http://127.0.0.1:8000/v1#gemma-3")
    assert made.name == "openai"
    assert "gemma-3" in made.signature


def test_openai_in_a_table() -> None:
    table = {"type": "openai", "url": "http://127.0.0.1:8000/v1", "model": "gemma-3"}
    assert (
        generalist("local", local=table).signature
        == generalist("openai:http://127.0.0.1:8000/v1#gemma-3").signature
    )
    assert generalist("local:http://127.0.0.1:8000/v1#other", local=table).signature.count("other") == 1


@pytest.mark.usefixtures("_plugins")
def test_threads_seed_and_decoding_options_are_handed_down() -> None:
    made = specialist("plugged:there", Profile(threads=3, seed=7))
    assert made.given["place"] == "there"
    assert made.given["threads"] == 3
    assert made.given["options"].seed == 7
    table = {"type": "plugged", "place": "x", "beam": 4, "seed": 1, "threads": 2, "level": 5}
    made = specialist("mine", Profile(threads=3, seed=7), mine=table)
    assert (made.given["options"].beam, made.given["options"].seed) == (4, 1)
    assert (made.given["threads"], made.given["level"]) == (2, 5)


@pytest.mark.usefixtures("_plugins")
def test_a_plug_in_that_takes_anything() -> None:
    assert specialist("open").given == {"place": "here"}
    assert specialist("open:there").given == {"place": "there"}
    assert specialist("mine", mine={"type": "open", "colour": "blue"}).given == {"place": "here", "colour": "blue"}


# Errors.


def test_an_unknown_name_lists_names_and_tables() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no specialist named 'nllb'\. Valid choices: apertium, bergamot.*mine"
    ):
        specialist("nllb:/models", mine={"type": "recorded"})
    with pytest.raises(UnknownNameError, match="no generalist named 'gpt'"):
        generalist("gpt")
    with pytest.raises(UnknownNameError, match="no specialist named ''"):
        specialist("")


@pytest.mark.usefixtures("data_folder")
def test_what_was_trained_here_goes_by_its_name(drafts: Path) -> None:
    for text in ("uma casa", "a casa"):
        with TrainedModels().adding("houses") as place:
            (place.folder / "drafts.jsonl").write_text(json.dumps({"text": text}))
            place.card = ModelCard("specialist", "recorded", {"path": "drafts.jsonl"}, ("path",), ("en->pt",))

    def said(spec: str) -> str:
        return str(specialist(spec).draft(["the house"], Pair("en", "pt"))[0][0].text)

    assert [said("houses"), said("houses:2")] == ["uma casa", "a casa"]
    TrainedModels().promote("houses", 2)
    assert said("houses") == "a casa"
    assert specialist(f"houses:{drafts}", houses={"type": "recorded"}).signature  # a table comes first
    with pytest.raises(UnknownNameError, match="deepl, houses, libre"):
        specialist("flats")
    with pytest.raises(UnknownNameError, match="no generalist named 'houses'"):
        generalist("houses")
    with pytest.raises(UnknownNameError, match="houses:1, houses:2"):
        specialist("houses:3")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, r"\[mine\] lacks type\. Valid choices: apertium"),
        ({"type": ""}, r"\[mine\] lacks type\."),
        ({"type": "nllb"}, r"\[mine\] has the type 'nllb'\. Valid choices: apertium"),
        ({"type": ["recorded"]}, r"\[mine\] has the type \['recorded'\]\."),
    ],
)
def test_a_table_without_a_known_type(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        specialist("mine", mine=table)


def test_an_unknown_option_lists_those_of_that_kind_only(drafts: Path) -> None:
    table = {"type": "recorded", "path": str(drafts), "beem": 4}
    with pytest.raises(ConfigurationError, match=r"mine has no option 'beem'\. Valid choices: drafts, path\.$"):
        specialist("mine", mine=table)
    with pytest.raises(
        ConfigurationError, match=r"mine has no option 'beam'\. Valid choices: answers, cache_key, kind\.$"
    ):
        generalist("mine", mine={"type": "fake", "beam": 4})


@pytest.mark.usefixtures("_plugins")
def test_decoding_options_are_among_the_choices_where_they_are_taken() -> None:
    with pytest.raises(
        ConfigurationError, match="Valid choices: beam, level, max_ratio, place, seed, temperature"
    ):
        specialist("mine", mine={"type": "plugged", "place": "x", "beem": 4})
    with pytest.raises(ConfigurationError, match=r"mine: beam is 'wide': Input should be a valid integer"):
        specialist("mine", mine={"type": "plugged", "place": "x", "beam": "wide"})


@pytest.mark.usefixtures("_plugins")
def test_what_lacks_and_what_is_too_much() -> None:
    with pytest.raises(
        ConfigurationError, match=r"plugged lacks place\. Write it as plugged:VALUE, or in a table"
    ):
        specialist("plugged")
    with pytest.raises(ConfigurationError, match="bare:x: this kind takes no argument behind the colon"):
        specialist("bare:x")
    with pytest.raises(
        ConfigurationError, match=r"openai lacks url\. Write it as openai:http://127.0.0.1:8000/v1#MODEL"
    ):
        generalist("openai")


def test_a_url_is_shown_without_its_secrets() -> None:
    spec = "mine:https://ana:hunter2@example.org/v1?key=s3cret#gemma"
    with pytest.raises(ConfigurationError) as caught:
        generalist(spec, mine={"type": "openai", "colour": "blue"})
    assert "mine:https://example.org/v1 has no option 'colour'" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_option_of_the_wrong_type_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"mine: path is 3: Input should be a valid string"):
        specialist("mine", mine={"type": "recorded", "path": 3})
    with pytest.raises(ConfigurationError, match=r"mine: batch_size is 'many': Input should be a valid integer"):
        specialist("mine", mine={"type": "bergamot", "batch_size": "many"})
