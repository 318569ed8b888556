"""Have all prompts of a round answered by a stage of Ray Data before the engines ask for them.

Source: https://docs.ray.io/en/latest/data/working-with-llms.html. Where the generalist's weights fit on the GPUs
of the cluster, a stage that holds them in vLLM and is fed whole blocks of prompts has no requests and no server
between. Its answers go into the journal as the generalist's, so the run that follows finds them there and asks
only for what depends on an answer (a second try after lost tags). Drafts are made twice for that: they are cheap.

Proven by tests: everything but `vllm_processor`, with a real data set and a plain function as processor. Unproven:
`vllm_processor` itself, which needs vLLM and a GPU; it was written against the sources of Ray 2.60.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from scalemt.caching.codec import completion_key
from scalemt.errors import MissingExtraError
from scalemt.generalists.base import GeneralistKind
from scalemt.jobs.journal import Journal, most_tokens, reserve
from scalemt.jobs.ray.library import load_ray
from scalemt.jobs.ray.mailbox import Line
from scalemt.types import Completion, Decoding, Prompt

Processor = Callable[[Any], Any]
"""Takes a data set with the columns `COLUMNS`, returns one with the columns `ANSWER`, in any order."""

COLUMNS: dict[str, type] = {
    "key": str, "messages": str, "prompt": str, "stop": str,
    "max_tokens": int, "temperature": float, "top_p": float, "seed": int, "most": int,
}  # fmt: skip
"""`messages` (of a chat) and `stop` are JSON; `most` is the most tokens that the prompt can have."""

ANSWER = ("key", "text", "prompt_tokens", "completion_tokens", "max_tokens", "most")
"""What a processor returns, a row a prompt; one whose text is None was not answered."""


def prompt_rows(line: Line, identity: str, asked: Iterable[tuple[Prompt, Decoding]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of prompts that no answer is known to, as the driver says.

    Prompts that are to be thought about are left to the generalist itself: the stage knows no budget of thinking.
    """
    keyed = {
        completion_key(identity, prompt, decoding): (prompt, decoding)
        for prompt, decoding in asked
        if decoding.thinking is None
    }
    if not keyed:
        return
    known = line.ask("find", list(keyed), min(decoding.max_tokens for _, decoding in keyed.values()))
    for key, (prompt, decoding) in keyed.items():
        if key not in known:
            yield _row(key, prompt, decoding)


def _row(key: bytes, prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return {
        "key": key.hex(),
        "messages": json.dumps(messages, ensure_ascii=False),
        "prompt": prompt.text,
        "stop": json.dumps(prompt.stop),
        "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "seed": decoding.seed,
        "most": most_tokens(prompt),
    }


def answer_ahead(prompts: Any, processor: Processor, journal: Journal, why: Callable[[], str]) -> int:
    """Put a data set of prompts through a processor, write its answers into the journal, and return how many.

    Args:
        prompts: a data set with the columns `COLUMNS`.
        processor: what answers them; `vllm_processor`, or anything that maps one data set to another.
        journal: of the job, with its limits.
        why: a reason to stop, or "".

    Raises:
        PausedError: a limit of the job is reached.
    """
    count = 0
    for table in processor(prompts).iter_batches(batch_size=None, batch_format="pyarrow"):
        for row in table.to_pylist():
            count += _record(row, journal)
        if why():
            break
    return count


def _record(row: dict[str, Any], journal: Journal) -> bool:
    if row["text"] is None:
        return False
    bound, length = int(row["max_tokens"]), int(row["completion_tokens"])
    # The stage does not say why an answer ended: one as long as it may be is taken for cut off.
    finish: Any = "length" if length >= bound else "stop"
    answer = Completion(row["text"], finish, int(row["prompt_tokens"]), length)
    number = reserve(journal, int(row["most"]) + bound, int(row["most"]))
    journal.record(number, bytes.fromhex(row["key"]), answer, bound)
    return True


def vllm_processor(model: str, kind: GeneralistKind, copies: int = 1) -> Processor:
    """Return a stage that holds a model in vLLM on the GPUs of the cluster. Unproven: see the module's docstring.

    Args:
        model: what vLLM loads: a name of the Hugging Face hub, or a folder that all nodes see. It must be what the
            job's generalist serves, for its answers count as that one's.
        kind: of the generalist: whether prompts are chats, which the model's own template renders.
        copies: engines of vLLM.

    Raises:
        MissingExtraError: vLLM, or what Ray needs beside it, is not installed.
    """
    load_ray()
    try:
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig
    except ImportError:
        raise MissingExtraError("Ray's LLM stage (pip install 'ray[llm]' brings vLLM)", "ray") from None
    chat = kind == "chat"
    config = vLLMEngineProcessorConfig(
        model_source=model, concurrency=copies, chat_template_stage=chat, task_type="generate"
    )
    return build_processor(config, preprocess=_for_vllm if chat else _for_vllm_plain, postprocess=_from_vllm)


def _for_vllm(row: dict[str, Any]) -> dict[str, Any]:
    return {"messages": json.loads(row["messages"]), **_sampling(row)}


def _for_vllm_plain(row: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": row["prompt"], **_sampling(row)}


def _sampling(row: dict[str, Any]) -> dict[str, Any]:
    names = ("max_tokens", "temperature", "top_p", "seed")
    kept = {name: row[name] for name in ("key", "max_tokens", "most")}
    return {**kept, "sampling_params": {**{name: row[name] for name in names}, "stop": json.loads(row["stop"])}}


def _from_vllm(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": row["key"],
        "text": row["generated_text"],
        "prompt_tokens": row["num_input_tokens"],
        "completion_tokens": row["num_generated_tokens"],
        "max_tokens": row["max_tokens"],
        "most": row["most"],
    }
