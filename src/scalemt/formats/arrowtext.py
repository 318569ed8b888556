"""The strings inside Arrow arrays, each with its place, and arrays anew around those that changed.

Only strings become Python values: a time to the nanosecond or a decimal beside them is copied as Arrow holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scalemt.errors import InputError
from scalemt.formats.fieldpaths import Pattern, Place, Some

_TEXTS = ("string", "large_string", "string_view")


def kind_of(arrow_type: Any) -> str:
    """Return what a type is here: "text", "struct", "list", "fixed", "map", or "" for one that is only copied."""
    from pyarrow import types

    if types.is_dictionary(arrow_type):
        return "text" if str(arrow_type.value_type) in _TEXTS else ""
    if types.is_list(arrow_type) or types.is_large_list(arrow_type):
        return "list"
    tests = {"struct": types.is_struct, "fixed": types.is_fixed_size_list, "map": types.is_map}
    return next((name for name, holds in tests.items() if holds(arrow_type)), "") or (
        "text" if str(arrow_type) in _TEXTS else ""
    )


def patterns(arrow_type: Any, at: Pattern) -> Iterator[Pattern]:
    """Yield the places of strings in a value of a type; names of the members of a map are none."""
    kind = kind_of(arrow_type)
    if kind == "text":
        yield at
    elif kind == "struct":
        for number in range(arrow_type.num_fields):
            member = arrow_type.field(number)
            yield from patterns(member.type, (*at, member.name))
    elif kind in ("list", "fixed"):
        yield from patterns(arrow_type.value_type, (*at, Some.ITEM))
    elif kind == "map":
        yield from patterns(arrow_type.item_type, (*at, Some.MEMBER))


@dataclass(frozen=True, slots=True)
class Slot:
    """One string of an array: where it stands in a record, and in which `Text` at which index it is kept."""

    place: Place
    text: Text
    index: int

    @property
    def value(self) -> str:
        """The string."""
        value = self.text.values[self.index]
        assert value is not None  # noqa: S101  # `Text.strings` yields none that is null
        return value

    def put(self, value: str) -> None:
        """Replace the string."""
        self.text.put(self.index, value)


class Node:
    """An array some of whose strings may be replaced.

    Args:
        array: the array.
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        self._valid: Sequence[bool] | None = array.is_valid().to_pylist() if array.null_count else None

    def strings(self, index: int, place: Place) -> Iterator[Slot]:
        """Yield the strings of the value at an index, in order, nulls left out."""
        if self._valid is None or self._valid[index]:
            yield from self._strings(index, place)

    def _strings(self, index: int, place: Place) -> Iterator[Slot]:
        raise NotImplementedError

    def rebuilt(self) -> Any:
        """Return the array with what was put into it; the very same one where nothing was."""
        raise NotImplementedError


class Text(Node):
    """An array of strings, of any of Arrow's three kinds, or a dictionary of such."""

    def __init__(self, array: Any) -> None:
        super().__init__(array)
        self.values: list[str | None] = array.to_pylist()
        self._changed = False

    def put(self, index: int, value: str) -> None:
        """Replace a string."""
        self.values[index] = value
        self._changed = True

    def _strings(self, index: int, place: Place) -> Iterator[Slot]:
        yield Slot(place, self, index)

    def rebuilt(self) -> Any:
        """Return the array with what was put into it.

        Raises:
            InputError: the indices of a dictionary cannot number its strings.
        """
        return _texts(self.values, self.array.type) if self._changed else self.array


def _texts(values: Sequence[str | None], arrow_type: Any) -> Any:
    import pyarrow as pa

    if not pa.types.is_dictionary(arrow_type):
        return pa.array(values, arrow_type)
    encoded = pa.array(values, arrow_type.value_type).dictionary_encode()
    try:
        indices = encoded.indices.cast(arrow_type.index_type)
    except pa.ArrowInvalid:
        raise InputError(
            f"a few rows have {len(encoded.dictionary):,} different translations, more than the indices of the "
            f"type {arrow_type} can number. Write that column as plain strings and translate the file again."
        ) from None
    return pa.DictionaryArray.from_arrays(indices, encoded.dictionary, ordered=arrow_type.ordered)


