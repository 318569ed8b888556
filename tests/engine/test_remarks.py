"""Remarks of a method on the text that was chosen: last among its decisions, and only where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers import english_portuguese
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.errors import DeadlineError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.methods import Kit, Prepared
from scalemt.methods.refine import RefineMethod
from scalemt.types import Candidate, Completion, Decision


class Remarking(RefineMethod):
    """Tells how long the chosen text is."""

    def remarks(self, prepared: Prepared, chosen: Candidate, kit: Kit) -> Sequence[Decision]:
        return [Decision("remark", str(len(chosen.text)), prepared.segment.text)]


def _engine(answers: Sequence[str | Completion], **fields: Any) -> Engine:
    made = Engine(
        Profile(shots=0, cache=False, **fields),
        generalist=FakeGeneralist(list(answers)),
        specialists=[english_portuguese()],
    )
    made.assembly._method = lambda *_: Remarking()  # type: ignore[method-assign]
    return made


def test_a_remark_is_about_the_chosen_text_and_stands_last() -> None:
    (done,) = _engine(["a casa verde é azul"], gate="off").translate(["the green house is blue"], "en", "pt")
    assert done.text == "a casa verde é azul"
    assert done.decisions[-1] == Decision("remark", "19", "the green house is blue")


def test_nothing_is_remarked_of_no_text() -> None:
    (done,) = _engine([Completion("", "error", error=DeadlineError("Too late."))], gate="off").translate(
        ["the house"], "en", "pt"
    )
    assert done.error
    assert not any(item.step == "remark" for item in done.decisions)
