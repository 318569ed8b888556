"""Results of the tools as text, for language models and the people who look over their shoulder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scalemt import languages
from scalemt.serve.mcp.models import Detections, Languages, Scores, UnitsFound
from scalemt.types import Candidate, Draft, Translation

_SURE = 0.995  # from here on a confidence is left out


def explanation(item: Translation) -> str:
    """Return draft, matches, candidates, terms, decisions and translation of one segment, a line each."""
    lines = [("source", item.segment.text), *_led_to(item), ("translation", item.text)]
    usage = item.usage
    cost = f"{item.seconds:.2f} s, {usage.calls} calls, {usage.prompt_tokens}+{usage.completion_tokens} tokens"
    return "\n".join(f"{label}: {text}" for label, text in [*lines, ("cost", cost), ("signature", item.signature)])


def _led_to(item: Translation) -> Iterator[tuple[str, str]]:
    for draft in item.drafts:
        elsewhere = draft.language not in ("", item.pair.target)
        yield f"draft ({draft.language})" if elsewhere else "draft", _with_confidences(draft)
    for shown in item.demonstrations:
        label = "shown" if shown.likeness is None else f"{shown.likeness:.0f} % match"
        yield label, f"{shown.source} -> {shown.target}"
    for candidate in item.candidates:
        yield f"candidate {candidate.origin}", f"{candidate.text}{_measured(candidate)}"
    for use in item.terms:
        found = f" ({use.found})" if use.found and use.found != use.target else ""
        yield "term", f"{use.source} = {use.target}: {use.state}{found}"
    for decision in item.decisions:
        yield decision.step, f"{decision.outcome}: {decision.reason}"


def _with_confidences(draft: Draft) -> str:
    """Return the words of a draft, with the confidence behind those that are not sure."""
    if not draft.words:
        return draft.text
    return " ".join(
        word.text if word.confidence is None or word.confidence >= _SURE else f"{word.text}({word.confidence:.2f})"
        for word in draft.words
    )


def _measured(candidate: Candidate) -> str:
    told = [f"{name} {value:.2f}" for name, value in sorted(candidate.evidence.items())]
    told += [f"failed {check.name} ({check.detail})" for check in candidate.checks if not check.passed]
    return f" [{', '.join(told)}]" if told else ""


def detections(found: Detections) -> str:
    """Return the likeliest languages in one line."""
    if not found.languages:
        return "The text holds no letters by which its language could be told."
    return ", ".join(f"{item.name} ({item.language}) {item.confidence:.0%}" for item in found.languages)


def spoken(found: Languages) -> str:
    """Return what can be translated, a line for each source language."""
    lines = [
        f"{item.name} ({item.code}) -> {', '.join(f'{languages.name(code)} ({code})' for code in item.targets)}"
        for item in found.languages
    ]
    known = lines or ["The specialist does not tell which languages it knows: try the pair that you want."]
    return "\n".join([*known, f"Profiles: {', '.join(found.profiles)}"])


def units(found: UnitsFound) -> str:
    """Return units of a memory, a line each."""
    lines = [
        f"{f'{item.score:.0f} % ' if item.score is not None else ''}"
        f"{item.source_language}: {item.source} | {item.target_language}: {item.target}"
        for item in found.units
    ]
    return "\n".join(lines) or "The memory holds nothing like it."


def scores(found: Scores) -> str:
    """Return scores with their intervals and signatures, a line each."""
    return "\n".join(
        f"{item.metric}: {_number(item.score)} [{_number(item.low)}, {_number(item.high)}] ({item.signature})"
        for item in found.scores
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def listed(lines: Sequence[str], none: str) -> str:
    """Return lines, or what is said where there are none."""
    return "\n".join(lines) or none
