"""ICU messages as segments: one for each branch, as a whole sentence, and the message anew from their targets.

What stands around a plural or a choice is moved into its branches: no language can be translated in halves of
sentences. A target language that counts otherwise gets the branches that it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from scalemt.formats.base import Target
from scalemt.formats.plurals import categories
from scalemt.text.icu import Argument, Branch, Choice, IcuError, Node, Text, names, parse, quoted, written
from scalemt.text.spans import between, rebuild
from scalemt.types import Segment, Span

MOST_LEAVES = 64
"""A message with more branches than this is translated in the pieces that it is written in."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A text between which no choice is left: its nodes, and where it stands ("count=one, who=other")."""

    nodes: tuple[Text | Argument | Choice, ...]
    path: str
    counting: bool
    closed: bool  # a brace follows

    @property
    def speaks(self) -> bool:
        """Whether there is a letter in it."""
        return any(isinstance(node, Text) and any(map(str.isalpha, node.text)) for node in self.nodes)

    def segment(self, name: str, note: str) -> Segment:
        """Return it as a segment; arguments are protected, and a choice that stays inside is."""
        pieces: list[str | tuple[Span, str]] = []
        for node in self.nodes:
            if isinstance(node, Text):
                pieces.append(node.text)
            else:
                key = sum(isinstance(piece, tuple) for piece in pieces)
                shown = node.raw if isinstance(node, Argument) else f"{{{node.name}}}"
                pieces.append((Span(0, 0, "placeholder", key), shown))
        text, spans = rebuild(pieces)
        where = f"{name} [{self.path}]" if self.path else name
        return Segment(text, where, spans, syntax=(), note=note)

    def filled(self, target: Target) -> tuple[Node, ...]:
        """Return the nodes with a translation."""
        held = [node for node in self.nodes if not isinstance(node, Text)]
        spans = sorted(target.spans, key=lambda span: span.start)
        plain = between(target.text, spans)
        nodes: list[Node] = []
        for number, text in enumerate(plain):
            last = number == len(plain) - 1
            if text:
                raw = quoted(text, counting=self.counting, before_brace=self.closed if last else True)
                nodes.append(Text(text, raw))
            if not last:
                nodes.append(held[spans[number].key])
        return tuple(nodes)


@dataclass(frozen=True)
class IcuText:
    """A message in leaves.

    Args:
        value: the message as it stands.
        message: the message with choices around whole sentences.
        leaves: its texts, in order.
    """

    value: str
    message: tuple[Node, ...]
    leaves: tuple[_Leaf, ...]

    @classmethod
    def of(cls, value: str, declared: frozenset[str] = frozenset()) -> IcuText:
        """Take a message apart.

        Args:
            value: the message.
            declared: names of arguments that it is known to have. Where apostrophes hide one of them, the program
                that reads the message takes them as they are.

        Raises:
            IcuError: it is no message.
        """
        message = _parsed(value, declared)
        expanded = _expanded(message)
        leaves = tuple(_leaves(expanded, "", counting=False, closed=False))
        if len(leaves) > MOST_LEAVES:
            expanded = message
            leaves = tuple(_leaves(expanded, "", counting=False, closed=False))
        return cls(value, expanded, leaves)

    def segments(self, name: str, note: str = "") -> list[Segment]:
        """Return what is to be translated."""
        return [leaf.segment(name, note) for leaf in self.leaves if leaf.speaks]

    def rebuilt(self, targets: Iterator[Target], language: str) -> str:
        """Return the message with one target a segment.

        Args:
            targets: of the segments, in order.
            language: of the translation; its plural categories that the message lacks get what "other" has.
        """
        changed = False
        filled: list[tuple[Node, ...]] = []
        for leaf in self.leaves:
            mine = leaf.segment("", "")
            target = next(targets) if leaf.speaks else Target.same(mine)
            if target.failed:
                target = Target.same(mine)
            changed = changed or (target.text, target.spans) != (mine.text, mine.spans)
            # Also what stays is written anew: a sign may mean something where it was moved to.
            filled.append(leaf.filled(target))
        if not changed:
            return self.value
        return written(_more(_refilled(self.message, iter(filled)), language))


def _parsed(value: str, declared: frozenset[str]) -> tuple[Node, ...]:
    try:
        message = parse(value)
    except IcuError:
        if not declared or "'" not in value:
            raise
        return parse(value, quoting=False)
    if "'" in value and not declared <= set(names(message)):
        try:
            plain = parse(value, quoting=False)
        except IcuError:
            return message
        if declared <= set(names(plain)):
            return plain
    return message


def _expanded(message: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the message with what stands around its first choice moved into the branches; so inside them."""
    place = next((number for number, node in enumerate(message) if isinstance(node, Choice)), -1)
    if place < 0:
        return message
    choice = message[place]
    assert isinstance(choice, Choice)  # noqa: S101  # for the type checker
    before, after = message[:place], message[place + 1 :]
    if any(map(_counted, (*before, *after))):
        return message  # a number sign that is moved into another plural would be another number
    if not before and not after:
        return (replace(choice, branches=tuple(_with(item, item.message) for item in choice.branches)),)
    branches = (_with(item, (*before, *item.message, *after)) for item in choice.branches)
    return (replace(choice, branches=tuple(branches)),)


def _with(branch: Branch, message: tuple[Node, ...]) -> Branch:
    return replace(branch, message=_expanded(message))


def _counted(node: Node) -> bool:
    return isinstance(node, Argument) and node.is_number


def _leaves(message: tuple[Node, ...], path: str, *, counting: bool, closed: bool) -> Iterator[_Leaf]:
    """Yield the leaves; one that still holds choices comes before theirs."""
    choices = [node for node in message if isinstance(node, Choice)]
    if len(message) != 1 or not choices:
        yield _Leaf(message, path, counting, closed)
    for choice in choices:
        for branch in choice.branches:
            here = f"{path}, {choice.name}={branch.selector}" if path else f"{choice.name}={branch.selector}"
            yield from _leaves(branch.message, here, counting=choice.counts, closed=True)


def _refilled(message: tuple[Node, ...], filled: Iterator[tuple[Node, ...]]) -> tuple[Node, ...]:
    """Put leaves where they came from; choices inside a leaf are told by their heads."""
    choices = [node for node in message if isinstance(node, Choice)]
    mine = next(filled) if len(message) != 1 or not choices else message
    made = {id(choice): _branches(choice, filled) for choice in choices}
    return tuple(made.get(id(node), node) if isinstance(node, Choice) else node for node in mine)


def _branches(choice: Choice, filled: Iterator[tuple[Node, ...]]) -> Choice:
    made = (replace(item, message=_refilled(item.message, filled)) for item in choice.branches)
    return replace(choice, branches=tuple(made))


def _more(message: tuple[Node, ...], language: str) -> tuple[Node, ...]:
    """Return the message with the plural categories of a language."""
    return tuple(_counting(node, language) if isinstance(node, Choice) else node for node in message)


def _counting(choice: Choice, language: str) -> Choice:
    branches = [replace(branch, message=_more(branch.message, language)) for branch in choice.branches]
    if choice.kind != "plural" or not language:
        return replace(choice, branches=tuple(branches))
    there = {branch.selector for branch in branches}
    other = next(branch for branch in branches if branch.selector == "other")
    missing = [replace(other, selector=name) for name in categories(language) if name not in there]
    at = branches.index(other)
    return replace(choice, branches=(*branches[:at], *missing, *branches[at:]))
