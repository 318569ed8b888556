"""What thinking brings and takes: workflows and budgets on FLORES; and the logits processor on a real model.

    python benchmarks/thinking.py translate --data ../shared/data/flores200 --lines 30
    python benchmarks/thinking.py translate --data ../shared/data/flores200 --generalist openai:URL#MODEL --shots 0
    python benchmarks/thinking.py folder /tmp/gemma
    python benchmarks/thinking.py processor /tmp/gemma

`translate` scores (chrF++) the method's own answers and what the gate makes of them, beside draft, few-shot and
refine, with thoughts, calls, tokens and seconds a segment. `processor` runs a transformers folder in batches: that
each row keeps to its budget, that "wait" comes at most once, and that with a large budget nothing is changed. It
needs a folder; `folder` makes one of the packaged Gemma 3 270M (a base model; with tags for thoughts in a chat
template), for which transformers wants the packages gguf and accelerate. Prints tables; writes JSON.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.generalists.llamacpp import default_model
from scalemt.generalists.thoughts import KNOWN
from scalemt.generalists.transformers import TransformersGeneralist
from scalemt.lines import read_lines
from scalemt.types import Completion, Decoding, Message, Prompt, Translation
from scalemt.version import __version__

DIRECTIONS = ("eng_Latn-por_Latn", "glg_Latn-eng_Latn")
SYSTEMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("few-shot", {"method": "few-shot"}),
    ("refine", {"method": "refine"}),
    ("direct, budget 0", {"options": {"workflow": "direct", "budget": 0}}),
    ("direct, budget 100", {"options": {"workflow": "direct", "budget": 100}}),
    ("direct, budget 500", {"options": {"workflow": "direct", "budget": 500}}),
    ("extrapolate, budget 500", {"options": {"workflow": "extrapolate", "budget": 500}}),
    ("post-edit, budget 0", {"options": {"budget": 0}}),
    ("post-edit, budget 8", {"options": {"budget": 8}}),
    ("post-edit, budget 500", {"options": {"budget": 500}}),
    ("post-edit, budget 500, 2 passes", {"options": {"budget": 500, "passes": 2}}),
    ("post-edit, budget 500, wait", {"options": {"budget": 500, "wait": True}}),
)
TEMPLATE = (
    "{% for message in messages %}<start_of_turn>{{ message.role }}\n{{ message.content }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>assistant\n"
    "{% if enable_thinking is defined and enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n{% endif %}"
    "{% endif %}"
)
NOTED = (
    ("The screen turns off at night.", "screen is tela, turns off is se apaga", "A tela se apaga à noite."),
    ("We bought bread.", "bread is pão, no pronoun is needed", "Compramos pão."),
    ("She reads old letters.", "letters is cartas, old is velhas", "Ela lê cartas velhas."),
)
TEXTS = (
    "The house is blue.",
    "The museum closes at six.",
    "My brother drinks cold water in the morning.",
    "Nobody knew where the key to the garden was.",
    "It rained.",
    "The old bridge was painted green last week.",
    "Two students asked the same question.",
    "Please close the window before you leave.",
)
MOST_ANSWER = 24


@dataclass(frozen=True)
class Row:
    """One system in one direction; what is counted is per segment, `ended` is how many thoughts ended how.

    `cpu` is in seconds of this process, which a busy machine does not stretch; a server's are not in it.
    """

    direction: str
    system: str
    own: float
    gated: float
    changed: float
    thought: float
    ended: str
    calls: float
    sent: float
    answered: float
    seconds: float
    cpu: float


def chrf(texts: Sequence[str], references: Sequence[str]) -> float:
    """Score a corpus."""
    return round(float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score), 2)


def measured(
    direction: str, name: str, done: Sequence[Translation], references: Sequence[str], took: Sequence[float]
) -> Row:
    """Score the last answer of each segment as it is, and what the gate chose."""
    count = len(done)
    own = [next((c.text for c in reversed(item.candidates) if c.origin != "draft"), item.text) for item in done]
    usage = [item.usage for item in done]
    ends = [step.outcome for item in done for step in item.decisions if step.step == "thinking"]
    told = ", ".join(f"{ends.count(end)} {end}" for end in dict.fromkeys(ends)) or "-"
    draft = [item.draft.text if item.draft else "" for item in done]
    return Row(
        direction,
        name,
        chrf(own, references),
        chrf([item.text for item in done], references),
        round(sum(text != before for text, before in zip(own, draft, strict=True)) / count, 2),
        round(sum(item.thinking_tokens for item in usage) / count, 1),
        told,
        round(sum(item.calls for item in usage) / count, 2),
        round(sum(item.prompt_tokens for item in usage) / count, 1),
        round(sum(item.completion_tokens for item in usage) / count, 1),
        *(round(seconds / count, 2) for seconds in took),
    )


def translate(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every system in every direction."""
    rows: list[dict[str, Any]] = []
    print("| " + " | ".join(Row.__dataclass_fields__) + " |\n|" + "---|" * len(Row.__dataclass_fields__))
    for direction in options.directions:
        source, target = direction.split("-")
        texts, references = (
            read_lines(options.data / options.split / f"{code}.txt")[options.skip :][: options.lines]
            for code in (source, target)
        )
        for name, fields in (("draft", {"method": "draft"}), *SYSTEMS):
            if options.systems not in name:
                continue
            given = {"method": "think", "gate": "quality", "cache": False, "threads": options.threads, **fields}
            given |= {"generalist": options.generalist} if options.generalist else {}
            given |= {"shots": options.shots} if options.shots is not None else {}
            engine = Engine(Profile.model_validate(given), notice=lambda _: None)
            engine.translate(texts[:1], source, target)  # loads
            began = time.perf_counter(), time.process_time()
            done = engine.translate(texts, source, target)
            took = time.perf_counter() - began[0], time.process_time() - began[1]
            row = asdict(measured(direction, name, done, references, took))
            rows.append(row)
            print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)
            write(options.json, rows)
    return rows


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what is measured so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"scalemt": __version__, "rows": list(rows)}
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")


