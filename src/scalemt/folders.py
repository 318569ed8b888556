"""Where scalemt keeps what outlives a run: configuration, cache, and what a server is given."""

from __future__ import annotations

import os
from pathlib import Path


def config_dir() -> Path:
    """Return the user's configuration folder: `SCALEMT_CONFIG_DIR`, or where the platform wants it."""
    return _named("SCALEMT_CONFIG_DIR") or _of_the_platform("user_config_path")


def cache_dir() -> Path:
    """Return the cache folder: `SCALEMT_CACHE_DIR`, or where the platform wants it."""
    return _named("SCALEMT_CACHE_DIR") or _of_the_platform("user_cache_path")


def data_dir() -> Path:
    """Return the folder of what a server keeps: `SCALEMT_DATA_DIR`, or where the platform wants it."""
    return _named("SCALEMT_DATA_DIR") or _of_the_platform("user_data_path")


def _named(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def _of_the_platform(function: str) -> Path:
    import platformdirs

    return Path(getattr(platformdirs, function)("scalemt"))
