"""Think: thought before an answer (Test-Time Scaling of Reasoning Models for MT, arXiv 2510.06471)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal

from scalemt.errors import ConfigurationError
from scalemt.methods.base import Answer, Kit, Method, Prepared
from scalemt.specialists.road import Drafted
from scalemt.types import Candidate, Decision, Demonstration, Draft, Segment

Workflow = Literal["direct", "extrapolate", "post-edit"]

MOST_THINKING = 32_768  # tokens; more than any budget that the paper tried
MOST_PASSES = 4
_MOST_NOTES = 3  # changes, or key words, in the notes of a demonstration
_SHORTEST_KEY = 4  # letters of a key word


@dataclass(frozen=True)
class Passing(Prepared):
    """A segment and the passes that were asked for it, of which the next one edits the last answer.

    Args:
        edited: what the pass that is asked for edits; "" where it translates.
        asked: rounds of the run that have been answered.
        left: passes that may still be asked.
    """

    edited: str = ""
    asked: int = 0
    left: int = 0


class ThinkMethod(Method):
    """The generalist thinks before it answers, for as many tokens as the budget allows; then it is made to answer.

    The paper's body was not read, but its code: budgets, prompts and the one forced "wait" follow that. By its
    results thought before a first translation does not pay, thought before a post-edit does, and a forced "wait"
    hurts; so a post-edit is the default, further passes edit again, and "wait" is there for whoever wants to see.
    That a pass ends the work where it changes nothing, or where its answer fails a check, was decided here, as was
    what a base model does, which has no tags for thoughts: it makes notes in a line of its own first.

    Args:
        workflow: "post-edit" has the specialist's draft edited; "direct" has the source translated without a draft
            being shown; "extrapolate" is the same with `wait`.
        budget: tokens of thought in each pass; 0 asks the model not to think.
        passes: how often it is asked with thought; those after the first edit the answer before.
        wait: whether a thought that would end goes on once, by the word "wait".

    Raises:
        ConfigurationError: a number is out of range.
    """

    name = "think"
    needs_specialist = False
    drafts_where_possible = True
    needs_generalist = True
    shows_confidences = False
    template = {"chat": "think", "base": "think-plain"}  # noqa: RUF012  # never written to

    def __init__(
        self, workflow: Workflow = "post-edit", budget: int = 500, passes: int = 1, wait: bool = False
    ) -> None:
        if not 0 <= budget <= MOST_THINKING:
            raise ConfigurationError(f"budget is {budget}; expected 0 to {MOST_THINKING} tokens of thought.")
        if not 1 <= passes <= MOST_PASSES:
            raise ConfigurationError(f"passes is {passes}; expected 1 to {MOST_PASSES}.")
        self.workflow = workflow
        self.passes = passes
        self.thinking = budget
        self.wait = (wait or workflow == "extrapolate") and budget > 0
        # Where no specialist gives a draft to edit, the translation comes first.
        self.most_calls = passes + (workflow == "post-edit")

    @property
    def signature(self) -> str:
        """The name, the workflow, the budget of each pass, how many there are, and whether a wait is forced."""
        several = f",passes:{self.passes}" if self.passes > 1 else ""
        return f"{self.name}[{self.workflow},budget:{self.thinking}{several}{',wait' if self.wait else ''}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, and render the prompts of the first pass."""
        drafted = kit.road.draft(segments) if kit.road else [Drafted((), None)] * len(segments)
        edits = self.workflow == "post-edit"
        # Demonstrations show drafts where a pass may edit.
        rows = kit.choose_standing(segments) if edits or self.passes > 1 else kit.choose(segments)
        return [
            self._first(segment, item, row, kit)
            for segment, item, row in zip(segments, drafted, rows, strict=True)
        ]

    def _first(self, segment: Segment, drafted: Drafted, row: Sequence[Demonstration], kit: Kit) -> Passing:
        standing = drafted.standing if drafted.standing and drafted.standing.text.strip() else None
        item = Passing(segment, drafted.shown, drafted.standing, tuple(row), left=self.passes - 1)
        if self.workflow != "post-edit":
            return _asking(item, (), kit)
        # A draft in a third language is worth more than none: it is edited into the target language.
        shown = (standing,) if standing else tuple(draft for draft in drafted.shown if draft.text.strip())
        if shown:
            return _asking(item, shown[:1], kit)
        why = "no specialist gives one: the text is translated first, and that is edited"
        item = replace(item, left=self.passes, decisions=(Decision("think", "no draft", why),))
        return _asking(item, (), kit)

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        """Have answers edited, while passes are left."""
        items = [item for item in prepared if isinstance(item, Passing)]
        return [
            self._after(item, said.candidate, kit) if item.prompt else item
            for item, said in zip(items, answers, strict=True)
        ]

    def _after(self, item: Passing, candidate: Candidate | None, kit: Kit) -> Passing:
        """Return what becomes of a segment after an answer: another pass, or none and the reason."""
        place, item = item.asked, replace(item, asked=item.asked + 1)
        called = f"pass {item.asked}"
        if candidate is None:
            return _ended(item, called, "it brought no answer")
        if failed := [f"{check.name}: {check.detail}" for check in candidate.checks if not check.passed]:
            return _ended(item, called, f"its answer is not edited further, for it fails {'; '.join(failed)}")
        same = candidate.text == item.edited
        item = replace(item, result=place)
        if same:
            return _ended(item, called, "it changed nothing")
        if item.left == 0:
            return replace(item, prompt=None)
        draft = Draft(candidate.text, language=kit.pair.target, spans=candidate.spans)
        told = Decision("think", called, "its answer is edited")
        item = replace(item, left=item.left - 1, decisions=(*item.decisions, told))
        return _asking(item, (draft,), kit)


def _asking(item: Passing, drafts: tuple[Draft, ...], kit: Kit) -> Passing:
    """Return a segment with the prompt of a pass: to edit a draft, or, without one, to translate."""
    row = [replace(shown, notes=notes_of(shown, edited=bool(drafts))) for shown in item.demonstrations]
    text = drafts[0].text if drafts else ""
    return replace(item, edited=text, prompt=kit.prompt(item.segment, drafts, row))


def _ended(item: Passing, called: str, why: str) -> Passing:
    return replace(item, prompt=None, decisions=(*item.decisions, Decision("think", called, why)))


def notes_of(item: Demonstration, *, edited: bool) -> str:
    """Return the notes that a base model is shown with a demonstration: what was edited, or its key words."""
    if edited and item.drafts:
        return _edits(item.drafts[0].text, item.target) or "the draft is right"
    words = [word.strip(".,;:!?¿¡()«»“”\"'") for word in item.source.split()]
    longest = sorted({word for word in words if len(word) >= _SHORTEST_KEY}, key=lambda word: (-len(word), word))
    kept = set(longest[:_MOST_NOTES])
    return ", ".join(dict.fromkeys(word for word in words if word in kept))


def _edits(before: str, after: str) -> str:
    """Return the first words that differ between a draft and what became of it."""
    old, new = before.split(), after.split()
    told = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = " ".join(old[a:b]), " ".join(new[c:d])
        if kind == "replace":
            told.append(f"{gone} should be {come}")
        elif kind != "equal":
            told.append(f"{gone} is too much" if gone else f"{come} is missing")
    return "; ".join(told[:_MOST_NOTES])
