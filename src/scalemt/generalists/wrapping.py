"""A generalist around another one, which looks to its callers as that one does."""

from __future__ import annotations

from scalemt.generalists.base import Generalist, GeneralistKind
from scalemt.retry import RetryBudget


class WrappedGeneralist:
    """What all that is wrapped around a generalist says of it; a subclass completes.

    Args:
        inner: what is wrapped.
    """

    def __init__(self, inner: Generalist) -> None:
        self.inner = inner
        self.name = inner.name
        self.overlaps: bool = getattr(inner, "overlaps", False)
        self.template: str = getattr(inner, "template", "")
        self.shots: int | None = getattr(inner, "shots", None)

    @property
    def kind(self) -> GeneralistKind:
        """That of the inner generalist."""
        return self.inner.kind

    @property
    def signature(self) -> str:
        """That of the inner generalist."""
        return self.inner.signature

    @property
    def retries(self) -> RetryBudget | None:
        """That of the inner generalist, where it is part of a job."""
        found: RetryBudget | None = getattr(self.inner, "retries", None)
        return found
