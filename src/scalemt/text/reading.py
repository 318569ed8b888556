"""Finding masks in what a model has written: as they were, nearly so, in halves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scalemt.text.masks import LATIN, Mark, MaskStyle, TokenRole, number_of, similar_to, skeleton_of
from scalemt.types import Span

_LEAST = 4  # signs of a literal by which a part of it is known


def bounded(held: str) -> str:
    """Return a pattern for a text that is no part of a longer word; what begins with a sign may touch words."""
    worded = held[0].isalnum()
    before = f"(?<![{LATIN}_])" if worded and held[0].isascii() else ""
    after = f"(?![{LATIN}_])" if worded and held[-1].isascii() and held[-1].isalnum() else ""
    return before + re.escape(held) + after


@dataclass(frozen=True, slots=True)
class Read:
    """What was found in an answer: `spans` are the places of masks, by the keys of what they stand for."""

    spans: tuple[Span, ...]
    repairs: tuple[str, ...]
    added: tuple[str, ...]


class Reading:
    """Finds the masks of one text in answers.

    Args:
        tokens: the mask of each span, by key.
        spans: where they stand in what the model was given, with roles and partners.
        style: of the masks.
        given: what the model was given.
    """

    def __init__(self, tokens: Mapping[int, str], spans: Sequence[Span], style: MaskStyle, given: str) -> None:
        self._tokens = tokens
        self._spans = {span.key: span for span in spans}
        self._style = style
        self._given = given
        self._numbered: dict[str, int] = {}
        self._literal: dict[str, list[int]] = {}
        self._units: dict[int, list[int]] = {}
        for span in spans:
            token = tokens[span.key]
            number = next((number_of(digits) for digits in re.findall(r"[0-9]+", token)), -1)
            if self._is_mask(span, token, number):
                self._numbered[token] = span.key
                self._units.setdefault(number, []).append(span.key)
            else:
                self._literal.setdefault(token, []).append(span.key)

    def _is_mask(self, span: Span, token: str, number: int) -> bool:
        """Whether a token is a made-up one: given literally, `{0}` is none of the style of tags."""
        roles: tuple[TokenRole, ...] = (span.role, "alone")
        literal = self._style.literal and not any(token == self._style.token(role, number) for role in roles)
        return number >= 0 and not literal

    def read(self, answer: str) -> Read:
        """Return what stands in an answer; any text can be given."""
        search = _Search(answer)
        self._exact(search)
        self._exact_literals(search)
        if self._lost(search):
            self._near(search)
            self._halves(search)
            self._near(search, loose=True)
            self._near_literals(search)
        added = [answer[start:end] for start, end, _ in search.spares]
        added += self._fragments(search)
        return Read(search.spans(self._spans), tuple(search.repairs), tuple(added))

    def _lost(self, search: _Search) -> bool:
        return len(search.found) < len(self._spans)

    def _exact(self, search: _Search) -> None:
        if not self._numbered:
            return
        for start, token in list(self._style.shape.written(search.text)):
            key = self._numbered.get(token)
            if key is not None and search.is_free(start, start + len(token)):
                search.take(key, start, start + len(token))

    def _exact_literals(self, search: _Search) -> None:
        for held in sorted(self._literal, key=len, reverse=True):
            keys = iter(self._literal[held])
            for found in list(re.finditer(bounded(held), search.text)):
                search.take(next(keys, self._literal[held][0]), *found.span())

    def _near(self, search: _Search, *, loose: bool = False) -> None:
        """Take what nearly is a mask for one that is missing."""
        if not self._units:
            return
        for mark in list(self._style.shape.similar(search.text, loose=loose)):
            keys = self._units.get(mark.number, [])
            if not search.is_free(mark.start, mark.end) or all(key in search.found for key in keys):
                continue
            key = self._fitting(mark, keys)
            if key not in search.found:
                search.repair(key, mark.start, mark.end, self._tokens[key])
            elif not loose:
                search.take(key, mark.start, mark.end)

    def _fitting(self, mark: Mark, keys: Sequence[int]) -> int:
        """Which of the spans with this number a mark stands for: with a stroke it closes."""
        if len(keys) == 1:
            return keys[0]
        wanted = "open" if mark.role == "open" else "close"
        return next((key for key in keys if self._spans[key].role == wanted), keys[0])

    def _halves(self, search: _Search) -> None:
        """Where a half of a pair is missing and the other is there twice, the first opens, the second closes."""
        for spare in list(search.spares):
            start, end, key = spare
            span = self._spans[key]
            other = self._spans.get(span.partner)
            if other is None or other.key in search.found:
                continue
            search.spares.remove(spare)
            first, second = sorted([search.found[key], (start, end)])
            opening, closing = (key, other.key) if span.role == "open" else (other.key, key)
            search.found[opening], search.found[closing] = first, second
            search.repairs.append(f"read a second {self._tokens[key]} as {self._tokens[other.key]}")

    def _near_literals(self, search: _Search) -> None:
        """Take what nearly is a literal for one that is missing."""
        for held, keys in self._literal.items():
            due = [key for key in keys if key not in search.found]
            for found in list(similar_to(held).finditer(search.text)) if due else ():
                if due and search.is_free(*found.span()):
                    search.repair(due.pop(0), *found.span(), held)
        lost = [held for held, keys in self._literal.items() if any(key not in search.found for key in keys)]
        for held in lost:
            self._renamed(search, held, lost)
            self._cut_off(search, held)

    def _renamed(self, search: _Search, held: str, lost: Sequence[str]) -> None:
        """Take a placeholder with another name for the one that is missing, if only one can be meant."""
        due = [key for key in self._literal[held] if key not in search.found]
        skeleton = skeleton_of(held)
        if not skeleton or len(due) > 1 or skeleton.search(self._given_plain()):
            return
        candidates = list(skeleton.finditer(search.text))
        if len(candidates) == 1 and sum(bool(skeleton.fullmatch(other)) for other in lost) == 1:
            search.repair(due[0], *candidates[0].span(), held)

    def _cut_off(self, search: _Search, held: str) -> None:
        """Take a literal that lacks its last sign for the one that is missing."""
        due = [key for key in self._literal[held] if key not in search.found]
        rest = held[:-1]
        if len(due) == 1 and len(rest) >= _LEAST and not rest.isalnum() and search.text.count(rest) == 1:
            start = search.text.index(rest)
            search.repair(due[0], start, start + len(rest), held)

    def _given_plain(self) -> str:
        """What the model was given, its masks blanked."""
        given = _Search(self._given)
        for span in self._spans.values():
            given.blank(span.start, span.end)
        return given.text

    def _fragments(self, search: _Search) -> list[str]:
        """Return what is left over that looks like a mask, and did not stand in what the model was given."""
        return [*self._scraps(search), *(self._marks(search) if self._units else ())]

    def _scraps(self, search: _Search) -> list[str]:
        """Return beginnings and ends of literals that are missing."""
        found = []
        for held, keys in self._literal.items():
            size = max(_LEAST, len(held) * 3 // 5)
            if len(held) > size and any(key not in search.found for key in keys):
                found += [scrap for scrap in (held[:size], held[-size:]) if scrap in search.text]
        return found

    def _marks(self, search: _Search) -> list[str]:
        there = list(self._style.shape.similar(search.text))
        if not there:
            return []
        known = Counter(mark.number for mark in self._style.shape.similar(self._given_plain()))
        left = []
        for mark in there:
            if known[mark.number] > 0:
                known[mark.number] -= 1
            elif mark.number in self._units or self._is_written(search.text[mark.start : mark.end], mark.number):
                left.append(search.text[mark.start : mark.end])
        return left

    def _is_written(self, text: str, number: int) -> bool:
        roles: tuple[TokenRole, ...] = ("open", "close", "alone")
        return text in {self._style.token(role, number) for role in roles}


class _Search:
    """An answer in which what was found is blanked, so that it is found once."""

    def __init__(self, answer: str) -> None:
        self.text = answer
        self.found: dict[int, tuple[int, int]] = {}
        self.spares: list[tuple[int, int, int]] = []
        self.repairs: list[str] = []

    def is_free(self, start: int, end: int) -> bool:
        return "\0" not in self.text[start:end]

    def blank(self, start: int, end: int) -> None:
        self.text = f"{self.text[:start]}{chr(0) * (end - start)}{self.text[end:]}"

    def take(self, key: int, start: int, end: int) -> None:
        """Let a span stand here; one that stands elsewhere already stands here once too often."""
        if key in self.found:
            self.spares.append((start, end, key))
        else:
            self.found[key] = (start, end)
        self.blank(start, end)

    def repair(self, key: int, start: int, end: int, token: str) -> None:
        self.repairs.append(f"read {self.text[start:end]!r} as {token}")
        self.take(key, start, end)

    def spans(self, known: Mapping[int, Span]) -> tuple[Span, ...]:
        made = [replace(known[key], start=start, end=end) for key, (start, end) in self.found.items()]
        return tuple(sorted(made, key=lambda span: span.start))