def folder(options: argparse.Namespace) -> None:
    """Write the packaged model as a transformers folder, in float32, with tags for thoughts in a chat template."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(options.threads)
    path = default_model()
    place, read = str(path.parent), {"gguf_file": path.name}
    tokenizer: Any = AutoTokenizer.from_pretrained(place, **read)
    loaded: Any = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, **read)
    config = copy.deepcopy(loaded.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # or it could not be saved
    maker: Any = AutoModelForCausalLM
    model = maker.from_config(config, dtype=torch.float32)
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    model.save_pretrained(options.folder)
    tokenizer.save_pretrained(options.folder)
    (options.folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")


def prompts_of(kind: str) -> list[Prompt]:
    """Prompts in which notes are made, for a base model, or thoughts between tags, for a chat model."""
    if kind == "base":
        shown = "".join(f"English: {a}\nNotes: {b}\nPortuguese: {c}\n\n" for a, b, c in NOTED)
        return [
            Prompt(text=f"{shown}English: {text}\nNotes:", stop=("\n",), after_thinking="\nPortuguese:")
            for text in TEXTS
        ]
    turns = [
        said
        for a, b, c in NOTED
        for said in (Message("user", f"Translate: {a}"), Message("assistant", f"<think>\n{b}\n</think>\n{c}"))
    ]
    return [Prompt((*turns, Message("user", f"Translate: {text}"))) for text in TEXTS]


def unsteered(model: TransformersGeneralist, prompts: Sequence[Prompt], most: int) -> list[str]:
    """What the model writes one prompt at a time, greedily, with nothing in its way."""
    import torch

    texts = []
    for prompt in prompts:
        tokens, _ = model._opened(prompt, Decoding(thinking=1))
        inputs = model._padded([tokens])
        with torch.inference_mode():
            ids = model._model.generate(
                **inputs, max_new_tokens=most, do_sample=False, eos_token_id=sorted(model._ends)
            )
        texts.append(model._decode_marks(ids[0, len(tokens) :].tolist()))
    return texts


def as_unsteered(completion: Completion, free: str, close: str) -> bool:
    """Whether an answer and its thought are what the model writes by itself."""
    thought = completion.thought
    if thought is None:
        return free.strip().startswith(completion.text.strip())
    before, _, after = free.partition(close)
    return before.strip() == thought.text and after.strip().startswith(completion.text.strip())


def processor(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Check the logits processor on a real model, in batches."""
    rows: list[dict[str, Any]] = []
    for kind, close in (("base", "\nPortuguese:"), ("chat", KNOWN[0].close)):
        kinds: Any = kind
        model = TransformersGeneralist(options.folder, max_batch=len(TEXTS), kind=kinds, threads=options.threads)
        model._load()
        prompts = prompts_of(kind)
        free = unsteered(model, prompts, 60)
        for budget, wait in ((4, False), (8, False), (16, False), (1000, False), (60, True)):
            done = model.complete(prompts, Decoding(max_tokens=MOST_ANSWER, thinking=budget, wait=wait))
            thoughts = [item.thought for item in done if item.thought]
            row = {
                "kind": kind,
                "budget": budget,
                "wait": wait,
                "rows": len(done),
                "thought": len(thoughts),
                "tokens": f"{min(t.tokens for t in thoughts)} to {max(t.tokens for t in thoughts)}",
                "kept": all(thought.tokens <= budget for thought in thoughts),
                "natural": sum(thought.end == "natural" for thought in thoughts),
                "forced": sum(thought.end == "forced" for thought in thoughts),
                "waited": sum(thought.waited for thought in thoughts),
                "as unsteered": sum(as_unsteered(a, b, close) for a, b in zip(done, free, strict=True)),
            }
            if not rows:
                print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
            rows.append(row)
            print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)
    return rows


def main() -> None:
    """Read the command line, run one of the three, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    translating = commands.add_parser("translate")
    translating.add_argument("--data", type=Path, required=True, help="folder with dev/ and devtest/")
    translating.add_argument("--split", default="dev")
    translating.add_argument("--lines", type=int, default=30)
    translating.add_argument("--skip", type=int, default=0)
    translating.add_argument("--directions", nargs="+", default=DIRECTIONS)
    translating.add_argument("--systems", default="", help="only those with this in their name")
    translating.add_argument("--generalist")
    translating.add_argument("--shots", type=int)
    translating.add_argument("--json", type=Path, default=Path("benchmarks/results/thinking.json"))
    making, checking = commands.add_parser("folder"), commands.add_parser("processor")
    for command in (making, checking):
        command.add_argument("folder", type=Path)
    checking.add_argument("--json", type=Path, default=Path("benchmarks/results/thinking_processor.json"))
    for command in (translating, making, checking):
        command.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.command == "folder":
        folder(options)
        return
    write(options.json, translate(options) if options.command == "translate" else processor(options))


if __name__ == "__main__":
    main()
