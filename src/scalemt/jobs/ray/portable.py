"""What travels between processes of a cluster: faults as themselves, translations without what no ledger keeps."""

from __future__ import annotations

import builtins
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scalemt import errors
from scalemt.types import Completion, Translation


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception as its kind and what it says.

    Ray wraps what an actor raises into a class of its own, with a traceback as message, and not every exception
    survives pickling: so faults travel as values, and are raised where they are wanted.
    """

    kind: str
    said: str

    @classmethod
    def of(cls, fault: BaseException) -> Fault:
        """Return a fault as a value; a subclass that only its own module knows becomes the known one above it."""
        known = (errors.__name__, builtins.__name__)
        kind = next(item for item in type(fault).__mro__ if item.__module__ in known)
        if kind is Exception:
            kind = type(fault)
        return cls(kind.__name__, str(fault))

    def exception(self) -> Exception:
        """Return the exception that it was."""
        kind: Any = getattr(errors, self.kind, None) or getattr(builtins, self.kind, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            kind = type(self.kind, (Exception,), {})
        # Some classes make their message of several arguments: it is made already.
        made: Exception = kind.__new__(kind)
        Exception.__init__(made, self.said)
        return made


def pack(translations: Sequence[Translation]) -> bytes:
    """Return translations as bytes, without demonstrations and candidates: the ledger keeps none of them."""
    return pickle.dumps([_without(item) for item in translations], protocol=pickle.HIGHEST_PROTOCOL)


def unpack(value: bytes) -> list[Translation]:
    """Return what `pack` was given."""
    made: list[Translation] = pickle.loads(value)  # noqa: S301 made by the actors of this very job
    return [replace(item, error=_again(item.error)) for item in made]


def completions_out(completions: Sequence[Completion]) -> list[Completion]:
    """Return completions whose errors can travel."""
    return [replace(item, error=_out(item.error)) if item.error else item for item in completions]


def completions_in(completions: Sequence[Completion]) -> list[Completion]:
    """Return completions with the errors that they had."""
    return [replace(item, error=_again(item.error)) if item.error else item for item in completions]


def _without(item: Translation) -> Translation:
    return replace(item, demonstrations=(), candidates=(), error=_out(item.error))


def _out(error: Exception | None) -> Any:
    return Fault.of(error) if error else None


def _again(error: Any) -> Exception | None:
    return error.exception() if isinstance(error, Fault) else error
