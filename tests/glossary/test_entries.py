"""Glossaries and the directions they serve."""

from __future__ import annotations

from dataclasses import replace

import pytest

import scalemt.glossary
from scalemt.errors import ConfigurationError
from scalemt.glossary import Glossary, TermEntry
from scalemt.types import Pair

ENTRIES = (
    TermEntry("mask", "máscara"),
    TermEntry("mask", "mascarilha", "forbidden"),
    TermEntry("Bluetooth", "Bluetooth", "keep"),
)
GLOSSARY = Glossary(ENTRIES, "en", "pt", "health")


def test_the_public_names_are_there() -> None:
    assert all(hasattr(scalemt.glossary, name) for name in scalemt.glossary.__all__)


@pytest.mark.parametrize("pair", [Pair("en", "pt"), Pair("en-GB", "pt-BR")])
def test_the_same_languages_of_any_territory_fit(pair: Pair) -> None:
    assert GLOSSARY.for_pair(pair) is GLOSSARY


def test_the_opposite_direction_swaps_sides_and_drops_what_must_not_be_used() -> None:
    turned = GLOSSARY.for_pair(Pair("pt-BR", "en"))
    assert (turned.source, turned.target, turned.name) == ("pt", "en", "health")
    assert turned.entries == (TermEntry("máscara", "mask"), TermEntry("Bluetooth", "Bluetooth", "keep"))


def test_a_glossary_of_no_language_fits_every_pair_as_it_stands() -> None:
    glossary = Glossary(ENTRIES)
    assert glossary.for_pair(Pair("xh", "zu")) is glossary


def test_half_a_pair_of_languages_is_enough_to_tell_the_direction() -> None:
    assert Glossary(ENTRIES, source="en").for_pair(Pair("pt", "en")).entries[0].source == "máscara"
    with pytest.raises(ConfigurationError):
        Glossary(ENTRIES, source="en").for_pair(Pair("pt", "es"))


def test_two_territories_of_one_language_keep_their_direction() -> None:
    glossary = Glossary((TermEntry("autocarro", "ônibus"),), "pt-PT", "pt-BR")
    assert glossary.for_pair(Pair("pt-PT", "pt-BR")) is glossary
    assert glossary.for_pair(Pair("pt-BR", "pt-PT")).entries == (TermEntry("ônibus", "autocarro"),)


def test_another_pair_is_refused_and_both_are_named() -> None:
    with pytest.raises(ConfigurationError, match="health holds en to pt, not en to zh-Hant"):
        GLOSSARY.for_pair(Pair("en", "zh-Hant"))


def test_the_signature_tells_what_changes_translations() -> None:
    assert GLOSSARY.signature.startswith("health[3.")
    assert replace(GLOSSARY).signature == GLOSSARY.signature
    others = [
        replace(GLOSSARY, entries=ENTRIES[:2]),
        replace(GLOSSARY, target="es"),
        replace(GLOSSARY, entries=(replace(ENTRIES[0], status="admitted"), *ENTRIES[1:])),
    ]
    assert len({GLOSSARY.signature, *(other.signature for other in others)}) == 4
