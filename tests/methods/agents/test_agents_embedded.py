"""The method agents on the embedded models, a text of our own, and a dictionary in dictd's format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dictionaries import ENGLISH_PORTUGUESE, write_dictionary
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.types import Segment

TEXTS = [
    "The new strain is well adapted to its host.",
    "Each patient with shortness of breath was given oxygen.",
    "Face masks are worn by all health-care providers.",
    "Health-care providers clean their face masks with <b>soap</b>.",
]


@pytest.mark.slow
@pytest.mark.parametrize("by", ["auto", "specialist"])
def test_on_the_embedded_models(tmp_path: Path, by: str) -> None:
    write_dictionary(tmp_path, "freedict-eng-por", ENGLISH_PORTUGUESE)
    path = tmp_path / "graph.json"
    options = {"by": by, "sources": f"freedict:{tmp_path}", "graph": str(path)}
    engine = Engine(Profile(method="agents", shots=1, cache=False, options=options))
    done = engine.translate([Segment(text, str(number)) for number, text in enumerate(TEXTS, 1)], "en", "pt")
    assert all(item.text and item.error is None for item in done)
    # A base model is asked for the translation alone.
    assert [item.usage.calls for item in done] == [int(by == "auto")] * len(done)
    assert "<b>" in done[3].text
    (document,) = json.loads(path.read_text("utf-8"))["documents"]
    states = {node["id"]: node["state"] for node in document["nodes"] if node["kind"] == "translation"}
    # What the dictionary has for it comes back as "asthma".
    assert states["translation:shortness of breath/asma"] == "refused"
    reasons = {node["text"]: node["reasons"] for node in document["nodes"] if node["kind"] == "term"}
    assert reasons["health-care provider"] == [{"by": "evidence", "why": "comes again in the document"}]
    assert document["consistency"]["uses"] >= 2
