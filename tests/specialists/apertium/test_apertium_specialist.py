"""The real Apertium: independence of order, marks, odd texts, death, deadlines, choice of modes."""

from __future__ import annotations

import gc
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from scalemt.errors import ConfigurationError, NoRoadError, SpecialistError, UnknownNameError
from scalemt.specialists import SPECIALISTS, Specialist
from scalemt.specialists.apertium import ApertiumSpecialist
from scalemt.specialists.apertium.marks import escape, unescape
from scalemt.specialists.apertium.specialist import MODES_DIR
from scalemt.types import Pair, Word
from specialists.apertium.own_sentences import sentences

EN_ES = Pair("en", "es")
PAIRS = [Pair("eu", "en"), Pair("gl", "en"), Pair("es", "ca"), EN_ES]

needs_apertium = pytest.mark.skipif(
    not all(map(shutil.which, ("apertium", "apertium-wblank-mode", "lt-proc"))),
    reason="needs Debian's apertium packages",
)


@pytest.fixture(scope="module")
def apertium() -> Iterator[ApertiumSpecialist]:
    with ApertiumSpecialist(timeout=60.0) as made:
        yield made


def need(specialist: ApertiumSpecialist, pair: Pair) -> None:
    if not specialist.supports(pair):
        pytest.skip(f"no Apertium mode for {pair} is installed")


