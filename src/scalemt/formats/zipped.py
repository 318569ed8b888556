"""What the formats that are zip packages have in common: both passes go through the same code."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from scalemt.errors import UsageError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.member import Ask
from scalemt.formats.package import Package, open_package
from scalemt.types import Segment


class Rewritten(NamedTuple):
    """A member that was gone through: its bytes, and those it is to have."""

    name: str
    data: bytes
    new: bytes


class _Exhausted(Exception):  # noqa: N818  # StopIteration would not get out of a generator
    """There is no target left."""


class ZippedFormat(Format):
    """A document that is a zip package; a subclass goes through its members and asks for each segment."""

    packaged = True

    @abstractmethod
    def _members(self, package: Package, options: FormatOptions, ask: Ask) -> Iterator[Rewritten]:
        """Go through the members that hold text, in reading order; without answers they stay as they are."""

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        if options.encoding:
            raise UsageError(f"{path} is a {self.title}, which tells its encoding itself. Leave out --encoding.")
        found: list[Segment] = []
        with open_package(path) as package:
            for _ in self._members(package, options, found.append):
                yield from found
                found.clear()

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        def ask(_: Segment) -> Target:
            try:
                return next(targets)
            except StopIteration:
                raise _Exhausted from None

        with open_package(path) as package:
            try:
                members = [member for member in self._members(package, options, ask) if member.new != member.data]
            except _Exhausted:
                raise StopIteration from None
            package.write(out, {member.name: member.new for member in members})
