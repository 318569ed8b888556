"""What a trained model says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from scalemt.errors import ModelError
from scalemt.specialists.thot.native import ALIGNERS

ABOUT, CASING = "thot.json", "casing.json"
FEATURES = 8  # of the log-linear model


@dataclass(frozen=True)
class About:
    """What `thot.json` tells of a model.

    Args:
        source, target: canonical tags.
        pairs: how many were trained on.
        aligner: a key of `ALIGNERS`.
        weights: of the decoder's eight features.
        data: twelve digits of a hash over the pairs.
        versions: of what trained it.
        casing: how the case was treated.
        trained: when, in UTC.
        id: twelve digits that tell this training from any other.
        files: the size of each file of the model, in bytes.
    """

    source: str
    target: str
    pairs: int
    aligner: str
    weights: tuple[float, ...]
    data: str
    versions: dict[str, str] = field(default_factory=dict)
    casing: str = "lower"
    trained: str = ""
    id: str = ""
    files: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> About:
        """Read it from a model folder.

        Raises:
            ModelError: there is no such folder, or it holds no model of this kind.
        """
        path = folder / ABOUT
        mend = "Train one with scalemt.specialists.thot.train."
        if not folder.is_dir():
            raise ModelError(f"There is no model folder {folder}. {mend}")
        if not path.is_file():
            raise ModelError(f"The folder {folder} lacks {ABOUT}: it is no thot model. {mend}")
        try:
            about = cls(**json.loads(path.read_text("utf-8")))
            weights = tuple(float(weight) for weight in about.weights)
            usable = len(weights) == FEATURES and about.aligner in ALIGNERS
        except (OSError, ValueError, TypeError) as fault:
            raise ModelError(f"{path} cannot be read ({fault}). Train the model anew.") from None
        if not usable:
            raise ModelError(
                f"{path} names the aligner {about.aligner!r} and {len(weights)} weights; expected one of "
                f"{', '.join(ALIGNERS)}, and {FEATURES} weights. Train the model anew."
            )
        return about

    def check_files(self, folder: Path) -> None:
        """Check that the model is whole: the library can crash on tables that are cut off.

        Raises:
            ModelError: a file is missing, or is of another size than it was written with.
        """
        for name, size in self.files.items():
            path = folder / name
            if not path.is_file():
                raise ModelError(f"The folder {folder} lacks {name}. Copy it again, or train the model anew.")
            if path.stat().st_size != size:
                raise ModelError(
                    f"{path} has {path.stat().st_size} bytes and had {size} when it was trained: it was cut off "
                    "or changed. Copy the folder again, or train the model anew."
                )


def sizes(folder: Path) -> dict[str, int]:
    """Return the size of each file in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