class _Struct(Node):
    def __init__(self, array: Any, children: dict[int, Node]) -> None:
        super().__init__(array)
        self._children = children
        self._names = [array.type.field(number).name for number in range(array.type.num_fields)]

    def _strings(self, index: int, place: Place) -> Iterator[Slot]:
        for number, child in self._children.items():
            yield from child.strings(index, (*place, self._names[number]))

    def rebuilt(self) -> Any:
        import pyarrow as pa

        made = {number: child.rebuilt() for number, child in self._children.items()}
        if all(made[number] is child.array for number, child in self._children.items()):
            return self.array
        fields = [self.array.type.field(number) for number in range(len(self._names))]
        arrays = [made.get(number, self.array.field(number)) for number in range(len(self._names))]
        mask = self.array.is_null() if self.array.null_count else None
        return pa.StructArray.from_arrays(arrays, fields=fields, mask=mask)


class _List(Node):
    """A list of either size, or a fixed number of items.

    Args:
        array: the array.
        child: its items, those before and behind the slice included.
        offsets: where the items of a value begin, and one more for the end.
    """

    def __init__(self, array: Any, child: Node, offsets: Sequence[int]) -> None:
        super().__init__(array)
        self._child = child
        self._offsets = offsets

    def _strings(self, index: int, place: Place) -> Iterator[Slot]:
        first = self._offsets[index]
        for at in range(first, self._offsets[index + 1]):
            yield from self._child.strings(at, (*place, at - first))

    def rebuilt(self) -> Any:
        made = self._child.rebuilt()
        return self.array if made is self._child.array else self._around(made)

    def _around(self, made: Any) -> Any:
        """Return the array around other items: its own buffers (validity, offsets), which come first, stay."""
        import pyarrow as pa

        array = self.array
        own = array.buffers()[: 1 if kind_of(array.type) == "fixed" else 2]
        return pa.Array.from_buffers(array.type, len(array), own, array.null_count, array.offset, [made])


class _Map(_List):
    def __init__(self, array: Any, child: Node, offsets: Sequence[int]) -> None:
        super().__init__(array, child, offsets)
        self._names = [str(name) for name in array.keys.to_pylist()]

    def _strings(self, index: int, place: Place) -> Iterator[Slot]:
        for at in range(self._offsets[index], self._offsets[index + 1]):
            yield from self._child.strings(at, (*place, self._names[at]))

    def _around(self, made: Any) -> Any:
        import pyarrow as pa

        fields = [self.array.type.key_field, self.array.type.item_field]
        return super()._around(pa.StructArray.from_arrays([self.array.keys, made], fields=fields))


def node_of(array: Any, at: Pattern, chosen: Collection[Pattern]) -> Node | None:
    """Return an array as a tree down to the strings at the chosen places; None where there are none.

    Args:
        array: of a column, or inside of one.
        at: its place.
        chosen: places that `patterns` gave.
    """
    if not any(place[: len(at)] == at for place in chosen):
        return None
    kind = kind_of(array.type)
    build: dict[str, Callable[[Any, Pattern, Collection[Pattern]], Node | None]] = {
        "text": lambda array, at, chosen: Text(array),
        "struct": _struct,
        "list": _list,
        "fixed": _fixed,
        "map": _map,
    }
    return build[kind](array, at, chosen) if kind else None


def _struct(array: Any, at: Pattern, chosen: Collection[Pattern]) -> Node | None:
    children = {}
    for number in range(array.type.num_fields):
        child = node_of(array.field(number), (*at, array.type.field(number).name), chosen)
        if child:
            children[number] = child
    return _Struct(array, children) if children else None


def _list(array: Any, at: Pattern, chosen: Collection[Pattern]) -> Node | None:
    child = node_of(array.values, (*at, Some.ITEM), chosen)
    return _List(array, child, array.offsets.to_pylist()) if child else None


def _fixed(array: Any, at: Pattern, chosen: Collection[Pattern]) -> Node | None:
    child = node_of(array.values, (*at, Some.ITEM), chosen)
    size = array.type.list_size
    offsets = [(array.offset + number) * size for number in range(len(array) + 1)]
    return _List(array, child, offsets) if child else None


def _map(array: Any, at: Pattern, chosen: Collection[Pattern]) -> Node | None:
    child = node_of(array.items, (*at, Some.MEMBER), chosen)
    return _Map(array, child, array.offsets.to_pylist()) if child else None
