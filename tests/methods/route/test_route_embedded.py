"""Routing with the real embedded models, by every router that needs no fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalemt.engine import Engine
from scalemt.engine.crew import DispatchPlan
from scalemt.types import Translation

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    assembly = Engine.from_profile(cache=False).assembly
    return {"specialists": assembly.specialists, "generalist": assembly.generalist}


def routed(models: dict[str, Any], texts: list[str], pair: tuple[str, str], **options: Any) -> list[Translation]:
    from scalemt.config import Configuration

    profile = Configuration().profile(method="route", cache=False, shots=2, options=options)
    return Engine(profile, **models).translate(texts, *pair)


def test_rules_ask_only_about_what_is_doubtful(models: dict[str, Any]) -> None:
    texts = ["A biblioteca abre ás nove.", "O flumgrobo esnarcou o quozo bimbado.", "", "É tarde."]
    done = routed(models, texts, ("gl", "en"))
    assert [item.error for item in done] == [None] * 4
    assert [item.segment.text for item in done] == texts
    plain, odd, empty, late = done
    assert [step.worker for step in plain.steps] == ["draft"]
    assert plain.usage.calls == late.usage.calls == 0
    assert [step.worker for step in odd.steps] == ["draft", "refine"]
    assert odd.usage.calls == 1
    assert (empty.text, empty.steps) == ("", ())


def test_a_pair_without_a_specialist_has_another_worker(models: dict[str, Any]) -> None:
    (item,) = routed(models, ["Das Haus ist blau."], ("de", "en"))
    assert [step.worker for step in item.steps] == ["few-shot"]
    assert item.text


def test_a_model_in_this_process_chooses_among_tokens(models: dict[str, Any]) -> None:
    texts = ["The library opens at nine.", "He let the cat out of the bag."]
    done = routed(models, texts, ("en", "pt"), router="token")
    for item in done:
        first = item.steps[0]
        assert first.router == "token"
        assert sum(share for _, share in first.probabilities) == pytest.approx(1, abs=1e-3)
        assert item.text


def test_the_plan_shares_what_is_loaded(models: dict[str, Any]) -> None:
    from scalemt.config import Configuration

    profile = Configuration().profile(method="route", cache=False)
    plan = Engine(profile, **models).plan("en", "pt")
    assert isinstance(plan, DispatchPlan)
    generalists = {id(part.generalist) for part in plan.parts() if part.generalist}
    assert generalists == {id(models["generalist"])}
