"""How translations look: JSON for programs, a coloured explanation for people."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from scalemt.cli.options import visible
from scalemt.translations import as_json
from scalemt.types import Candidate, Draft, Translation

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["as_json", "explain"]


def explain(translation: Translation, console: Console) -> None:
    """Print source, draft, demonstrations, answers, differences, decisions and timing of one segment."""
    from rich.text import Text

    def row(label: str, value: str | Text) -> None:
        shown = value if isinstance(value, Text) else Text(visible(value))
        console.print(Text.assemble((f"{label:>14}  ", "bold cyan"), shown), soft_wrap=True)

    row("source", translation.segment.text)
    for number, draft in enumerate(translation.drafts, 1):
        label = "draft" if len(translation.drafts) == 1 else f"draft {number}"
        elsewhere = draft.language not in ("", translation.pair.target)
        row(f"{label} ({draft.language})" if elsewhere else label, _coloured(draft))
    for shown in translation.demonstrations:
        label = "shown" if shown.likeness is None else f"{shown.likeness:.0f} % match"
        row(label, Text(visible(f"{shown.source}  →  {shown.target}"), style="dim"))
    standing = next((item.text for item in translation.candidates if item.origin == "draft"), "")
    for item in translation.candidates:
        if item.origin != "draft":
            row(item.origin, difference(standing, item.text))
        elif not translation.drafts or item.text != translation.drafts[0].text:
            row("draft", item.text)
        _evidence(item, row)
    for use in translation.terms:
        found = f" ({use.found})" if use.found and use.found != use.target else ""
        row("term", f"{use.source} = {use.target}: {use.state}{found}")
    for decision in translation.decisions:
        row(decision.step, f"{decision.outcome}: {decision.reason}")
    if translation.error:
        row("failed", Text(str(translation.error), style="red"))
    row("translation", Text(translation.text, style="bold"))
    usage = translation.usage
    tokens = f"{usage.prompt_tokens}+{usage.completion_tokens} tokens"
    tokens += f" ({usage.thinking_tokens} of them thought)" if usage.thinking_tokens else ""
    cached = f", {usage.cached} from the cache" if usage.cached else ""
    row("cost", f"{translation.seconds:.2f} s, {usage.calls} calls, {tokens}{cached}")
    row("signature", Text(translation.signature, style="dim"))
    console.print()


def _evidence(candidate: Candidate, row: Any) -> None:
    told = [f"{name} {value:.2f}" for name, value in sorted(candidate.evidence.items())]
    told += [f"failed {check.name} ({check.detail})" for check in candidate.checks if not check.passed]
    told += [f"breaks {check.name}" for check in candidate.rules if not check.passed]
    if told:
        row("", f"{candidate.origin}: {', '.join(told)}")


def _coloured(draft: Draft) -> Text:
    """Words from red (unsure) to green (sure), with the confidence behind those that are not sure."""
    from rich.text import Text

    text = Text()
    for word in draft.words or ():
        if word.confidence is None:
            text.append(word.text)
        else:
            style = "green" if word.confidence >= 0.8 else "yellow" if word.confidence >= 0.5 else "red"
            text.append(word.text, style=style).append(f"({word.confidence:.2f})", style="dim")
        text.append(" ")
    return text if draft.words else Text(draft.text)


def difference(before: str, after: str) -> Text:
    """Words that are only in the draft struck through, words that are new underlined."""
    from rich.text import Text

    old, new = before.split(), after.split()
    text = Text()
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            text.append(" ".join(new[c:d]) + " ")
            continue
        if old[a:b] and before:
            text.append(" ".join(old[a:b]), style="red strike").append(" ")
        if new[c:d]:
            text.append(" ".join(new[c:d]), style="green underline").append(" ")
    return text
