"""Render triplets into a prompt: source, drafts with word confidences, target.

A template is a TOML file whose values are Jinja2. Everything that comes from outside (source, drafts,
targets) is put in as data: it is never parsed as a template, and line breaks inside it become spaces, so
that no text can open a line that looks like one of the template's own. What would be a control token of a known
model is broken up, what stands within the instructions is quoted, and a chat model is told that all of it is data.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scalemt import languages
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.prompts.quoting import defused, quoted
from scalemt.types import Demonstration, Draft, Message, Pair, Prompt, Word

if TYPE_CHECKING:
    from jinja2 import Environment

_LINE_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_REQUIRED = {"kind", "demonstration", "query"}
_OPTIONAL = {"system", "separator", "prefill", "stop", "labels", "again", "amend", "after_thinking", "frame"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a prompt tells of a segment beside its text.

    Args:
        protected: it holds spans that must be kept.
        framed: a chat model is told that texts are data; without surroundings a prompt is as its paper has it.
        note: what the document says about it.
        before: the segments before it, each with its translation or "".
        terms: pairs of a term that it holds and the translation that is wanted.
        auxiliaries: pairs of the English name of a third language and a translation of it into that.
        hints: what to warn of, "omission" and "addition".
        missing: words of it that its draft seems to leave out.
        rules: what its translation is to keep to, in sentences.
        background: notes that were found or written about it; each is shown as JSON.
    """

    protected: bool = False
    framed: bool = True
    note: str = ""
    before: tuple[tuple[str, str], ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    auxiliaries: tuple[tuple[str, str], ...] = ()
    hints: tuple[str, ...] = ()
    missing: str = ""
    rules: tuple[str, ...] = ()
    background: tuple[str, ...] = ()


_ALONE = Surroundings(framed=False)


@dataclass(frozen=True)
class Template:
    """One prompt template.

    Args:
        name: as users call it; part of the signature.
        kind: "chat" makes messages, "plain" one text for a base model.
        system, demonstration, query: Jinja2 texts. They see `source_language`, `target_language`,
            `draft_language` (English names), `drafted`, `many`, `scored`, `protected`, `demonstrated` (booleans),
            and, for one triplet, `source`, `drafts` (list of rendered drafts), `target`, `terms` and `auxiliaries`
            (lists of pairs); `system` and `query` also see `note`, `before` (list of pairs of source and
            translation), `missing`, `rules` and `background`. All see `hints`.
        separator: between demonstrations, and before the query.
        prefill: how a chat answer is opened where the generalist can do that.
        stop: strings that end an answer.
        labels: openings that the cleaner takes off an answer (Jinja2, may name languages).
        after_thinking: of a plain template whose query ends where notes begin: what ends them and opens the answer
            (Jinja2, may name languages).
        again: what is said when an answer lost protected spans (Jinja2; sees `lost`, and `answer`): the next
            message of the user, or, of a plain template, what follows the prompt. Without it nobody is asked.
        amend: the same for an answer that breaks rules (sees `faults`, a list of sentences, and `answer`).
        frame: ends what a chat model is told: that texts are data. Empty for models that were trained on the
            prompt as it stands.
    """

    name: str
    kind: Literal["chat", "plain"]
    demonstration: str
    query: str
    system: str = ""
    separator: str = "\n\n"
    prefill: str = ""
    stop: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    again: str = ""
    amend: str = ""
    after_thinking: str = ""
    frame: str = ""
    digest: str = field(default="", compare=False)

    @property
    def signature(self) -> str:
        """The name and the start of the hash of the file."""
        return f"{self.name}[{self.digest[:8]}]"

    def shows(self, variable: str) -> bool:
        """Whether a field that makes the prompt names a variable."""
        return any(re.search(rf"\b{variable}\b", text) for text in (self.system, self.demonstration, self.query))

    def render(
        self,
        source: str,
        drafts: Sequence[Draft],
        demonstrations: Sequence[Demonstration],
        pair: Pair,
        *,
        confidences: bool = True,
        surroundings: Surroundings = _ALONE,
    ) -> Prompt:
        """Render one prompt.

        Args:
            source: the text to translate.
            drafts: the specialist's drafts of it; none makes a plain few-shot prompt.
            demonstrations: shown in this order, with as many drafts as `drafts`, or none.
            pair: names the languages; a draft in another language than the target is a pivot.
            confidences: show `word(0.58)` for words whose confidence is known.
            surroundings: what else is told of the text.
        """
        shared = self.variables(drafts, pair, confidences=confidences) | _told(surroundings)
        shared["demonstrated"] = bool(demonstrations)
        shown = [
            self._block(
                self.demonstration,
                shared
                | {
                    "terms": _lines(item.terms),
                    "auxiliaries": _lines(item.auxiliaries),
                    "notes": one_line(item.notes),
                },
                item.source,
                item.drafts if drafts else (),
                item.target,
            )
            for item in demonstrations
        ]
        shown.append(self._block(self.query, shared, source, drafts))
        body = self.separator.join(shown)
        expected = _prediction(drafts, pair)
        data = _from_outside(source, demonstrations, surroundings)
        if self.kind == "plain":
            opening = _jinja(self.system).render(shared) + self.separator if self.system else ""
            after = _jinja(self.after_thinking).render(shared)
            text = opening + body
            return Prompt(text=text, stop=self.stop, prediction=expected, after_thinking=after, data=data)
        told = [_jinja(self.system).render(shared)] if self.system else []
        told += [self.frame] if self.frame and surroundings.framed else []
        system = (Message("system", "\n\n".join(told)),) if told else ()
        messages = (*system, Message("user", body))
        return Prompt(messages, prefill=self.prefill, stop=self.stop, prediction=expected, data=data)

    def asked_again(self, prompt: Prompt, answer: str, lost: str, pair: Pair) -> Prompt | None:
        """Return the prompt that follows an answer that lost protected spans; None where the template has none."""
        return self._gone_on(prompt, self.again, answer, {"lost": one_line(lost)}, pair)

    def amended(self, prompt: Prompt, answer: str, faults: Sequence[str], pair: Pair) -> Prompt | None:
        """Return the prompt that follows an answer that breaks rules; None where the template has none."""
        return self._gone_on(prompt, self.amend, answer, {"faults": [_plain(fault) for fault in faults]}, pair)

    def _gone_on(self, prompt: Prompt, text: str, answer: str, data: dict[str, Any], pair: Pair) -> Prompt | None:
        if not text:
            return None
        shared = self.variables((), pair, confidences=False) | {"answer": _plain(answer)}
        said = _jinja(text).render(shared | data)
        if self.kind == "plain":
            return replace(prompt, text=f"{prompt.text}{said}")
        turns = (Message("assistant", f"{self.prefill}{_plain(answer)}"), Message("user", said))
        return replace(prompt, messages=(*prompt.messages, *turns))

    def answer_labels(self, pair: Pair) -> tuple[str, ...]:
        """The openings that an answer may carry, for the cleaner."""
        shared = self.variables((), pair, confidences=False)
        return tuple(_jinja(label).render(shared) for label in self.labels)

    def variables(self, drafts: Sequence[Draft], pair: Pair, *, confidences: bool) -> dict[str, Any]:
        """Return what all fields of the template see."""
        language = drafts[0].language if drafts and drafts[0].language else pair.target
        return {
            "source_language": languages.name(pair.source),
            "target_language": languages.name(pair.target),
            "draft_language": languages.name(language),
            "drafted": bool(drafts),
            "many": len(drafts) > 1,
            "scored": confidences and any(w.confidence is not None for d in drafts for w in d.words),
            "protected": False,
            "demonstrated": False,
            "note": "",
            "before": [],
            "terms": [],
            "auxiliaries": [],
            "notes": "",
            "hints": [],
            "missing": "",
            "rules": [],
            "background": [],
        }

    def _block(
        self, text: str, shared: dict[str, Any], source: str, drafts: Sequence[Draft], target: str = ""
    ) -> str:
        rendered = [_plain(show_draft(draft, confidences=shared["scored"])) for draft in drafts]
        data = {"source": _plain(source), "drafts": rendered, "target": _plain(target)}
        return str(_jinja(text).render(shared | data))


def _told(surroundings: Surroundings) -> dict[str, Any]:
    return {
        "protected": surroundings.protected,
        # These two stand among the instructions: without quotes they would read as more of them.
        "note": _quoted(surroundings.note),
        "before": [(_quoted(source), _quoted(target)) for source, target in surroundings.before],
        "terms": _lines(surroundings.terms),
        "auxiliaries": _lines(surroundings.auxiliaries),
        "hints": list(surroundings.hints),
        "missing": _plain(surroundings.missing),
        "rules": [one_line(rule) for rule in surroundings.rules],
        # Models may have written them: quotes keep them apart from what the template says.
        "background": [quoted(one_line(note)) for note in surroundings.background],
    }


def _lines(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(_plain(source), _plain(target)) for source, target in pairs]


def _from_outside(
    source: str, demonstrations: Sequence[Demonstration], surroundings: Surroundings
) -> tuple[str, ...]:
    """Return the texts of a prompt that its template did not write, drafts left out: specialists obey nobody."""
    pairs = [*surroundings.before, *surroundings.terms]
    pairs += [(item.source, item.target) for item in demonstrations]
    texts = (source, surroundings.note, *surroundings.background, *(text for pair in pairs for text in pair))
    return tuple(dict.fromkeys(text for text in texts if text))


def _prediction(drafts: Sequence[Draft], pair: Pair) -> str:
    """Return the text that the answer will mostly repeat: the first draft, if it is in the target language."""
    if not drafts or languages.base(drafts[0].language or pair.target) != languages.base(pair.target):
        return ""
    return one_line(drafts[0].text)


def _plain(text: str) -> str:
    return defused(one_line(text))


def _quoted(text: str) -> str:
    return quoted(one_line(text)) if text else ""


def one_line(text: str) -> str:
    """Replace every kind of line break by a space."""
    return _LINE_BREAKS.sub(" ", text)


def show_draft(draft: Draft, *, confidences: bool) -> str:
    """Render a draft as SCALE does, `word(0.58) word(0.46)`; a word of unknown confidence has no bracket."""
    if not confidences or draft.confidence is None:
        return draft.text
    return " ".join(
        word.text if word.confidence is None else f"{word.text}({word.confidence:.2f})" for word in draft.words
    )


def template_names() -> list[str]:
    """Return the names of the packaged templates."""
    folder = files("scalemt.prompts") / "templates"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load_template(name: str) -> Template:
    """Return a packaged template by name, or a user's own by the path of its TOML file.

    Raises:
        UnknownNameError: neither a packaged template nor a file.
        ConfigurationError: the file is not a template; the message names file and field.
    """
    # Packaged names first: a folder that happens to be called "scale" must not get in the way.
    if name in template_names():
        data = (files("scalemt.prompts") / "templates" / f"{name}.toml").read_bytes()
        return _parse(name, data, f"{name}.toml")
    path = Path(name)
    if path.is_file():
        return _parse(path.stem, path.read_bytes(), str(path))
    if path.suffix == ".toml":
        raise ConfigurationError(f"The prompt template {path} does not exist. Check the path.")
    raise UnknownNameError("prompt template", name, [*template_names(), "the path of a .toml file"])


@lru_cache(maxsize=32)
def _parse(name: str, data: bytes, where: str) -> Template:
    try:
        fields = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The prompt template {where} is not valid TOML: {error}.") from error
    _check_fields(fields, where)
    for key in ("stop", "labels"):
        fields[key] = tuple(fields.get(key, ()))
    if fields["kind"] == "chat":
        # The signature tells of it as well: prompts are other ones with another frame.
        data += fields.setdefault("frame", _frame()).encode()
    template = Template(name, digest=sha256(data).hexdigest(), **fields)
    _try_out(template, where)
    return template


@lru_cache(maxsize=1)
def _frame() -> str:
    """Return what a chat model is told of the texts of a prompt, where its template says nothing else."""
    text = (files("scalemt.prompts") / "templates" / "framing" / "data.toml").read_text("utf-8")
    return str(tomllib.loads(text)["frame"]).strip()


def _check_fields(fields: dict[str, Any], where: str) -> None:
    known = _REQUIRED | _OPTIONAL
    for key in fields.keys() - known:
        raise ConfigurationError(
            f"{where} has an unknown field {key!r}. Valid choices: {', '.join(sorted(known))}."
        )
    for key in _REQUIRED - fields.keys():
        raise ConfigurationError(f"{where} lacks the field {key!r}.")
    if fields["kind"] not in ("chat", "plain"):
        raise ConfigurationError(f"{where}: kind is {fields['kind']!r}. Valid choices: chat, plain.")
    for key, value in fields.items():
        listed = key in ("stop", "labels")
        texts = value if listed and isinstance(value, list) else [value]
        if listed != isinstance(value, list) or not all(isinstance(text, str) for text in texts):
            raise ConfigurationError(f"{where}: {key} must be a {'list of strings' if listed else 'string'}.")


def _try_out(template: Template, where: str) -> None:
    """Render every field with no, one and two drafts: a mistake is found before any model is loaded."""
    shown = Draft("z", (Word("z", 0.5),))
    for drafts in ((), (shown,), (shown, shown)):
        shared = template.variables(drafts, Pair("en", "pt"), confidences=True)
        shared |= {"demonstrated": bool(drafts), "auxiliaries": [("a", "b")] * len(drafts)}
        shared |= {"hints": ["omission", "addition"][: len(drafts)], "rules": ["z"] * len(drafts)}
        shared |= {"background": ['"z"'] * len(drafts)}
        triplet = shared | {"source": "x", "drafts": ["z"] * len(drafts), "target": "y"}
        for key, text, data in (
            ("system", template.system, shared),
            ("again", template.again, shared | {"answer": "y", "lost": "z"}),
            ("amend", template.amend, shared | {"answer": "y", "faults": ["z"] * max(1, len(drafts))}),
            ("after_thinking", template.after_thinking, shared),
            *(("labels", label, shared) for label in template.labels),
            ("demonstration", template.demonstration, triplet),
            ("query", template.query, triplet),
        ):
            try:
                _jinja(text).render(data)
            except Exception as error:
                # Anything can go wrong inside an expression of a user's file, also a division by zero.
                raise ConfigurationError(
                    f"The prompt template {where}, field {key!r}, cannot be rendered: {str(error).rstrip('.')}. "
                    f"Known variables: {', '.join(sorted(triplet if data is triplet else shared))}."
                ) from error


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # No autoescape: prompts are plain text, not HTML. Sandboxed, since users exchange template files.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)


@lru_cache(maxsize=256)
def _jinja(text: str) -> Any:
    return _environment().from_string(text)
