"""Which languages are served, by the codes of others."""

from __future__ import annotations

import pytest

from scalemt.config import Profile
from scalemt.serve.surfaces.deepl.codes import source_code, source_codes, target_codes
from scalemt.serve.tongues import Tongues
from scalemt.types import Pair

_TONGUES = Tongues([Pair("en", "pt"), Pair("pt", "en"), Pair("es", "ca-valencia"), Pair("en", "zh-Hant")])


def test_what_there_is_by_name() -> None:
    assert _TONGUES.sources == ["en", "pt", "es"]
    assert _TONGUES.targets == ["ca-valencia", "zh-Hant", "en", "pt"]
    assert _TONGUES.targets_of("en") == ["zh-Hant", "pt"]


@pytest.mark.parametrize(
    ("code", "tag"), [("PT-BR", "pt-BR"), ("por_Latn", "pt"), ("English", "en"), ("fr", None), ("x\x00", None)]
)
def test_codes_are_known_with_and_without_territories(code: str, tag: str | None) -> None:
    assert _TONGUES.known(code, _TONGUES.sources) == tag


def test_pairs_are_served_without_their_territories() -> None:
    assert _TONGUES.serves(Pair("en-GB", "pt-BR"))
    assert not _TONGUES.serves(Pair("es", "pt"))
    assert not _TONGUES.serves(Pair("en", "zh"))


def test_where_nobody_tells_all_may_be() -> None:
    tongues = Tongues([])
    assert tongues.known("fr", tongues.sources) == "fr"
    assert tongues.known("nonsense", tongues.sources) is None
    assert tongues.serves(Pair("fr", "de"))


def test_formality_wants_a_generalist_and_examples() -> None:
    assert Tongues([Pair("en", "pt")]).has_formality("auto", "pt-BR", Profile(method="refine"))
    assert not _TONGUES.has_formality("en", "pt-BR", Profile(method="draft"))
    assert not _TONGUES.has_formality("en", "zh-Hant", Profile(method="refine"))
    mine = Profile(method="refine", demonstrations="mine.jsonl")
    assert _TONGUES.has_formality("en", "zh-Hant", mine)


def test_deepl_codes() -> None:
    assert [source_code(tag) for tag in ("en", "pt-BR", "zh-Hant", "ca-valencia")] == ["EN", "PT", "ZH", "CA"]
    assert source_codes(["en-US", "en", "zh-Hant"]) == {"ZH": "zh", "EN": "en"}
    assert list(target_codes(["en", "pt", "zh", "zh-Hant", "de", "pt-BR", "ca-valencia"])) == [
        "ZH",
        "ZH-HANS",
        "ZH-HANT",
        "EN-GB",
        "EN-US",
        "DE",
        "PT-BR",
        "PT-PT",
    ]
