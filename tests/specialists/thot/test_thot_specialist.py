"""A small trained model: drafting, learning, odd input."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scalemt.errors import InputError, MissingExtraError, ModelError, NoRoadError
from scalemt.specialists.drafting import Drafting, by_sentences
from scalemt.specialists.learning import LearningSpecialist
from scalemt.specialists.thot import ThotSpecialist, train
from scalemt.types import Pair, Segment, Span
from specialists.thot.thot_memory import EN_ES, memory

pytestmark = pytest.mark.slow

TextOf = Callable[[ThotSpecialist, str], str]
ODD = (
    "file",
    "😀 🏳️‍🌈 😀",
    "\u0000\u0007",
    "a\u0000b \u200b\ufeff x",
    "\ud800 half",
    "<s> </s> <unk> ||| ({ }) # 1 NULL",
    "<b><i a='1'>open</i> the</b> <x1/>{0}%s&amp;[3] file",
    "ﾃｽﾄ 日本語のテキスト עברית نص",
    "a " * 500,
    " ".join(f"Open the file {number}." for number in range(170)),
    "." * 300,
    "x" * 5000,
    "￭￭ ￭ ⍽",
)


def test_drafts_in_order_and_number(specialist: ThotSpecialist) -> None:
    texts = ["Open the file.", "", "Where is the image?", "  ", "Please copy the image and the list."]
    drafts = specialist.draft(texts, EN_ES)
    assert [draft.text for (draft,) in drafts] == [
        "Abra el archivo.",
        "",
        "¿Dónde está la imagen?",
        "",
        "Por favor, copie la imagen y la lista.",
    ]
    assert {draft.language for (draft,) in drafts} == {"es"}
    assert {draft.engine for (draft,) in drafts} == {"thot"}
    assert drafts[0][0].alignment == ((0, 0), (1, 1), (2, 2))


def test_spacing_of_the_target_is_learnt(specialist: ThotSpecialist, text_of: TextOf) -> None:
    assert text_of(specialist, "The menu has 50% of the PDF.") == "El menú tiene el 50 % del PDF."
    wanted = 'En LibreOffice, elija "Herramientas" y cierre el menú.'
    assert text_of(specialist, 'In LibreOffice, choose "Tools" and close the menu.') == wanted


def test_confidences_are_those_of_the_words(specialist: ThotSpecialist) -> None:
    texts = [source for source, _ in memory()[:50]]
    for (draft,) in specialist.draft(texts, EN_ES):
        assert [word.text for word in draft.words] == draft.text.split()
        assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in draft.words)


def test_unknown_words_are_copied_with_confidence_0(specialist: ThotSpecialist) -> None:
    (draft,) = specialist.draft(["The Frobnicator is in the /usr/bin/Xyz window."], EN_ES)[0]
    sure = {word.text: word.confidence for word in draft.words}
    assert sure["Frobnicator"] == 0
    assert sure["/usr/bin/Xyz"] == 0
    assert (sure["está"] or 0) > 0.5


def test_case_follows_the_source(specialist: ThotSpecialist, text_of: TextOf) -> None:
    assert text_of(specialist, "OPEN THE FILE.") == "ABRA EL ARCHIVO."
    assert text_of(specialist, "open the file.") == "abra el archivo."
    assert text_of(specialist, "Open the file. Where is the image?") == "Abra el archivo. ¿Dónde está la imagen?"


def test_more_drafts_differ_and_are_repeated_where_there_are_no_more(specialist: ThotSpecialist) -> None:
    several = specialist.draft(["Open the file.", "Frobnicator"], EN_ES, 3)
    assert several[0][0].text == "Abra el archivo."
    assert len({draft.text for draft in several[0]}) > 1
    assert [draft.text for draft in several[1]] == ["Frobnicator"] * 3


def test_the_next_draft_knows_what_was_learnt_and_so_does_the_next_process(copied: Path, text_of: TextOf) -> None:
    one, other = ThotSpecialist(copied), ThotSpecialist(copied)
    assert isinstance(one, LearningSpecialist)
    source, target = "The antenna of the OBS-3 hums.", "La antena del OBS-3 zumba."
    assert text_of(one, source) != target
    assert text_of(other, source) != target
    before = one.signature
    one.learn(source, target, EN_ES)
    assert text_of(one, source) == target
    assert one.signature != before
    assert " " not in one.signature
    one.learn(source, target, EN_ES)  # the same again
    assert text_of(one, source) == target
    assert one.learnt_count == 2
    assert text_of(one, "Open the antenna.") == "Abra la antena."
    assert text_of(other, source) == target  # another process has learnt it, this one reads it
    again = ThotSpecialist(copied)
    assert again.learnt_count == 2
    assert again.signature == one.signature
    assert text_of(again, source) == target
    again.close()
    assert text_of(again, source) == target


def test_learning_all_leaves_out_what_cannot_be_learnt(copied: Path) -> None:
    specialist = ThotSpecialist(copied)
    items = [("Stop!", "¡Alto!"), ("", "a"), ("a", "\u0000"), ("a " * 300, "b"), ("Go!", "¡Siga!")]
    assert specialist.learn_all(items, EN_ES) == 2
    assert specialist.learnt_count == 2


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("", "a", "The source to learn is empty"),
        ("a " * 30, "b", "repeats a few words over and over"),
        ("a", "b " * 101, "The target to learn has 101 tokens"),
    ],
)
def test_what_cannot_be_learnt_is_refused(copied: Path, source: str, target: str, told: str) -> None:
    specialist = ThotSpecialist(copied)
    with pytest.raises(InputError, match=told):
        specialist.learn(source, target, EN_ES)
    assert not (copied / "learnt.jsonl").exists()


def test_odd_input_harms_nobody(copied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    specialist = ThotSpecialist(copied)
    for n in (1, 3):
        drafts = specialist.draft(ODD, EN_ES, n)
        assert [len(row) for row in drafts] == [n] * len(ODD)
        assert all(draft.text for row in drafts for draft in row)
    specialist.learn_all(((one, other) for one in ODD for other in (ODD[0], ODD[1], ODD[5], one)), EN_ES)
    assert specialist.draft(["Open the file."], EN_ES)[0][0].text
    assert all(draft.text for (draft,) in ThotSpecialist(copied).draft(ODD, EN_ES))
    assert capfd.readouterr().err == ""  # the library writes there what it was wrongly given


def test_long_texts_keep_all_their_sentences(specialist: ThotSpecialist) -> None:
    (draft,) = specialist.draft([" ".join(["Open the file. Where is the image?"] * 40)], EN_ES)[0]
    assert draft.text == " ".join(["Abra el archivo. ¿Dónde está la imagen?"] * 40)


def test_threads_take_turns(specialist: ThotSpecialist) -> None:
    texts = [source for source, _ in memory()[:20]]
    wanted = specialist.draft(texts, EN_ES)
    with ThreadPoolExecutor(4) as pool:
        assert all(made == wanted for made in pool.map(lambda _: specialist.draft(texts, EN_ES), range(8)))


def test_protected_spans_come_through(specialist: ThotSpecialist) -> None:
    text = "Open the <b>file</b> and the %s."
    spans = (
        Span(9, 12, "tag", 0, "open", 1),
        Span(16, 20, "tag", 1, "close", 0),
        Span(29, 31, "placeholder", 2),
    )
    (draft,) = Drafting(specialist, EN_ES, by_sentences("en")).draft([Segment(text, spans=spans)])[0]
    assert [draft.text[span.start : span.end] for span in draft.spans] == ["<b>", "</b>", "%s"]
    assert draft.repairs == ()


def test_another_pair_is_refused(specialist: ThotSpecialist) -> None:
    assert specialist.pairs() == [EN_ES]
    assert specialist.supports(Pair("en-GB", "es-MX"))
    assert specialist.cache_key(EN_ES) == ""
    with pytest.raises(NoRoadError, match=r"does not cover es->en\. Pairs it covers here: en->es"):
        specialist.draft(["a"], EN_ES.reversed)
    with pytest.raises(NoRoadError):
        specialist.learn("a", "b", Pair("en", "pt"))


@pytest.mark.parametrize("missing", ["thot.json", "casing.json", "tm/src_trg.ttable", "lm/trg.lm"])
def test_a_missing_file_is_named(copied: Path, missing: str) -> None:
    (copied / missing).unlink()
    with pytest.raises(ModelError, match=f"lacks {missing}.*[Tt]rain"):
        ThotSpecialist(copied)


@pytest.mark.parametrize("content", ["{", "[]", '{"source": "en"}', ""])
def test_a_spoilt_description(copied: Path, content: str) -> None:
    (copied / "thot.json").write_text(content)
    with pytest.raises(ModelError, match=r"thot\.json cannot be read.*Train the model anew"):
        ThotSpecialist(copied)


def test_a_description_of_something_else(copied: Path) -> None:
    about = json.loads((copied / "thot.json").read_text()) | {"aligner": "giza"}
    (copied / "thot.json").write_text(json.dumps(about))
    with pytest.raises(ModelError, match="names the aligner 'giza' and 8 weights"):
        ThotSpecialist(copied)


def test_tables_that_were_cut_off(copied: Path) -> None:
    path = copied / "tm" / "src_trg.ttable"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"src_trg\.ttable has 1000 bytes and had \d+ .* Copy the folder again"):
        ThotSpecialist(copied)


def test_tables_that_the_library_cannot_load(copied: Path) -> None:
    specialist = ThotSpecialist(copied)
    shutil.rmtree(copied / "lm")  # in the time between opening and loading
    with pytest.raises(ModelError, match=r"Thot cannot load the model in .* Train it anew"):
        specialist.draft(["a"], EN_ES)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"There is no model folder.*thot\.train"):
        ThotSpecialist(tmp_path / "absent")


def test_a_missing_package_names_its_extra(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "thot", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'scalemt\[thot\]'"):
        ThotSpecialist(copied)


def test_the_package_offers_both_ends() -> None:
    assert callable(train)
