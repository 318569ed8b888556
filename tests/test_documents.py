"""Documents through a real engine whose specialist is a dictionary: order, repetitions, failures, context."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from helpers import EN_PT, WORDS, DictionarySpecialist, english_portuguese
from scalemt.config import Profile
from scalemt.documents import Document, Repeats
from scalemt.engine import Engine
from scalemt.errors import InputError, SpecialistError, UnknownNameError, UsageError
from scalemt.formats import FORMATS, FormatOptions, Target, format_for
from scalemt.formats import suffixes as known_suffixes
from scalemt.generalists.fake import FakeGeneralist
from scalemt.types import Draft, Pair, Segment, Translation


def drafting(**fields: object) -> Engine:
    profile = Profile(method="draft", cache=False, **fields)  # type: ignore[arg-type]
    return Engine(profile, specialists=[english_portuguese()])


def upper(segments: Iterable[Segment]) -> Iterator[Translation]:
    for segment in segments:
        yield Translation(segment, segment.text.upper(), "draft", Pair("en", "pt"))


def test_every_format_is_there_and_says_what_it_keeps() -> None:
    suffixes: dict[str, str] = {}
    for name in FORMATS.names():
        made = format_for("x", name)
        assert {suffix for suffix, owner in known_suffixes().items() if owner == name} == set(made.suffixes)
        assert made.name == name
        assert made.title
        assert made.fidelity
        for suffix in made.suffixes:
            assert suffix == suffix.lower()
            assert suffixes.setdefault(suffix, name) == name
    assert len(FORMATS.names()) == 22


def test_a_format_is_told_by_its_suffix_or_name() -> None:
    assert format_for("a/Book.MD").name == "markdown"
    assert format_for("res/values/strings.xml").name == "android"
    assert format_for("whatever", "po").name == "po"
    with pytest.raises(UsageError, match=r"layout.idml: .idml is no format that scalemt reads. Formats: android"):
        format_for("layout.idml")
    with pytest.raises(UnknownNameError, match="Valid choices: android, arb"):
        format_for("a.txt", "idml")


def test_a_repeated_segment_is_translated_once_and_stands_everywhere() -> None:
    asked: list[str] = []

    def translate(segments: Iterable[Segment]) -> Iterator[Translation]:
        for segment in segments:
            asked.append(segment.text)
            yield from upper([segment])

    texts = list("aabacabbcd")
    done = list(Repeats().stream((Segment(text, str(n)) for n, text in enumerate(texts)), translate))
    assert asked == ["a", "b", "c", "d"]
    assert [item.text for item in done] == [text.upper() for text in texts]
    assert [item.segment.id for item in done] == [str(n) for n in range(len(texts))]


def test_repetitions_beyond_memory_are_translated_again() -> None:
    asked: list[str] = []

    def translate(segments: Iterable[Segment]) -> Iterator[Translation]:
        for segment in segments:
            asked.append(segment.text)
            yield from upper([segment])

    done = list(Repeats(size=2).stream((Segment(text) for text in "abcabc"), translate))
    assert "".join(item.text for item in done) == "ABCABC"
    assert "".join(asked) == "abcc"


def test_repeats_that_are_read_ahead_come_out_in_order() -> None:
    def translate(segments: Iterable[Segment]) -> Iterator[Translation]:
        yield from upper(list(segments))  # an engine reads a window before it answers

    texts = list("aabbaacc")
    assert [item.text for item in Repeats().stream(map(Segment, texts), translate)] == [x.upper() for x in texts]


def test_a_document_is_translated_and_watched(tmp_path: Path) -> None:
    path = tmp_path / "a.strings"
    path.write_text('"t" = "the house"; "n" = "3";\n"u" = "the house"; "v" = "%@ blue";')
    out, seen = io.BytesIO(), list[Translation]()
    Document(path, "en", "pt").translate(drafting(), out, watch=seen.append)
    assert out.getvalue().decode() == '"t" = "a casa"; "n" = "3";\n"u" = "a casa"; "v" = "%@ azul";'
    assert [item.segment.text for item in seen] == ["the house", "3", "the house", "%@ blue"]
    assert len(seen[3].spans) == 1


class Failing(DictionarySpecialist):
    """Gives no draft for one text."""

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        empty = Draft("", engine=self.name, language=pair.target)
        return [
            [empty] if "old" in text else row
            for text, row in zip(texts, super()._draft(texts, pair, n), strict=True)
        ]


def test_what_fails_keeps_its_source_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# the house\n\nold\n")
    out, seen = io.BytesIO(), list[Translation]()
    engine = Engine(Profile(method="draft", cache=False), specialists=[Failing({EN_PT: WORDS})])
    Document(path, "en", "pt").translate(engine, out, watch=seen.append)
    assert out.getvalue() == b"# a casa\n\nold\n"
    assert [bool(item.error) for item in seen] == [False, True]


def test_targets_tell_a_format_only_of_its_own_spans() -> None:
    segment = Segment("a {0} b")
    made = drafting().translate([segment], "en", "pt")[0]
    assert [span.kind for span in made.spans] == ["placeholder"]
    assert Target.of(made).spans == ()


def test_context_comes_from_the_document_and_from_what_was_translated(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("the house\nblue\nold\n")
    fake = FakeGeneralist(["a casa", "azul", "velha"])
    profile = Profile(gate="off", cache=False, context=2, batch=1, template="scale", shots=0)
    engine = Engine(profile, specialists=[english_portuguese()], generalist=fake)
    document = Document(path, "en", "pt", context=2)
    done = list(document.translations(engine))
    assert [item.text for item in done] == ["a casa", "azul", "velha"]
    systems = [prompt.messages[0].content for prompt in fake.prompts]
    assert "so far" not in systems[0]
    assert '"the house" => "a casa"' in systems[1]
    assert '"the house" => "a casa"\n"blue" => "azul"' in systems[2]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.po does not exist"):
        Document(tmp_path / "none.po")
    with pytest.raises(InputError, match="is not a file"):
        Document(tmp_path)


def test_options_reach_the_format_with_canonical_languages(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    made = Document(path, "eng_Latn", "por_Latn", options=FormatOptions(encoding="latin-1"))
    assert (made.options.source, made.options.target, made.options.encoding) == ("en", "pt", "latin-1")


def test_a_backend_that_fails_ends_the_document(tmp_path: Path) -> None:
    class Broken(DictionarySpecialist):
        def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
            raise SpecialistError("broken")

    path = tmp_path / "a.txt"
    path.write_text("the house\n")
    engine = Engine(Profile(method="draft", cache=False), specialists=[Broken({EN_PT: WORDS})])
    with pytest.raises(SpecialistError, match="broken"):
        Document(path, "en", "pt").translate(engine, io.BytesIO())
