"""The tree of errors is the one that is drawn, and messages are sentences with the mend."""

from __future__ import annotations

import inspect
import re

import pytest

from scalemt import errors


def drawn_tree() -> dict[str, str | None]:
    """Class to base class, read from the drawing at the top of the module."""
    found: dict[str, str | None] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").split("\n"):
        match = re.match(r"^([ │├└─]*)(\w+Error)\b", line)
        if not match:
            continue
        depth = len(match[1])
        path = [item for item in path if item[0] < depth]
        found[match[2]] = path[-1][1] if path else None
        path.append((depth, match[2]))
    return found


def test_the_drawing_is_the_tree() -> None:
    defined = {
        name: None if cls is errors.ScalemtError else cls.__bases__[0].__name__
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, Exception)
    }
    assert defined == drawn_tree()
    assert all(len(getattr(errors, name).__bases__) == 1 for name in defined)


def test_wrong_use_and_failures_are_apart() -> None:
    assert not issubclass(errors.BackendError, errors.UsageError)
    assert not issubclass(errors.UsageError, errors.BackendError)


def test_messages_that_classes_make() -> None:
    assert str(errors.UnknownNameError("method", "refin", ["refine", "draft"])) == (
        "There is no method named 'refin'. Valid choices: draft, refine."
    )
    assert "pip install 'scalemt[llamacpp]'" in str(errors.MissingExtraError("llama.cpp", "llamacpp"))


def test_one_handler_catches_all() -> None:
    with pytest.raises(errors.ScalemtError):
        raise errors.RateLimitError("The server asks to wait.")
