"""Numbers as people write them in two languages."""

from __future__ import annotations

import pytest

from scalemt.quality.numbers import differing_numbers, numbers


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1,000.50 dollars", "1.000,50 dólares"),
        ("12,345,678 people", "12.345.678 personas"),
        ("1,000 people", "1000 pessoas"),
        ("20,000 copies", "20\u00a0000 exemplaires"),
        ("20,000 copies", "20\u202f000 exemplaires"),
        ("20,000 copies", "20 000 kopier"),
        ("20,000 francs", "20’000 Franken"),
        ("12,34,567 rupees", "1234567 Rupien"),
        ("3.5 %", "3,5 %"),
        ("at 10:30", "às 10h30"),
        ("at 10:30", "um 10.30 Uhr"),
        ("at 7:00 pm", "a las 19 h"),
        ("at 3 p.m.", "à 15 h"),
        ("5.0 points", "5 puntos"),
        ("in the 1990s", "en los años 90"),
        ("in the 1990s", "nos anos 1990"),
        ("since 1995-96", "desde 1995-1996"),
        ("in the 19th century", "en el siglo XIX"),
        ("in the 18th century", "au XVIIIe siècle"),
        ("in the 1st century", "au Ier siècle"),
        ("in the 19th and 20th centuries", "nos séculos XIX e XX"),
        ("World War II", "2. Weltkrieg"),
        ("five people", "5 pessoas"),
        ("12 eggs", "doce huevos"),
        ("on 7 May", "am 07. Mai"),
        ("in 2020 300 people came", "300 Menschen kamen 2020"),
        ("100 km", "१०० किमी"),
        ("1,234.5 km", "١٬٢٣٤٫٥ كم"),
        ("page 3 of 10", "页码：3/10"),
        ("COVID-19", "la COVID-19"),
        ("the 1,2 and 3", "1, 2 und 3"),
        ("no number", "sem número"),
        ("A\x00B \x00 has NUL bytes", "A\x00B \x00 tem bytes NUL"),
        ("3\x00 and \x004", "3\x00 e \x004"),
    ],
)
def test_the_same_numbers(source: str, text: str) -> None:
    assert differing_numbers(source, text) == differing_numbers(text, source) == ({}, {})


@pytest.mark.parametrize(
    ("source", "text", "missing", "added"),
    [
        ("in 1977", "en 1997", {"1977"}, {"1997"}),
        ("5 people", "6 personas", {"5"}, {"6"}),
        ("40 mph (64 km/h)", "64 km/h", {"40"}, set()),
        ("2009 season", "temporada", {"2009"}, set()),
        ("a season", "temporada de 2009", set(), {"2009"}),
        ("1,000 people", "100 personas", {"1000"}, {"100"}),
        ("3.5 million", "3,6 millones", {"5"}, {"6"}),
        ("40 40 40", "40 40", {"40"}, set()),
        ("in the 19th century", "en el siglo XVIII", {"19"}, set()),
        ("13 eggs", "huevos", {"13"}, set()),
    ],
)
def test_other_numbers(source: str, text: str, missing: set[str], added: set[str]) -> None:
    found = differing_numbers(source, text)
    assert (set(found[0]), set(found[1])) == (missing, added)


def test_numbers_are_counted() -> None:
    assert numbers("7 of 07, 1,000 and 1000") == {"7": 2, "1000": 2}
    assert numbers("") == {}


def test_a_very_long_run_of_digits() -> None:
    digits = "1234567890" * 500
    assert differing_numbers(digits, digits) == ({}, {})
    assert differing_numbers(digits, "none")[0]
