"""Which Debian package serves a pair, for messages."""

from __future__ import annotations

from scalemt.languages import base
from scalemt.types import Pair

# Directions by package, Debian 12 (the mode names each package installs; Apertium 3.8.3).
_PACKAGES = {
    "apertium-eng-spa": "en>es es>en",
    "apertium-eng-cat": "en>ca ca>en",
    "apertium-eu-en": "eu>en",
    "apertium-eu-es": "eu>es",
    "apertium-en-gl": "en>gl gl>en",
    "apertium-eo-en": "eo>en en>eo",
    "apertium-hbs-eng": "sh>en hr>en bs>en sr>en en>sh en>hr en>bs en>sr-Latn",
    "apertium-isl-eng": "is>en",
    "apertium-mkd-eng": "mk>en",
    "apertium-spa-cat": "es>ca ca>es",
    "apertium-es-pt": "es>pt pt>es",
    "apertium-spa-ast": "es>ast",
    "apertium-oci-fra": "oc>fr fr>oc",
    "apertium-fra-cat": "fr>ca ca>fr",
    "apertium-fr-es": "fr>es es>fr",
}

_BY_PAIR = {
    tuple(direction.split(">")): package
    for package, directions in _PACKAGES.items()
    for direction in directions.split()
}


def install_hint(pair: Pair) -> str:
    """Return the line that installs Apertium for a pair, or "" where no known Debian package has it."""
    for key in (tuple(pair), (base(pair.source), base(pair.target))):
        if key in _BY_PAIR:
            return f"apt-get install apertium {_BY_PAIR[key]}"
    return ""
