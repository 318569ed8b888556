"""The module ray itself, loaded when it is asked for: this package is imported without it."""

from __future__ import annotations

from typing import Any

from scalemt.errors import MissingExtraError


def load_ray() -> Any:
    """Return the module, with `ray.data` loaded.

    Raises:
        MissingExtraError: it is not installed, or without its part for data sets.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("A job on Ray", "ray") from None
    return ray
