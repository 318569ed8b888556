"""What a record of a data set is, however its format holds it, and how a data set is written anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from scalemt.formats.fieldpaths import Place
from scalemt.formats.fieldtext import FieldText
from scalemt.types import Segment

Kind = Literal["flag", "text", "texts", "number", "segments"]
"""What a column that is added holds: a truth value, a text, a list of them, a number, or segments as objects."""


class Row(ABC):
    """A record as its format holds it."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """Return the record as Python values, by the names of its columns."""

    @property
    @abstractmethod
    def size(self) -> int:
        """About how many characters or bytes of memory it holds."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a data set.

    Args:
        name: as `scalemt.text.selective.record_of` gives it: "line 12", "row 7".
        row: the record as its format holds it, for writing it anew without loss.
        fields: what is to be translated, with its place in the record; of CSV the place is the name of the column.
    """

    name: str
    row: Row
    fields: tuple[tuple[Place, FieldText], ...]

    @property
    def values(self) -> dict[str, Any]:
        """The record as Python values, made when they are asked for.

        Of JSON Lines the object, its last member where a name stands twice, and numbers that a float cannot hold
        as `Decimal`; of a line that is no object `{"value": …}`. Of CSV by the header, or "1", "2" … without one.
        Of Parquet by column, what Python cannot hold (nanoseconds) as text.
        """
        return self.row.values()

    @property
    def segments(self) -> list[Segment]:
        """What is to be translated, in order."""
        return [segment for _, field in self.fields for segment in field.segments]


@dataclass(frozen=True)
class Plan:
    """Which columns a data set has when it is written.

    Args:
        keep: names of the columns that stay; empty keeps all.
        drop: names of those that go.
        both: columns that were translated stand beside their source.
        added: names and kinds of the columns that are added.
    """

    keep: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    both: bool = False
    added: tuple[tuple[str, Kind], ...] = ()

    def keeps(self, name: str) -> bool:
        """Whether a column stays."""
        return name not in self.drop and (not self.keep or name in self.keep)

    @property
    def plain(self) -> bool:
        """Whether the columns are as they were."""
        return not (self.keep or self.drop or self.both or self.added)

    @property
    def adds(self) -> bool:
        """Whether there are more columns than before."""
        return self.both or bool(self.added)


def source_name(name: str) -> str:
    """Return what the column is called that holds what stood in another one before it was translated."""
    return f"{name}_source"


def taken(names: Sequence[str], new: Sequence[str]) -> str:
    """Return the first name that a column has already, with what can be done, or nothing."""
    for number, name in enumerate(new):
        if name in names or name in new[:number]:
            return f"a column named {name!r} is there already. Drop or rename it, or leave out what adds it."
    return ""


class Sink(ABC):
    """Writes records of one data set; as a context manager it ends the file, unless something was raised."""

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        return None

    @abstractmethod
    def add(self, record: Record, texts: Sequence[str | None], extras: Sequence[Any]) -> None:
        """Write a record.

        Args:
            record: one of the data set, in its order.
            texts: for each of its fields what stands there now, None for what stood there before.
            extras: the values of the columns that are added; None for what is not known.

        Raises:
            InputError: it does not fit the columns that are added, or the encoding of the file.
        """


class DataSet(ABC):
    """A file, read record by record as often as is wanted; as a context manager it lets go of the file."""

    def __enter__(self) -> DataSet:
        return self

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        return None

    @abstractmethod
    def columns(self) -> Iterator[str]:
        """Yield the names of the columns, each once, as they are met."""

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Yield the records; their segments are those of `Format.read`, in the same order.

        Raises:
            InputError: the file cannot be read as its format.
        """

    @abstractmethod
    def sink(self, out: BinaryIO, plan: Plan) -> Sink:
        """Return what writes records of this file in its format.

        Raises:
            InputError: the name of a column that is added is taken, as far as that is known before the records.
        """
