"""Names to classes, imported only when asked for, with entry points beside the built-in table.

A plug-in package adds a backend by an entry point in the group `scalemt.specialists`,
`scalemt.generalists` or `scalemt.methods`, whose value is the class (`my_package.module:MyClass`).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from scalemt.errors import ConfigurationError, UnknownNameError


class Registry:
    """One kind of thing that is chosen by name: specialists, generalists or methods.

    `builtin` maps each name to `"module:attribute"`; nothing is imported before `load`.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str]) -> None:
        self.kind = kind
        self._group = group
        self._builtin = dict(builtin)

    def names(self) -> list[str]:
        """Return all names, built in and plugged in, sorted."""
        return sorted({*self._builtin, *(point.name for point in entry_points(group=self._group))})

    def load(self, name: str) -> Any:
        """Import and return what `name` stands for; a plug-in cannot replace a built-in name.

        Raises:
            UnknownNameError: no such name; the message lists the valid ones.
            ConfigurationError: a plug-in that cannot be imported; the message names its package.
        """
        if name in self._builtin:
            module, _, attribute = self._builtin[name].partition(":")
            return getattr(import_module(module), attribute)
        for point in entry_points(group=self._group):
            if point.name == name:
                return _loaded(point, self.kind)
        raise UnknownNameError(self.kind, name, self.names())


def _loaded(point: EntryPoint, kind: str) -> Any:
    try:
        return point.load()
    except Exception as error:
        # Whatever goes wrong inside somebody else's package, the user must learn whose it is.
        package = point.dist.name if point.dist else "an unknown package"
        raise ConfigurationError(
            f"The {kind} {point.name!r} of the plug-in {package} ({point.value}) cannot be imported: {error}. "
            "Mend or uninstall that package."
        ) from error
