"""Which refiner that comes with scalemt is asked in the place of the generalist that it was trained on."""

from __future__ import annotations

from scalemt.config import Profile
from scalemt.methods import Method
from scalemt.refiners import fitting_refiner
from scalemt.specialists.road import DirectRoad, Road
from scalemt.types import Decision, Pair

_SHOWN = {"template", "shots", "selection", "demonstrations", "confidences"}
"""What people set about prompts: whoever does so means the model as it is."""


def refiner_for(
    profile: Profile, method: Method, road: Road | None, pair: Pair, generalist: str
) -> tuple[str, Decision] | None:
    """Return the name of the refiner for the drafts of a road, and the decision for it; or None.

    Args:
        profile: says whether it may be (`refiner`), and what prompts are to show: that of a refiner shows source
            and draft, and nothing else.
        generalist: signature of the model that would be asked otherwise.
    """
    if profile.refiner == "off" or method.name != "refine" or method.hints or _SHOWN & profile.explicit:
        return None
    if profile.memories or profile.glossary or profile.variety or profile.formality or profile.context:
        return None
    if not isinstance(road, DirectRoad):
        return None
    drafter = road.specialist.name
    name = fitting_refiner(generalist, pair, drafter)
    return (name, Decision("refiner", name, f"trained on drafts of {pair} by {drafter}")) if name else None