def draft(specialist: ApertiumSpecialist, texts: list[str], pair: Pair = EN_ES) -> list[str]:
    need(specialist, pair)
    return [row[0].text for row in specialist.draft(texts, pair)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@needs_apertium
class TestOrder:
    """No text depends on what was translated before it."""

    @pytest.mark.slow
    @pytest.mark.parametrize("pair", PAIRS, ids=str)
    def test_drafts_do_not_depend_on_order_or_batches(self, apertium: ApertiumSpecialist, pair: Pair) -> None:
        texts = sentences(pair.source)
        assert len(texts) > 100
        need(apertium, pair)
        straight = apertium.draft(texts, pair)
        for seed, size in enumerate((len(texts), 7)):
            order = list(range(len(texts)))
            random.Random(seed).shuffle(order)
            found = [
                row
                for at in range(0, len(order), size)
                for row in apertium.draft([texts[index] for index in order[at : at + size]], pair)
            ]
            assert found == [straight[index] for index in order]

    @pytest.mark.slow
    @pytest.mark.parametrize("pair", PAIRS, ids=str)
    def test_drafts_equal_a_fresh_run_of_apertium_on_each_text(
        self, apertium: ApertiumSpecialist, pair: Pair
    ) -> None:
        texts = random.Random(0).sample(sentences(pair.source)[:96], 12)
        drafted = draft(apertium, texts, pair)
        mode = apertium.mode_for(pair)
        assert mode is not None
        for text, found in zip(texts, drafted, strict=True):
            command = ["apertium", "-u", "-f", "none", mode]
            alone = subprocess.run(command, input=escape(text), capture_output=True, check=True).stdout
            assert found == unescape(alone, text).rstrip("\uffff")  # Apertium 3.8.3 adds one at the end of input

    def test_a_word_of_a_new_class_changes_nothing_after_it(self, apertium: ApertiumSpecialist) -> None:
        # "I" has a class that the English tagger was not trained on; it once changed unknown words for good.
        texts = ["The zorbly blenk was here.", "I saw it.", "The zorbly blenk was here."]
        first, _, last = draft(apertium, texts)
        assert first == last


@needs_apertium
class TestMarks:
    """Unknown words come out clean, with confidence 0; what the source had stays."""

    def test_unknown_words_are_clean_and_have_confidence_zero(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, EN_ES)
        [[found]] = apertium.draft(["The house and the zorbly."], EN_ES)
        assert found.text == "La casa y el zorbly."
        assert found.words[-1] == Word("zorbly.", 0.0)
        assert {word.confidence for word in found.words[:-1]} == {None}
        assert (found.engine, found.language, found.score) == ("apertium:eng-spa", "es", None)

    @pytest.mark.parametrize("pair", [EN_ES, Pair("en", "ca"), Pair("eu", "en"), Pair("es", "pt")], ids=str)
    @pytest.mark.parametrize(
        "text",
        ["*", "#", "@", "/", "^", "~", "$", "[", "]", "{", "}", "\\", "<", ">", "***", "[][", "\\\\", "5*3", "#1"],
    )
    def test_signs_of_the_source_stay_and_are_no_marks(
        self, apertium: ApertiumSpecialist, pair: Pair, text: str
    ) -> None:
        need(apertium, pair)
        [[found]] = apertium.draft([text], pair)
        assert found.text == text
        assert found.words == (Word(text, None),)

    def test_a_star_before_a_known_and_an_unknown_word(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, EN_ES)
        [[found]] = apertium.draft(["the house * the house, *zorbly and *"], EN_ES)
        assert found.text == "La casa * la casa, *zorbly y *"
        assert [word.confidence for word in found.words] == [None, None, None, None, None, 0.0, None, None]

    @pytest.mark.parametrize(
        "text", [r"C:\new\[house] {^2$} <b>house</b> /house/ ~house", "*house* #house @house ^house^"]
    )
    def test_signs_stay_in_their_order_among_words(self, apertium: ApertiumSpecialist, text: str) -> None:
        signs = re.sub(r"[\w\s]", "", text)
        [found] = draft(apertium, [text])
        assert re.sub(r"[\w\s]", "", found) == signs


@needs_apertium
class TestOddTexts:
    """Whatever is in a text, one line comes out for it and the next ones are not touched."""

    def test_odd_characters_pass_and_leave_neighbours_alone(self, apertium: ApertiumSpecialist) -> None:
        odd = [
            "😀 日本",
            "a\u2028b\u0085c\x0b\x0c",
            "\x01\x1b[0m",
            "e\u0301",
            "\ufeff",
            "half \ud800",
            "\xa0",
            "\t",
        ]
        odd += ["nul \0 nul", "two\nlines", "carriage\rreturn", "\ue000 ^", "[[t:b:x]]house[[/]]", "^a/b<n>$"]
        texts = [text for item in odd for text in (item, "The house.")]
        found = draft(apertium, texts)
        assert found[1::2] == ["La casa."] * len(odd)
        assert not any("\n" in text or "\0" in text for text in found)
        assert found[0] == odd[0]

    @pytest.mark.slow
    def test_a_line_of_a_hundred_thousand_characters_passes(self, apertium: ApertiumSpecialist) -> None:
        line = "The house is big. " * 5556
        [found] = draft(apertium, [line])
        assert found.count("casa") == 5556

    def test_a_word_of_a_hundred_thousand_characters_passes(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, EN_ES)
        word = "x" * 100_000
        [[found]] = apertium.draft([f"The house {word} is big."], EN_ES)
        assert found.text == f"La casa {word} es grande."
        assert [item.confidence for item in found.words] == [None, None, 0.0, None, None]

    def test_empty_texts_stay_empty(self, apertium: ApertiumSpecialist) -> None:
        assert draft(apertium, ["", "The house.", " "]) == ["", "La casa.", ""]


@needs_apertium
class TestProcesses:
    """Pipelines live long, are started again when they die, and leave nothing behind."""

    def test_a_pipeline_is_kept(self) -> None:
        with ApertiumSpecialist() as made:
            draft(made, ["The house."])
            before = made.pids()
            draft(made, ["The house."])
            assert before[0] in made.pids()
            assert len(before) > 8

    @pytest.mark.parametrize("position", [0, 2, 5, -1])
    def test_a_killed_pipeline_is_started_again(self, position: int) -> None:
        with ApertiumSpecialist() as made:
            assert draft(made, ["The house."]) == ["La casa."]
            before = made.pids()
            os.kill(before[position], signal.SIGKILL)
            assert draft(made, ["The house.", "A house."]) == ["La casa.", "Una casa."]
            assert not alive(before[position])

    @pytest.mark.slow
    def test_a_pipeline_killed_under_way_still_answers_every_text(self) -> None:
        with ApertiumSpecialist() as made:
            texts = sentences("en")
            expected = draft(made, texts)
            killer = Timer(0.1, os.kill, (made.pids()[-4], signal.SIGKILL))
            killer.start()
            assert draft(made, texts) == expected
            killer.join()

    def test_a_pipeline_that_dies_twice_names_mode_and_standard_error(self, tmp_path: Path) -> None:
        (tmp_path / "eng-spa.mode").write_text("lt-proc '/no/such.automorf.bin' | lt-proc $1 '/no/such.bin'")
        with ApertiumSpecialist(modes_dir=tmp_path) as made:
            with pytest.raises(SpecialistError, match=r"(?s)mode eng-spa .* failed again.*/no/such"):
                made.draft(["The house."], EN_ES)
            assert made.pids() == []

    def test_a_pipeline_that_hangs_is_an_error_and_not_for_ever(self) -> None:
        with ApertiumSpecialist(timeout=0.5) as made:
            need(made, EN_ES)
            made.draft(["The house."], EN_ES)
            os.kill(made.pids()[0], signal.SIGSTOP)
            with pytest.raises(SpecialistError, match=r"mode eng-spa hung: .* 0\.5 seconds"):
                made.draft(["The house."], EN_ES)
            assert made.pids() == []

    def test_closing_ends_all_and_a_later_draft_starts_anew(self) -> None:
        made = ApertiumSpecialist()
        draft(made, ["The house."])
        pids = made.pids()
        made.close()
        assert not any(map(alive, pids))
        assert draft(made, ["The house."]) == ["La casa."]
        made.close()

    def test_a_specialist_that_is_dropped_ends_its_processes(self) -> None:
        made = ApertiumSpecialist()
        draft(made, ["The house."])
        pids = made.pids()
        del made
        gc.collect()
        assert not any(map(alive, pids))

    def test_the_end_of_the_program_ends_all(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, EN_ES)
        script = (
            "from scalemt.specialists.apertium import ApertiumSpecialist as A; from scalemt.types import Pair\n"
            "a = A(); a.draft(['The house.'], Pair('en', 'es')); print(*a.pids())"
        )
        command = [sys.executable, "-W", "error", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        pids = [int(pid) for pid in done.stdout.split()]
        assert pids
        assert not any(map(alive, pids))
        assert done.stderr == ""


@needs_apertium
class TestModes:
    """Every installed mode is found; variants and one chosen mode can be had."""

    def test_it_is_a_specialist_of_the_registry(self, apertium: ApertiumSpecialist) -> None:
        assert SPECIALISTS.load("apertium") is ApertiumSpecialist
        assert isinstance(apertium, Specialist)

    def test_pairs_are_those_of_the_installed_modes(self, apertium: ApertiumSpecialist) -> None:
        pairs = apertium.pairs()
        assert pairs == sorted(set(pairs))
        for name, pair in {"eng-spa": EN_ES, "es-pt_BR": Pair("es", "pt-BR"), "eu-en": Pair("eu", "en")}.items():
            assert (pair in pairs) == Path(MODES_DIR, f"{name}.mode").exists()

    @pytest.mark.parametrize(
        ("source", "target", "mode"),
        [
            ("en", "ca", "eng-cat"),
            ("en", "ca-valencia", "eng-cat_valencia"),
            ("en-GB", "es-MX", "eng-spa"),
            ("es", "pt-BR", "es-pt_BR"),
            ("es", "pt-PT", "es-pt"),
            ("ca", "en-US", "cat-eng_US"),
        ],
    )
    def test_the_plainest_mode_that_serves_is_chosen(
        self, apertium: ApertiumSpecialist, source: str, target: str, mode: str
    ) -> None:
        need(apertium, Pair(source, target))
        assert apertium.mode_for(Pair(source, target)) == mode

    def test_a_variant_differs_from_the_plain_mode(self, apertium: ApertiumSpecialist) -> None:
        text = ["This boy has gone to look for a mirror."]
        plain, variant = (draft(apertium, text, Pair("en", tag)) for tag in ("ca", "ca-valencia"))
        assert plain != variant

    def test_one_mode_can_be_chosen(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, Pair("en", "ca-valencia"))
        with ApertiumSpecialist(mode="eng-cat_valencia_uni") as made:
            assert made.pairs() == [Pair("en", "ca-valencia")]
            assert made.mode_for(Pair("en", "ca-valencia")) == "eng-cat_valencia_uni"
            assert ";eng-cat_valencia_uni;" in made.signature

    def test_a_mode_that_is_not_installed_is_named_with_those_that_are(self) -> None:
        with pytest.raises(UnknownNameError, match="no Apertium mode named 'eng-xho'"):
            ApertiumSpecialist(mode="eng-xho")

    def test_the_signature_names_version_mode_and_hash(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, EN_ES)
        assert re.fullmatch(r"apertium\[\d[\d.]*;eng-spa;sha256:[0-9a-f]{12}\]", apertium.signature_for(EN_ES))
        assert re.fullmatch(r"apertium\[\d[\d.]*;\d+-modes;sha256:[0-9a-f]{12}\]", apertium.signature)
        assert ApertiumSpecialist().signature == apertium.signature

    def test_several_drafts_are_refused_and_not_made_up(self, apertium: ApertiumSpecialist) -> None:
        need(apertium, EN_ES)
        with pytest.raises(SpecialistError, match=r"one draft a text and was asked for 3.*several specialists"):
            apertium.draft(["The house."], EN_ES, n=3)

    def test_a_pair_without_mode_names_the_package(self, apertium: ApertiumSpecialist) -> None:
        pair = Pair("is", "en")
        if apertium.supports(pair):
            pytest.skip("apertium-isl-eng is installed")
        with pytest.raises(NoRoadError, match="apt-get install apertium apertium-isl-eng"):
            apertium.draft(["Húsið."], pair)


def test_an_empty_folder_has_no_pairs_and_says_what_to_install(tmp_path: Path) -> None:
    made = ApertiumSpecialist(modes_dir=tmp_path)
    assert made.pairs() == []
    assert made.signature == "apertium[none]"
    with pytest.raises(NoRoadError, match="apt-get install apertium apertium-eng-spa"):
        made.draft(["The house."], EN_ES)
    with pytest.raises(NoRoadError, match="for a first pair: apt-get install"):
        made.draft(["Indlu."], Pair("xh", "en"))


def test_without_apertium_there_are_no_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ApertiumSpecialist().pairs() == []


def test_a_folder_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no folder of Apertium modes"):
        ApertiumSpecialist(modes_dir="eng-cat_valencia")
