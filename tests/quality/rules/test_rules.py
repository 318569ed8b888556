"""Rules one by one: how they are written and said, what keeps and breaks them, what a program does for them."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.quality.rules import RULES, Rule, RuleSet, read_rules
from scalemt.quality.rules.amounts import words
from scalemt.quality.rules.calendar import Date, as_clock, dates, in_words, times
from scalemt.types import Pair, Segment

EN_PT = Pair("en", "pt")
KEPT = [
    ("max-words=3", "", "um dois três"),
    ("max-words=3", "", "um — dois, três !"),
    ("min-words=3", "", "um dois três"),
    ("max-characters=6", "", "abcdef"),
    ("min-characters=6", "", "abcdef"),
    ("max-ratio=1.5", "abcd", "abcdef"),
    ("lines=2x5", "", "abc\nabcde"),
    ("avoid=utilizar", "", "Use um botão inutilizar."),
    ("use=Você", "", "quando você quiser"),
    ("keep=Open Files", "no such words", "nada"),
    ("keep=Open Files", "Press Open Files.", "Prima Open  Files."),
    ("without=!?", "", "Olá."),
    ("no-emoji", "", "Olá © 5 → ok™"),
    ("delimiter=|", "a | b", "c | d"),
    ("start=Nota:", "", "Nota: olá"),
    ("end=[fim]", "", "olá [fim]"),
    ("casing=upper", "", "OLÁ, JOSÉ 3 D'ÁGUA"),
    ("casing=lower", "", "olá, josé"),
    ("casing=title", "", "O Guia da Cidade Velha"),
    ("casing=sentence", "", "O guia da Cidade Velha é velho"),
    ("quotes=guillemets", "", "«olá» e «adeus»"),
    ("quotes=french", "", "« bonjour »"),
    ("quotes=german", "", "„Tag“"),
    ("quotes=straight", "", 'sem aspas, ou "com"'),
    ("wrap=<p>…</p>", "", "<p>olá</p>"),
    ("json=text", "", '{"text": "di \\"olá\\""}'),
    ("json", "", '{"translation":"olá"}'),
    ("date=iso", "no date", "5 de março"),
    ("date=iso", "On March 5, 2024.", "Em 2024-03-05."),
    ("date=dd/mm/yyyy", "On 3/5/2024", "Em 05/03/2024"),
    ("date=long", "2024-12-01", "1 de dezembro de 2024"),
    ("clock=24h", "at 3:30 PM", "às 15:30."),
    ("clock=12h", "at 15:30", "às 3:30 PM"),
    ("clock=24h", "at 3:30", "às 3:30"),
    ("decimal=comma", "4.5 and 1,234.75", "4,5 e 1.234,75"),
    ("decimal=comma", "version 1.2.3 at 10.0.0.1", "versão 1.2.3 em 10.0.0.1"),
    ("thousands=point", "12,000 people", "12.000 pessoas"),
    ("thousands=none", "12,000 people", "12000 pessoas"),
    ("temperature=celsius", "at 68 °F", "a 20 °C"),
    ("temperature=celsius", "at 20 °C (68 °F)", "a 20 °C (68 °F)"),
    ("honorifics=formal", "", "O senhor pode entrar."),
    ("honorifics=formal", "", "A porta é azul."),
    ("variety=pt-PT", "", "O autocarro parou na paragem."),
]
BROKEN = [
    ("max-words=3", "", "um dois três quatro", "it has 4 words, and at most 3 are wanted"),
    ("min-words=3", "", "um dois", "at least 3"),
    ("max-characters=5", "", "abcdef", "6 characters"),
    ("max-ratio=1.2", "abcd", "abcdef", "at most 4"),
    ("lines=2x5", "", "abcdef", "does not fit on 2 lines"),
    ("lines=1x9", "", "a\nb", "does not fit on 1 lines of 9"),
    ("avoid=utilizar", "", "Utilizar um botão", "“utilizar” is there"),
    ("avoid=a casa", "", "na A  CASA azul", "must not be used"),
    ("use=você", "", "vocês", "“você” is not there"),
    ("keep=Open Files", "Open Files or Open Files", "Open Files ou abrir", "as it is, 2 times"),
    ("keep=Open", "Open", "open", "kept as it is"),
    ("without=!?", "", "Olá!", "“!” must not be used"),
    ("no-emoji", "", "Olá 👍🏽", "an emoji"),
    ("delimiter=|", "a | b", "c, d", "there 0 times, and in the source 1 times"),
    ("start=Nota:", "", "Nota, olá", "does not begin with “Nota:”"),
    ("end=[fim]", "", "olá", "does not end"),
    ("casing=upper", "", "OLÁ José", "“José” is not in upper case"),
    ("casing=title", "", "O Guia da cidade", "“cidade”"),
    ("casing=sentence", "", "olá", "begin with a capital"),
    ("casing=sentence", "", "O Guia Velho Da Cidade Velha", "like a title"),
    ("quotes=guillemets", "", 'di "olá"', "another quotation mark"),
    ("quotes=guillemets", "", "um “só", "another quotation mark"),
    ("wrap=<p>…</p>", "", "<p>olá", "not wrapped in “<p>…</p>”"),
    ("json=text", "", '{"text": "a", "more": "b"}', "one key"),
    ("json=text", "", '{"text": 3}', "one key"),
    ("json=text", "", "olá", "one key"),
    ("date=iso", "On March 5, 2024.", "Em 5 de março de 2024.", "written as 2024-03-05"),
    ("date=iso", "On March 5, 2024.", "Em 2024-03-06.", "written as 2024-03-05"),
    ("clock=24h", "at 3:30 p.m.", "às 3:30 da tarde", "written as 15:30"),
    ("decimal=comma", "4.5 dollars", "4.5 dólares", "4.5 must be written as 4,5"),
    ("thousands=space", "12,000 people", "12.000 pessoas", "12.000 must be written as 12\u00a0000"),
    ("temperature=celsius", "at 68 °F", "a 68 °F", "given as 20 °C"),
    ("honorifics=formal", "", "Tu podes entrar na tua casa.", "informal"),
    ("variety=pt-PT", "", "O ônibus parou no ponto.", "Portuguese (Brazil)"),
]
FINISHED = [
    ("lines=2x10", "", "uma linha longa", "uma linha\nlonga"),
    ("lines=3x42", "", "uma  linha curta", "uma  linha curta"),
    ("no-emoji", "", "Olá 👍🏽, amigo 🎉", "Olá, amigo"),
    ("start=Nota:", "", "olá", "Nota: olá"),
    ("end=[fim]", "", "olá", "olá [fim]"),
    ("end=.", "", "olá", "olá."),
    ("end=.", "", "olá.", "olá."),
    ("casing=upper", "", "Olá, José", "OLÁ, JOSÉ"),
    ("casing=title", "", "guia da cidade velha", "Guia da Cidade Velha"),
    ("casing=sentence", "", "olá, José", "Olá, José"),
    ("quotes=guillemets", "", 'di "olá" e "adeus"', "di «olá» e «adeus»"),
    ("quotes=curly", "", "« olá » e «adeus»", "“olá” e “adeus”"),
    ("quotes=french", "", '"olá"', "«\u00a0olá\u00a0»"),
    ("wrap=**…**", "", "olá", "**olá**"),
    ("json=text", "", 'di "olá"\\', '{"text": "di \\"olá\\"\\\\"}'),
    ("date=iso", "On March 5, 2024.", "Em 5 de março de 2024.", "Em 2024-03-05."),
    ("date=long", "On 2024-03-05.", "Em 05/03/2024.", "Em 5 de março de 2024."),
    ("clock=24h", "at 3:30 PM.", "às 3:30 p.m.", "às 15:30"),
    ("clock=12h", "from 15:30 to 17:05", "das 15h30 às 17:05", "das 3:30 PM às 5:05 PM"),
    ("decimal=point", "4.5 and 1,234.75", "4,5 e 1.234,75", "4.5 e 1,234.75"),
    ("decimal=comma", "2 of 4.5", "2 de 4.5 em 10.5.2", "2 de 4,5 em 10.5.2"),
    ("thousands=space", "12,000 of 1,234,567.5", "12.000 de 1.234.567,5", "12\u00a0000 de 1\u00a0234\u00a0567,5"),
    ("temperature=celsius", "at 68 °F", "a 68 °F", "a 20 °C"),
    ("temperature=fahrenheit", "at -5 °C", "a −5 ºC", "a 23 °F"),
]
LEFT = [
    ("quotes=guillemets", "", 'um " só'),
    ("lines=2x5", "", "demasiado longo"),
    ("max-words=1", "", "um dois"),
    ("date=iso", "On March 5, 2024.", "Em março de 2024."),
    ("clock=24h", "at 3:30 PM", "às três e meia"),
]


def rule(text: str) -> Rule:
    (only,) = read_rules(text).rules
    return only


@pytest.mark.parametrize(("text", "source", "translation"), KEPT)
def test_kept(text: str, source: str, translation: str) -> None:
    (verdict,) = read_rules(text).verdicts(Segment(source), translation, (), EN_PT)
    assert (verdict.name, verdict.passed, verdict.detail) == (text, True, "")


@pytest.mark.parametrize(("text", "source", "translation", "told"), BROKEN)
def test_broken(text: str, source: str, translation: str, told: str) -> None:
    (verdict,) = read_rules(text).verdicts(Segment(source), translation, (), EN_PT)
    assert not verdict.passed
    assert told in verdict.detail


@pytest.mark.parametrize(("text", "source", "translation", "finished"), FINISHED)
def test_finished_by_a_program(text: str, source: str, translation: str, finished: str) -> None:
    found = read_rules(text)
    done = found.finish(Segment(source), translation, (), EN_PT)
    assert done.text == finished
    assert all(check.passed for check in found.verdicts(Segment(source), done.text, (), EN_PT))
    assert done.told == ((text,) if finished != translation else ())
    # What is finished stays as it is.
    assert found.finish(Segment(source), done.text, (), EN_PT).text == finished


@pytest.mark.parametrize(("text", "source", "translation"), LEFT)
def test_what_a_program_cannot_do_stays_as_it_is(text: str, source: str, translation: str) -> None:
    done = read_rules(text).finish(Segment(source), translation, (), EN_PT)
    assert (done.text, done.told) == (translation, ())


@pytest.mark.parametrize("name", RULES.names())
def test_every_rule_has_an_example_that_says_itself(name: str) -> None:
    made = rule(RULES.load(name).example)
    assert made.name == name
    assert made.text == made.example
    said = made.say(EN_PT)
    assert said[0].isupper()
    assert said.endswith(".")
    assert "\n" not in said
    made.require(EN_PT)
    tried = [*KEPT, *[item[:3] for item in BROKEN]]
    assert name in {text.partition("=")[0] for text, *_ in tried}


@pytest.mark.parametrize(
    "text",
    [
        "max-words=",
        "max-words=no",
        "max-words=0",
        "max-words=³",
        "max-ratio=0",
        "max-ratio=-1",
        "lines=2",
        "lines=0x3",
        "avoid=",
        "keep",
        "without=a",
        "no-emoji=yes",
        "casing=loud",
        "quotes=odd",
        "wrap=<p>",
        "wrap=…",
        "json={}",
        "date=tomorrow",
        "clock=13h",
        "decimal=none",
        "thousands=dot",
        "temperature=kelvin",
        "honorifics=very",
        "variety=xx-nowhere-at-all",
        "start=",
        "delimiter=",
    ],
)
def test_a_wrong_value_is_told_with_an_example(text: str) -> None:
    example = RULES.load(text.partition("=")[0]).example
    with pytest.raises(ConfigurationError, match=r"needs .*, as in ") as caught:
        read_rules(text)
    assert example in str(caught.value)


def test_every_rule_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/methods/instruct.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| `((?:[^`|]|\\\|)+)` \|.*\|.*\|$", page, re.MULTILINE))
    assert list(rows) == RULES.names()
    assert {name: RULES.load(name).example for name in rows} == {
        name: example.replace("\\|", "|") for name, example in rows.items()
    }


def test_an_unknown_rule_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="max-words"):
        read_rules("max-word=3")


def test_a_language_that_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be checked in Basque, only in: .*pt"):
        read_rules("honorifics=formal").require(Pair("en", "eu"))
    with pytest.raises(ConfigurationError, match="another language than pt"):
        read_rules("variety=es-MX").require(EN_PT)
    with pytest.raises(ConfigurationError, match="names of months"):
        read_rules("date=long").require(Pair("en", "eu"))


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one — two!", 2), ("d'água 3,5 %", 2), ("我们去学校。", 5), ("ab 我们", 3), ("— … !", 0)],
)
def test_words_are_counted(text: str, count: int) -> None:
    assert words(text) == count


def test_dates_of_several_languages() -> None:
    day = Date(2024, 3, 5)
    for tag in ("ca", "de", "en", "es", "fr", "gl", "it", "nl", "pt"):
        text = in_words(day, tag)
        assert [found.what for found in dates(f"x {text}, y", tag)] == [day], text
    assert in_words(Date(2024, 8, 1), "fr") == "1er août 2024"
    assert in_words(Date(2024, 4, 1), "ca") == "1 d’abril de 2024"
    assert [found.what for found in dates("the 5th of March, 2024 and March 5th, 2024", "en")] == [day, day]
    # In figures the month of an American date stands first, unless that cannot be.
    assert dates("03/05/2024", "en")[0].what == dates("05/03/2024", "en-GB")[0].what == day
    assert dates("25/03/2024", "en")[0].what == Date(2024, 3, 25)
    assert dates("32/13/2024 1.2.3.2024 2024-3-5-1 5 of Smarch 2024", "en") == []
    assert dates("5 martxoa 2024", "eu") == []


def test_times_whose_half_of_the_day_is_certain() -> None:
    found = times("at 3 pm, 3:05 a.m. or 15h30, not at 3:30 or 12:15 or 1:2:3; 00:10. At 4 p.m.")
    assert [item.what for item in found] == [900, 185, 930, 10, 960]
    assert [as_clock(minutes, "12h") for minutes in (0, 720, 930)] == ["12:00 AM", "12:00 PM", "3:30 PM"]
    assert as_clock(65, "24h") == "01:05"


@pytest.mark.parametrize("name", RULES.names())
def test_what_is_proposed_for_a_text_its_reference_keeps(name: str) -> None:
    source = 'On March 5, 2024 at 3:30 PM Peter Brown | "ACME" sold 12,000 of 4.5 kg at 20 °C 🎉.'
    reference = (
        'Em 5 de março de 2024 às 15:30 Peter Brown | "ACME" vendeu 12.000 de 4,5 kg no trem a 20 °C, você sabe.'
    )
    segment, kind = Segment(source), RULES.load(name)
    proposed = kind.proposals(source, reference, EN_PT, random.Random(3))
    for value in proposed:
        found = RuleSet((kind(value),))
        done = found.finish(segment, reference, (), EN_PT)
        assert all(check.passed for check in found.verdicts(segment, done.text, (), EN_PT)), value
    if name not in ("avoid", "without", "lines", "max-ratio"):
        assert proposed
    assert kind.proposals("", "", EN_PT, random.Random(3)) == [] or name in ("start", "end", "wrap", "json")
