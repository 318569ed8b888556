"""Local `transformers` folders as a generalist: any decoder-only model, run by PyTorch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from scalemt.errors import ConfigurationError, GeneralistError
from scalemt.fingerprint import exact_fingerprint, fingerprint
from scalemt.generalists.base import BaseGeneralist, GeneralistKind, Progress
from scalemt.generalists.client import chat_messages, cut
from scalemt.generalists.thinking import Allowance, Coder, Marks, Row, ThinkingProcessor
from scalemt.generalists.thoughts import Tags, tags_in
from scalemt.huggingface import (
    choose_device,
    import_torch,
    load_model,
    load_tokenizer,
    model_files,
    number_format,
    quiet,
    weight_files,
)
from scalemt.types import THINKING_OVERHEAD, Completion, Decoding, FinishReason, Likelihood, Prompt

_UNBOUNDED = 2**31  # context of a model whose configuration names none
_SEEN = 8  # tokens of the prompt decoded with the answer, so that its first space is not lost


@dataclass(frozen=True, slots=True)
class _Job:
    """One prompt on its way: its place, its tokens, and how many tokens its answer may have.

    `marks` are those of the thought before the answer, None where there is to be none; `most` is how many tokens
    both may have together.
    """

    index: int
    tokens: list[int]
    limit: int
    stop: tuple[str, ...]
    marks: Marks | None = None
    most: int = 0


class TransformersGeneralist(BaseGeneralist):
    """A decoder-only model in a local folder. Nothing is downloaded.

    A special token that is spelt in a prompt's own text is kept from acting as one: plain prompts are cut as
    plain text, and in chat messages a space is put into it. Prompts are batched with padding on the left; with
    temperature above 0 an answer depends on the seed and on the batch it is drawn in.

    Args:
        path: the folder, as `save_pretrained` writes it.
        threads: CPU threads; torch has one number for the whole process, and this sets it.
        device: of torch; None takes cuda where there is one.
        dtype: "float32", "bfloat16" or "float16".
        max_batch: most prompts run together.
        kind: "chat" or "base"; None is "chat" if the tokenizer has a chat template.
        think_tags: what opens and what ends a thought of a chat model; None looks into its chat template and its
            vocabulary. A model without such tags does not think, whatever budget it is given.
        template: the prompt template that it was trained on, by name or path; the engine takes it where the user
            sets none.
        shots: how many demonstrations it wants, likewise.

    Raises:
        ModelError: the folder lacks a file; the message says which. Weights are loaded, and may turn out to be
            damaged, when first needed.
        ConfigurationError: an option has a value that cannot be used.
        MissingExtraError: torch or transformers is not installed.
    """

    name = "transformers"

    def __init__(  # noqa: PLR0913 - each is an option of a profile
        self,
        path: str | Path,
        *,
        threads: int = 1,
        device: str | None = None,
        dtype: str = "float32",
        max_batch: int = 4,
        kind: GeneralistKind | None = None,
        think_tags: Sequence[str] | None = None,
        template: str = "",
        shots: int | None = None,
    ) -> None:
        if think_tags is not None and (len(think_tags) != 2 or not all(think_tags)):
            raise ConfigurationError(
                f"think_tags is {think_tags!r}; expected two, such as ['<think>', '</think>']."
            )
        if threads < 1 or max_batch < 1:
            raise ConfigurationError(f"threads={threads}, max_batch={max_batch}: both must be at least 1.")
        if kind not in {None, "chat", "base"}:
            raise ConfigurationError(f"kind is {kind!r}. Valid choices: chat, base.")
        self._folder = Path(path).expanduser()
        weights = weight_files(self._folder)
        self._torch, self._transformers = import_torch("The transformers generalist")
        self._torch.set_num_threads(threads)
        self._tokenizer = load_tokenizer(self._folder, self._transformers)
        self._kind = self._checked_kind(kind)
        self._tags = Tags(*think_tags) if think_tags else self._found_tags()
        self._max_batch = max_batch
        self.template, self.shots = template, shots
        number_format(dtype, self._torch)
        self._dtype = dtype
        self._device = choose_device(device, self._torch)
        self._model: Any = None
        self._loading = Lock()
        self._signature = f"transformers:{self._folder.name.replace(' ', '_')}:{fingerprint(weights)}:{dtype}"

    def _load(self) -> None:
        """Load the weights, at the first prompt whose answer is not known from the cache."""
        with self._loading:
            if self._model is not None:
                return
            auto_class = self._transformers.AutoModelForCausalLM
            self._model = load_model(auto_class, self._folder, self._torch, self._device, self._dtype)
            config = self._model.config.get_text_config()
            self._context = int(getattr(config, "max_position_embeddings", None) or _UNBOUNDED)
            self._accepted = set(inspect.signature(self._model.forward).parameters)
            self._ends = self._end_tokens()
            self._padding = self._padding_token()
            # The folder's own defaults (a sampler, penalties) are set aside: `Decoding` says all.
            self._model.generation_config = self._transformers.GenerationConfig()

    @property
    def kind(self) -> GeneralistKind:
        """What the constructor was told, or whether the tokenizer has a chat template."""
        return self._kind

    @property
    def signature(self) -> str:
        """Name of the folder, a fingerprint of the weights, and the number format."""
        return self._signature

    @property
    def cache_key(self) -> str:
        """The signature, the content of all files of the folder, the versions of the libraries, and the device."""
        content = exact_fingerprint(model_files(self._folder))
        libraries = f"torch {self._torch.__version__}|transformers {self._transformers.__version__}"
        tags = "" if self._tags == self._found_tags() else f"|think_tags={self._tags}"
        return f"{self._signature}|{content}|{libraries}|{self._device}{tags}"

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`, end of text not included.

        Raises:
            GeneralistError: prompt and continuation do not fit into the context, or the model failed.
        """
        self._load()
        pairs = [self._split(prompt, text) for prompt, text in zip(prompts, continuations, strict=True)]
        for opening, continuation in pairs:
            if len(opening) + len(continuation) > self._context:
                raise self._too_long(len(opening) + len(continuation), "Prompt and continuation have")
        found = [Likelihood(0.0, 0)] * len(pairs)
        filled = [index for index, (_, continuation) in enumerate(pairs) if continuation]
        filled.sort(key=lambda index: -sum(map(len, pairs[index])))
        for start in range(0, len(filled), self._max_batch):
            batch = filled[start : start + self._max_batch]
            for index, likelihood in zip(batch, self._likelihoods([pairs[i] for i in batch]), strict=True):
                found[index] = likelihood
        return found

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        self._load()
        completions: dict[int, Completion] = {}
        jobs = []
        for index, prompt in enumerate(prompts):
            try:
                tokens, marks = self._opened(prompt, decoding)
            except GeneralistError as error:
                completions[index] = Completion("", "error", error=error)
                continue
            room = self._context - len(tokens)
            if room < 1:
                completions[index] = Completion("", "error", error=self._too_long(len(tokens), "The prompt has"))
            else:
                limit = min(decoding.max_tokens, room)
                most = min(decoding.most_tokens, room) if marks else limit
                jobs.append(_Job(index, tokens, limit, prompt.stop, marks, most))
        progress(len(completions))
        for batch in self._batches(jobs, decoding):
            for job, completion in zip(batch, self._answers(batch, decoding), strict=True):
                completions[job.index] = completion
            progress(len(batch))
        return [completions[index] for index in range(len(prompts))]

    def _opened(self, prompt: Prompt, decoding: Decoding) -> tuple[list[int], Marks | None]:
        """Return the tokens of a prompt, and how a thought is told in what follows, where there is to be one."""
        if not decoding.thinking:
            return self._tokens(prompt), None
        if not prompt.messages:
            after = prompt.after_thinking
            return self._tokens(prompt), Marks("", after, prompt.stop, lined=False) if after else None
        if self._tags is None:
            return self._tokens(prompt), None
        text = self._rendered(prompt, thinking=True)
        begun = text.rstrip().endswith(self._tags.open)
        marks = Marks("" if begun else self._tags.open, self._tags.close)
        return self._plain_or_special(text, special=True), marks

    def _batches(self, jobs: list[_Job], decoding: Decoding) -> Iterator[list[_Job]]:
        """Jobs of like length together; one that the context would cut runs alone, or it would cut others."""
        batch: list[_Job] = []
        for job in sorted(jobs, key=lambda job: -len(job.tokens)):
            if job.most < (decoding.most_tokens if job.marks else decoding.max_tokens):
                yield [job]
                continue
            batch.append(job)
            if len(batch) == self._max_batch:
                yield batch
                batch = []
        if batch:
            yield batch

    def _answers(self, batch: list[_Job], decoding: Decoding) -> list[Completion]:
        inputs = self._padded([job.tokens for job in batch])
        length = inputs["input_ids"].shape[1]
        rows = self._rows(batch, decoding) if decoding.thinking else []
        steering = ThinkingProcessor(rows, length) if rows else None
        stopping = self._stopping_rows(batch, steering) if steering else self._stopping(batch, length)
        try:
            with quiet(), self._torch.random.fork_rng(), self._torch.inference_mode():
                self._torch.manual_seed(decoding.seed)
                sequences = self._model.generate(
                    **inputs,
                    generation_config=self._generation(decoding, max(job.most for job in batch)),
                    stopping_criteria=self._transformers.StoppingCriteriaList([stopping]),
                    logits_processor=self._transformers.LogitsProcessorList([steering] if steering else []),
                )
        except (RuntimeError, ValueError, IndexError) as error:
            failure = GeneralistError(f"transformers failed on the model in {self._folder}: {error}")
            return [Completion("", "error", error=failure) for _ in batch]
        if steering:
            return [self._thought_out(job, row) for job, row in zip(batch, steering.rows, strict=True)]
        return [self._completion(job, ids[length:]) for job, ids in zip(batch, sequences.tolist(), strict=True)]

    def _rows(self, batch: list[_Job], decoding: Decoding) -> list[Row]:
        """Return what keeps each row of a batch to what it may think and answer."""
        coder = Coder(self._encode_marks, self._decode_marks, self._ends)
        # Where the context holds less than is allowed, the answer goes before the thought.
        rooms = [max(1, job.most - job.limit - THINKING_OVERHEAD) for job in batch]
        return [
            Row(job.marks, Allowance(min(decoding.thinking or 0, room), job.limit, decoding.wait), coder)
            for job, room in zip(batch, rooms, strict=True)
        ]

    def _encode_marks(self, text: str) -> list[int]:
        ids = list(self._tokenizer(text, add_special_tokens=False).input_ids)
        # A vocabulary without line breaks: nothing stands in their place.
        return [token for token in ids if token != self._tokenizer.unk_token_id]

    def _decode_marks(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _thought_out(self, job: _Job, row: Row) -> Completion:
        """Return the answer of a row that was let think."""
        thought = row.thought()
        text = self._continued(job, row.answer) if thought is None else self._decode(row.answer)
        if thought and thought.end == "forced" and job.marks:
            # Made to end its thought, a model may go on all the same, and end it by itself a little later.
            text = text.rpartition(job.marks.close)[2]
        kept = cut(text, job.stop)
        done = kept != text or (row.ended and row.state in ("waiting", "answering"))
        reason: FinishReason = "stop" if done else "length"
        return Completion(
            kept,
            reason,
            prompt_tokens=len(job.tokens),
            completion_tokens=len(row.ids),
            thought=thought,
        )

    def _stopping_rows(self, batch: list[_Job], steering: ThinkingProcessor) -> Any:
        """A criterion that ends rows that think: at a stop string in the answer, or where it is long enough."""
        torch = self._torch

        def reached(input_ids: Any, scores: Any, **_: Any) -> Any:
            steering.follow(input_ids)
            for job, row in zip(batch, steering.rows, strict=True):
                text = self._decode(row.answer) if job.stop else ""
                row.full = row.full or any(stop and stop in text for stop in job.stop)
            return torch.tensor([row.full for row in steering.rows], device=input_ids.device)

        return reached

    def _completion(self, job: _Job, ids: list[int]) -> Completion:
        end = next((position for position, token in enumerate(ids) if token in self._ends), None)
        answer = ids if end is None else ids[:end]
        text = self._continued(job, answer)
        kept = cut(text, job.stop)
        reason: FinishReason
        if kept != text:  # at a stop string: what follows in the row is padding
            made, reason = len(_without_padding(ids, self._padding)), "stop"
        elif end is not None:
            made, reason = end + 1, "stop"
        else:
            made, reason = len(ids), "length"
        return Completion(kept, reason, prompt_tokens=len(job.tokens), completion_tokens=made)

    def _stopping(self, batch: list[_Job], length: int) -> Any:
        """A criterion that ends each row at its own stop strings."""
        torch = self._torch

        def reached(input_ids: Any, scores: Any, **_: Any) -> Any:
            rows = input_ids[:, length:].tolist() if any(job.stop for job in batch) else [[]] * len(batch)
            done = [
                any(stop and stop in self._continued(job, row) for stop in job.stop)
                for job, row in zip(batch, rows, strict=True)
            ]
            return torch.tensor(done, device=input_ids.device)

        return reached

    def _continued(self, job: _Job, ids: list[int]) -> str:
        """The text of an answer, with the space that a tokenizer drops at the start of a text."""
        before = self._decode(job.tokens[-_SEEN:])
        whole = self._decode(job.tokens[-_SEEN:] + ids)
        return whole[len(before) :] if whole.startswith(before) else self._decode(ids)

    def _decode(self, ids: list[int]) -> str:
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        return str(self._tokenizer.decode(ids, **options))

    def _generation(self, decoding: Decoding, limit: int) -> Any:
        sampler: dict[str, Any] = {"do_sample": False}
        if decoding.temperature > 0:
            sampler = {
                "do_sample": True,
                "temperature": decoding.temperature,
                "top_p": decoding.top_p,
                "top_k": 0,
            }
        return self._transformers.GenerationConfig(
            max_new_tokens=limit, eos_token_id=sorted(self._ends) or None, pad_token_id=self._padding, **sampler
        )

    def _likelihoods(self, pairs: list[tuple[list[int], list[int]]]) -> list[Likelihood]:
        inputs = self._padded([opening + continuation for opening, continuation in pairs])
        longest = max(len(continuation) for _, continuation in pairs)
        if "position_ids" in self._accepted:  # left padding moves rows, and not all models see that by the mask
            inputs["position_ids"] = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        if "logits_to_keep" in self._accepted:  # the logits of all prompt tokens would fill the memory
            inputs["logits_to_keep"] = longest + 1
        try:
            with quiet(), self._torch.inference_mode():
                logits = self._model(**inputs, use_cache=False).logits[:, -longest - 1 : -1].float()
        except (RuntimeError, ValueError, IndexError) as error:
            raise GeneralistError(f"transformers failed on the model in {self._folder}: {error}") from error
        wanted = inputs["input_ids"][:, -longest:].unsqueeze(-1)
        log_probs = (logits.gather(-1, wanted).squeeze(-1) - logits.logsumexp(-1)).tolist()
        return [
            Likelihood(sum(row[len(row) - len(continuation) :]), len(continuation))
            for row, (_, continuation) in zip(log_probs, pairs, strict=True)
        ]

    def _padded(self, rows: list[list[int]]) -> dict[str, Any]:
        longest = max(map(len, rows))
        fill = [longest - len(row) for row in rows]
        ids = [[self._padding] * count + row for count, row in zip(fill, rows, strict=True)]
        mask = [[0] * count + [1] * len(row) for count, row in zip(fill, rows, strict=True)]
        device = self._model.device
        return {
            "input_ids": self._torch.tensor(ids, device=device),
            "attention_mask": self._torch.tensor(mask, device=device),
        }

    def _tokens(self, prompt: Prompt) -> list[int]:
        if prompt.messages:
            return self._plain_or_special(self._rendered(prompt), special=True)
        return self._plain_or_special(prompt.text, special=False)

    def _plain_or_special(self, text: str, *, special: bool) -> list[int]:
        """Tokens of a text: with a template's special tokens, or as plain text after the opening token."""
        ids = self._tokenizer(text, add_special_tokens=not special, split_special_tokens=not special).input_ids
        ids = list(ids)
        # Some tokenizers close a text with an end token, after which nothing would follow.
        while not special and ids and ids[-1] in self._ends:
            ids.pop()
        # A model needs one token to start from.
        return ids or [self._start_token()]

    def _rendered(self, prompt: Prompt, *, thinking: bool = False) -> str:
        messages = [message | {"content": self._defused(message["content"])} for message in chat_messages(prompt)]
        try:
            text = self._templated(messages, thinking)
        except Exception as error:  # whatever a template raises, or that there is none
            if len(messages) < 2 or messages[0]["role"] != "system":
                raise GeneralistError(f"The chat template of {self._folder} failed: {error}") from error
            text = self._without_system(messages, thinking)
        # What opens an answer would stand before the thought.
        return text if thinking else text + self._defused(prompt.prefill)

    def _without_system(self, messages: list[dict[str, str]], thinking: bool) -> str:
        """Some models (Gemma 2) know no system role; their makers put it at the start of the first turn."""
        system, first, *others = messages
        joined = first | {"content": f"{system['content']}\n\n{first['content']}"}
        try:
            return self._templated([joined, *others], thinking)
        except Exception as error:
            raise GeneralistError(f"The chat template of {self._folder} failed: {error}") from error

    def _templated(self, messages: list[dict[str, str]], thinking: bool) -> str:
        # Unasked, a model that can think would spend max_tokens on it and leave no translation. Templates know one
        # of two names for it.
        options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": thinking}
        options |= {"thinking": True} if thinking else {}
        return str(self._tokenizer.apply_chat_template(messages, **options))

    def _defused(self, content: str) -> str:
        for token in self._tokenizer.all_special_tokens:
            if token in content:
                content = content.replace(token, f"{token[:1]} {token[1:]}")
        return content

    def _split(self, prompt: Prompt, continuation: str) -> tuple[list[int], list[int]]:
        """Tokens of prompt and continuation; where the boundary falls into a token, each read by itself."""
        opening = self._tokens(prompt)
        if not continuation:
            return opening, []
        special = bool(prompt.messages)
        before = self._rendered(prompt) if special else prompt.text
        whole = self._plain_or_special(
            before + (self._defused(continuation) if special else continuation), special=special
        )
        if whole[: len(opening)] == opening and len(whole) > len(opening):
            return opening, whole[len(opening) :]
        ids = self._tokenizer(continuation, add_special_tokens=False, split_special_tokens=True).input_ids
        return opening, list(ids)

    def _checked_kind(self, kind: GeneralistKind | None) -> GeneralistKind:
        has_template = bool(getattr(self._tokenizer, "chat_template", None))
        if kind == "chat" and not has_template:
            raise ConfigurationError(
                f"kind is 'chat', but the tokenizer in {self._folder} has no chat template. Use kind 'base', or "
                "put chat_template.jinja into the folder."
            )
        return kind or ("chat" if has_template else "base")

    def _found_tags(self) -> Tags | None:
        template = getattr(self._tokenizer, "chat_template", None)
        return tags_in(template if isinstance(template, str) else "", self._tokenizer.get_vocab())

    def _end_tokens(self) -> frozenset[int]:
        """All tokens that end an answer: chat models often have one of their own beside the tokenizer's."""
        known = self._model.generation_config.eos_token_id
        several = known if isinstance(known, list) else [known]
        return frozenset(int(i) for i in (*several, self._tokenizer.eos_token_id) if i is not None)

    def _padding_token(self) -> int:
        known = self._tokenizer.pad_token_id
        return int(known if known is not None else min(self._ends, default=0))

    def _start_token(self) -> int:
        known = self._tokenizer.bos_token_id
        return int(known if known is not None else self._padding)

    def _too_long(self, length: int, what: str) -> GeneralistError:
        return GeneralistError(
            f"{what} {length} tokens and the context of {self._folder.name} holds {self._context}. "
            "Show fewer demonstrations, or split the text."
        )


def _without_padding(ids: list[int], padding: int) -> list[int]:
    """The ids without the padding that a row gets while others of its batch go on."""
    end = len(ids)
    while end and ids[end - 1] == padding:
        end -= 1
    return ids[:end]
