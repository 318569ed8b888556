"""Names that a trained model can have."""

from __future__ import annotations

from scalemt.errors import UsageError
from scalemt.specialists import SPECIALISTS
from scalemt.trained import check_name


def check_specialist_name(name: str) -> None:
    """Raise UsageError if `--specialist NAME` would not mean a model that was trained here."""
    check_name(name)
    if name in SPECIALISTS.names():
        raise UsageError(
            f"{name} is a specialist that is built in, and --specialist {name} goes on to mean that one. Give "
            "what is trained a name of its own."
        )
