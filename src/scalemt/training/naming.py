"""Names that a trained model can have."""

from __future__ import annotations

from scalemt.errors import UsageError
from scalemt.generalists import GENERALISTS
from scalemt.registry import Registry
from scalemt.specialists import SPECIALISTS
from scalemt.trained import check_name


def check_specialist_name(name: str) -> None:
    """Raise UsageError if `--specialist NAME` would not mean a model that was trained here."""
    _check(name, SPECIALISTS)


def check_generalist_name(name: str) -> None:
    """Raise UsageError if `--generalist NAME` would not mean a model that was trained here."""
    _check(name, GENERALISTS)


def _check(name: str, registry: Registry) -> None:
    check_name(name)
    if name in registry.names():
        raise UsageError(
            f"{name} is a {registry.kind} that is built in, and --{registry.kind} {name} goes on to mean that "
            "one. Give what is trained a name of its own."
        )
