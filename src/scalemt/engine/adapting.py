"""Which refiner that comes with scalemt is asked in the place of the generalist that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from scalemt.config import Profile
from scalemt.methods import Method
from scalemt.quality.calibration import Calibration, load_calibration
from scalemt.refiners import CALIBRATION, fitting_refiner, packaged_refiners
from scalemt.specialists.road import DirectRoad, Road
from scalemt.types import Decision, Pair

_SHOWN = {"template", "shots", "selection", "demonstrations", "confidences"}
"""What people set about prompts: whoever does so means the model as it is."""


@dataclass(frozen=True)
class Adapted:
    """A refiner that takes the place of the model that it was trained on.

    Args:
        name: of the packaged refiner.
        decision: that holds for every segment.
        calibration: the gate as fitted on its answers, for who has not calibrated; None where it came without.
    """

    name: str
    decision: Decision
    calibration: Calibration | None


def refiner_for(
    profile: Profile,
    method: Method,
    road: Road | None,
    pair: Pair,
    generalist: str,
    calibration: Calibration | None,
) -> Adapted | None:
    """Return the refiner for the drafts of a road, or None.

    Args:
        profile: says whether it may be (`refiner`), and what prompts are to show: that of a refiner shows source
            and draft, and nothing else.
        generalist: signature of the model that would be asked otherwise.
        calibration: the user's own for this pair: where that was made without an adapter, it stays so.
    """
    if profile.refiner == "off" or method.name != "refine" or method.hints or _SHOWN & profile.explicit:
        return None
    if profile.memories or profile.glossary or profile.variety or profile.formality or profile.context:
        return None
    if not isinstance(road, DirectRoad) or (calibration and "+lora:" not in calibration.backends):
        return None
    drafter = road.specialist.name
    name = fitting_refiner(generalist, pair, drafter)
    if name is None:
        return None
    fitted = load_calibration(packaged_refiners().folder(name) / CALIBRATION)
    return Adapted(name, Decision("refiner", name, f"trained on drafts of {pair} by {drafter}"), fitted)
