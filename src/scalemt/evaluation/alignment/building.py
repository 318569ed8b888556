"""Aligners by name; each is imported only when it is asked for."""

from __future__ import annotations

import inspect
from typing import Any

from scalemt.errors import ConfigurationError
from scalemt.evaluation.alignment.base import Aligner
from scalemt.registry import Registry
from scalemt.types import Pair

DEFAULT = "fast-align"

ALIGNERS = Registry(
    "aligner",
    "scalemt.aligners",
    {
        "fast-align": "scalemt.evaluation.alignment.fast_align:FastAlign",
        "awesome-align": "scalemt.evaluation.alignment.awesome:AwesomeAlign",
        "pharaoh": "scalemt.evaluation.alignment.pharaoh:PharaohFiles",
    },
)


def build_aligner(spec: str = "", *, threads: int = 1, pair: Pair | None = None) -> Aligner:
    """Return the aligner that `spec` names; none is named: fast-align.

    Args:
        spec: `fast-align`, `fast-align:SRC,TGT` (more parallel text to train on), `awesome-align:FOLDER`,
            `pharaoh:FILE`, `pharaoh:FOLDER`, or the name of a plug-in with its argument behind a colon.
        threads: CPU threads, for those that can use more than one.
        pair: the languages of the texts, for those that read further files of them.

    Raises:
        UnknownNameError: no such aligner; the message lists the valid ones.
        ConfigurationError: an argument where none is taken, or none where one is needed.
        MissingExtraError: its library is not installed.
        ModelError, InputError: what the argument names is not there, or not what it should be.
    """
    name, _, argument = (spec or DEFAULT).partition(":")
    factory = ALIGNERS.load(name.lower())
    parameters = inspect.signature(factory).parameters
    given: dict[str, Any] = {"argument": argument} if argument else {}
    if argument and "argument" not in parameters:
        raise ConfigurationError(f"The aligner {name} takes no argument behind the colon, found {argument!r}.")
    needed = parameters.get("argument")
    if not argument and needed is not None and needed.default is inspect.Parameter.empty:
        raise ConfigurationError(f"The aligner {name} needs a path behind a colon: {name}:PATH.")
    given |= {key: value for key, value in {"threads": threads, "pair": pair}.items() if key in parameters}
    aligner: Aligner = factory(**given)
    return aligner
