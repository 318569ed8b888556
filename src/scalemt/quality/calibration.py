"""What was learnt about one pair on a development set: method, shots, third candidate, scales, threshold."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from scalemt.errors import ConfigurationError
from scalemt.lines import write_whole
from scalemt.quality.deferral import DeferralModel
from scalemt.quality.gate import Scale
from scalemt.types import Pair


@dataclass(frozen=True)
class Calibration:
    """The choice for one pair of one profile, and what it rests on.

    Args:
        pair: as `str(Pair)`.
        backends: signatures of road, generalist and template; with others the calibration does not hold.
        method, shots, third, threshold, scales: the choice.
        segments: size of the development set.
        scores: chrF++ of everything that was compared, for `--explain` and for people.
        deferral: by mode of the gate, what asking the generalist is expected to gain; empty in files of before.
        curve: chrF++ at each budget as cross-validation tells it, with the gate of the profile.
    """

    pair: str
    backends: str
    method: str
    shots: int
    third: str
    threshold: float
    scales: dict[str, Scale]
    segments: int
    scores: dict[str, float] = field(default_factory=dict)
    deferral: dict[str, DeferralModel] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write to a JSON file, replacing an older one in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")


def calibration_path(folder: Path, profile: str, pair: Pair) -> Path:
    """Return where the calibration of a profile and pair lies under the configuration folder."""
    return folder / "calibration" / profile / f"{pair.source}-{pair.target}.json"


def load_calibration(path: Path) -> Calibration | None:
    """Return a stored calibration, or None when there is none.

    Raises:
        ConfigurationError: the file is not what `save` writes; the message names it.
    """
    if not path.is_file():
        return None
    try:
        return TypeAdapter(Calibration).validate_json(path.read_bytes())
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise ConfigurationError(
            f"The calibration {path} cannot be read ({place}: {fault['msg']}). Delete it, or run scalemt "
            "calibrate again."
        ) from None
