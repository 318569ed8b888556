"""Budgets of thinking: row by row without any model, then with a small real one that thinks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError
from scalemt.generalists.thinking import SOFT_FROM, Allowance, Coder, Marks, Row
from scalemt.generalists.transformers import TransformersGeneralist
from scalemt.huggingface import quiet
from scalemt.types import Completion, Decoding, Message, Prompt, Thought

END = 0
LETTERS = Coder(lambda text: [ord(sign) for sign in text], lambda ids: "".join(map(chr, ids)), frozenset({END}))
CHAT = Marks("<t>", "</t>")
NOTES = Marks("", "\nAnswer:", ("\n",), lined=False)
PLENTY = 10_000


def written(row: Row, wanted: str, most: int = 400) -> str:
    """What a row comes to where a model wants to write a text, letter by letter, and then to end it."""
    signs = [*map(ord, wanted), END]
    place = 0
    while not (row.ended or row.full) and len(row.ids) < most:
        likeliest = signs[min(place, len(signs) - 1)]
        wish = row.wish(likeliest)
        if wish and wish.forced is not None:
            row.feed(wish.forced)
            # A model that was stopped in its thought goes on with what it would say after it.
            if row.state in ("closing", "answering") and "</t>" in wanted:
                place = max(place, wanted.index("</t>") + len("</t>"))
        else:
            row.feed(likeliest)
            place += 1
    return LETTERS.decode([sign for sign in row.ids if sign != END])


def row(marks: Marks | None = CHAT, thinking: int = PLENTY, answer: int = PLENTY, *, wait: bool = False) -> Row:
    return Row(marks, Allowance(thinking, answer, wait), LETTERS)


def said(one: Row) -> str:
    return LETTERS.decode(one.answer)


def test_with_a_large_budget_nothing_is_changed() -> None:
    one = row()
    assert written(one, "<t>a house</t>casa") == "<t>a house</t>casa"
    assert one.thought() == Thought("a house", 7, "natural")
    assert said(one) == "casa"


@pytest.mark.parametrize("budget", [1, 2, 5, 7, 8])
def test_a_thought_ends_at_its_budget(budget: int) -> None:
    one = row(thinking=budget)
    text = written(one, "<t>a house of stones</t>casa")
    assert text == f"<t>{'a house of stones'[: budget - 1]}\n</t>casa"
    thought = one.thought()
    assert thought is not None
    assert (thought.tokens, thought.end) == (budget, "forced")
    assert said(one) == "casa"


def test_an_end_that_has_been_begun_is_finished_not_begun_again() -> None:
    one = row(thinking=10)
    assert written(one, "<t>a house</t>casa") == "<t>a house</t>casa"  # the budget falls into the tag
    assert one.thought() == Thought("a house", 7, "forced")


def test_a_row_that_opens_no_thought_is_let_alone() -> None:
    one = row(thinking=3, wait=True)
    assert written(one, " casa <t>a house</t> velha") == " casa <t>a house</t> velha"
    assert one.thought() is None
    assert said(one) == " casa <t>a house</t> velha"


def test_white_space_may_stand_before_a_thought() -> None:
    one = row()
    written(one, "\n <t>a house</t>casa")
    assert one.thought() == Thought("a house", 7)


def test_what_the_prompt_has_opened_is_a_thought_from_the_start() -> None:
    one = row(Marks("", "</t>"), thinking=4)
    assert written(one, "a house</t>casa") == "a h\n</t>casa"


def test_wait_is_put_in_once_where_the_thought_would_end() -> None:
    one = row(wait=True)
    text = written(one, "<t>a house</t>casa")
    # The model then ends its thought, as it wanted to.
    assert text == "<t>a house wait</t>casa"
    assert one.thought() == Thought("a house wait", 12, "natural", waited=True)
    assert written(row(wait=True), "<t>a house\n</t>casa") == "<t>a house\nwait</t>casa"


@pytest.mark.parametrize(("wanted", "budget"), [("<t>house</t>casa", PLENTY), ("<t>a house</t>casa", 12)])
def test_no_wait_in_a_short_thought_or_near_the_budget(wanted: str, budget: int) -> None:
    one = row(thinking=budget, wait=True)
    assert "wait" not in written(one, wanted)
    thought = one.thought()
    assert thought is not None
    assert not thought.waited


def test_an_end_of_all_within_a_thought_ends_the_thought() -> None:
    one = row()
    assert written(one, "<t>a house").startswith("<t>a house</t>")
    assert one.thought() == Thought("a house", 7, "natural")


def test_an_answer_has_a_bound_of_its_own() -> None:
    one = row(answer=3)
    written(one, "<t>a house</t>casas")
    assert (said(one), one.full, one.ended) == ("cas", True, False)
    none = row(None, answer=3)
    written(none, "<t>a house")
    assert (said(none), none.thought()) == ("<t>", None)


def test_a_thought_that_is_cut_off_is_open_and_says_nothing() -> None:
    one = row()
    written(one, "<t>a house</t>casa", most=6)
    assert one.thought() == Thought("a h", 3, "open")
    assert said(one) == ""


def test_padding_behind_an_end_is_no_text() -> None:
    one = row()
    written(one, "<t>a</t>casa")
    one.feed(ord("x"))
    assert said(one) == "casa"


def test_notes_end_with_their_line_and_the_answer_is_opened() -> None:
    one = row(NOTES)
    # After the line break the model wants to write " blue"; the rest of the opening is put in before.
    assert written(one, " casa is house\n azul") == " casa is house\nAnswer: azul"
    assert one.thought() == Thought("casa is house", 14)
    assert said(one) == " azul"


def test_notes_are_cut_at_their_budget_without_a_line_break_of_their_own() -> None:
    one = row(NOTES, thinking=5)
    assert written(one, " casa is house").startswith(" casa\nAnswer:")
    assert one.thought() == Thought("casa", 5, "forced")


def test_wait_in_notes_stands_in_their_line() -> None:
    assert written(row(NOTES, wait=True), " casa is house\n azul") == " casa is house wait\nAnswer: azul"


def test_the_nudge_begins_near_the_budget_and_is_added() -> None:
    one = row(thinking=100)
    for sign in f"<t>{'a' * 94}":
        assert one.wish(ord("a")) is None
        one.feed(ord(sign))
    assert one.thought_tokens < SOFT_FROM * 100
    one.feed(ord("a"))
    wish = one.wish(ord("a"))
    assert wish is not None
    assert wish.forced is None
    assert wish.nudged == (ord("\n"), ord("<"))
    assert wish.nudge > 0
    before = wish.nudge
    one.feed(ord("a"))
    wish = one.wish(ord("a"))
    assert wish is not None
    assert wish.nudge > before


WORDS = ["rain", "river", "bread", "museum", "letters", "friends", "night", "week", "door", "garden"]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}"
)
# How long each text is thought about, in words; the model is taught to do just that.
LENGTHS = {"rain": 4, "river": 9, "bread": 15, "museum": 0, "letters": 22, "friends": 30}


def taught(word: str) -> str:
    """What the model says to a word: a thought of some words, and an answer."""
    length = LENGTHS[word]
    thought = " ".join(WORDS[(WORDS.index(word) + step) % len(WORDS)] for step in range(length))
    opened = f"<think>{thought}</think>" if length else ""
    return f"{opened}{word} {word}"


def batches(texts: Sequence[Sequence[int]], padding: int) -> Any:
    import torch

    longest = max(map(len, texts))
    ids = torch.tensor([[*text, *[padding] * (longest - len(text))] for text in texts])
    return {"input_ids": ids, "labels": ids.masked_fill(ids == padding, -100), "attention_mask": ids != padding}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama that was taught six sentences, thoughts before five of them."""
    torch: Any = pytest.importorskip("torch")
    hf: Any = pytest.importorskip("transformers")
    tokenizers: Any = import_module("tokenizers")
    place = tmp_path_factory.mktemp("thinking") / "tiny"
    specials = ["<unk>", "<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|end|>"]
    # "<think>" is one token, as in Qwen3 one that is not special; its end is cut into several, as in other models.
    vocabulary = {
        sign: index for index, sign in enumerate([*specials, "<think>", "</", "think>", "\n", "wait", *WORDS, "▁"])
    }
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(
        tokenizers.Regex(r"</|think>|\n|▁|[a-z]+"), "isolated"
    )
    tokenizer.decoder = tokenizers.decoders.Sequence(
        [tokenizers.decoders.Replace("▁", " "), tokenizers.decoders.Fuse()]
    )
    fast = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        extra_special_tokens=specials[4:],
    )  # fmt: skip
    fast.add_tokens(["<think>"])
    fast.chat_template = TEMPLATE
    config = hf.LlamaConfig(
        vocab_size=len(fast), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=256, pad_token_id=3, bos_token_id=1, eos_token_id=[2, 6],
    )  # fmt: skip
    torch.set_num_threads(1)
    torch.manual_seed(5)
    model = hf.LlamaForCausalLM(config)
    texts = [
        fast(f"<|user|>{word}<|end|><|assistant|>{taught(word)}<|end|>", add_special_tokens=False).input_ids
        for word in LENGTHS
    ]
    data = batches(texts, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(400):
        loss = model(**data).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.02:
            break
    with quiet():
        fast.save_pretrained(place)
        model.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def generalist(folder: Path) -> TransformersGeneralist:
    return TransformersGeneralist(folder, max_batch=8)


def prompts(*words: str) -> list[Prompt]:
    return [Prompt((Message("user", word),), prefill="never sent") for word in words or LENGTHS]


def unconstrained(generalist: TransformersGeneralist, word: str) -> str:
    """The most probable tokens one by one, from plain forward passes, nothing steered."""
    import torch

    generalist._load()
    text = generalist._rendered(prompts(word)[0], thinking=True)
    ids = list(generalist._tokenizer(text, add_special_tokens=False).input_ids)
    made: list[int] = []
    while len(made) < 120:
        with torch.no_grad():
            made.append(int(generalist._model(torch.tensor([ids + made])).logits[0, -1].argmax()))
        if made[-1] in (2, 6):
            break
    return str(generalist._tokenizer.decode(made[:-1]))


slow = pytest.mark.slow


@slow
def test_with_a_large_budget_a_batch_says_what_it_would_say_unsteered(generalist: TransformersGeneralist) -> None:
    completions = generalist.complete(prompts(), Decoding(max_tokens=30, thinking=200))
    for word, completion in zip(LENGTHS, completions, strict=True):
        thought = completion.thought
        whole = f"<think>{thought.text}</think>{completion.text}" if thought else completion.text
        assert whole == unconstrained(generalist, word) == taught(word)
        assert completion.finish_reason == "stop"
        assert thought is None or thought.end == "natural"
    assert completions[3].thought is None
    tokens = [completion.thinking_tokens for completion in completions]
    assert tokens == [2 * length - 1 if length else 0 for length in LENGTHS.values()]  # words, and spaces between


@slow
@pytest.mark.parametrize("budget", [6, 20, 35])
def test_each_row_of_a_batch_keeps_to_the_budget(generalist: TransformersGeneralist, budget: int) -> None:
    together = generalist.complete(prompts(), Decoding(max_tokens=30, thinking=budget))
    for (word, length), completion in zip(LENGTHS.items(), together, strict=True):
        natural = 2 * length - 1
        assert completion.thinking_tokens <= budget
        if length == 0:
            assert (completion.text, completion.thought) == (f"{word} {word}", None)
        elif natural < SOFT_FROM * budget:
            assert completion.thought == Thought(taught(word)[7:].partition("<")[0], natural, "natural")
            assert completion.text == f"{word} {word}"
        elif natural > budget:
            assert completion.thought is not None
            assert completion.thought.end == "forced"
            # The model may go on as if nothing were, and end its thought again: all up to there is no answer.
            assert "think" not in completion.text
    alone = [generalist.complete([prompt], Decoding(max_tokens=30, thinking=budget))[0] for prompt in prompts()]
    assert alone == together


@slow
@pytest.mark.parametrize(("budget", "wait"), [(9, False), (200, False), (200, True)])
def test_rows_of_other_lengths_beside_it_change_nothing(
    generalist: TransformersGeneralist, budget: int, wait: bool
) -> None:
    before = [(Message("system", "river bread " * number),) for number in range(len(LENGTHS))]
    asked = [Prompt((*said, Message("user", word))) for said, word in zip(before, LENGTHS, strict=True)]
    decoding = Decoding(max_tokens=30, thinking=budget, wait=wait)
    together = generalist.complete(asked, decoding)
    assert together == [generalist.complete([prompt], decoding)[0] for prompt in asked]
    assert len({completion.prompt_tokens for completion in together}) == len(asked)  # so all but one are padded
    assert len({completion.completion_tokens for completion in together}) > 1
    assert all(completion.thinking_tokens <= budget for completion in together)


@slow
def test_wait_is_put_in_at_most_once_a_row(generalist: TransformersGeneralist) -> None:
    completions = generalist.complete(prompts(), Decoding(max_tokens=30, thinking=150, wait=True))
    waits = [
        completion.thought.text.split().count("wait") if completion.thought else 0 for completion in completions
    ]
    assert waits == [1, 1, 1, 0, 1, 1]
    assert all(completion.thought is None or completion.thought.waited for completion in completions)
    assert all("wait" not in completion.text for completion in completions)
    free = generalist.complete(prompts(), Decoding(max_tokens=30, thinking=150))
    for waited, plain in zip(completions, free, strict=True):
        assert waited.thinking_tokens <= 150
        if plain.thought and waited.thought:
            assert waited.thought.text.startswith(plain.thought.text)


@slow
def test_unasked_the_model_does_not_think(generalist: TransformersGeneralist) -> None:
    for thinking in (None, 0):
        (completion,) = generalist.complete(
            [Prompt((Message("user", "rain"),))], Decoding(max_tokens=8, thinking=thinking)
        )
        assert completion.thought is None


@slow
def test_a_thought_takes_nothing_of_the_room_of_an_answer(generalist: TransformersGeneralist) -> None:
    (cut, whole) = generalist.complete(prompts("friends", "museum"), Decoding(max_tokens=2, thinking=100))
    assert (cut.finish_reason, cut.text, cut.answer_tokens > 2) == ("length", "friends ", True)
    assert (whole.finish_reason, whole.text) == ("length", "museum ")
    assert cut.thought == Thought(taught("friends")[7:].partition("<")[0], 59)


@slow
def test_a_stop_string_ends_the_answer_and_not_the_thought(generalist: TransformersGeneralist) -> None:
    (completion,) = generalist.complete(
        [Prompt((Message("user", "rain"),), stop=(" ",))], Decoding(max_tokens=30, thinking=100)
    )
    assert (completion.text, completion.finish_reason) == ("rain", "stop")
    assert completion.thinking_tokens == 7


@slow
def test_a_small_context_cuts_the_thought_before_the_answer(folder: Path) -> None:
    generalist = TransformersGeneralist(folder)
    generalist._load()
    generalist._context = 70
    (completion,) = generalist.complete(prompts("friends"), Decoding(max_tokens=12, thinking=100))
    assert completion.thought is not None
    assert completion.thought.end == "forced"
    assert completion.thinking_tokens < 30


@slow
def test_a_base_model_makes_notes_before_it_answers(folder: Path) -> None:
    base = TransformersGeneralist(folder, kind="base")
    asked = Prompt(text="rain river", stop=("\n",), after_thinking="\nwait")
    free, noted = (base.complete([asked], Decoding(max_tokens=4, thinking=thinking))[0] for thinking in (None, 6))
    assert free.thought is None
    assert isinstance(noted, Completion)
    assert noted.thought is not None
    assert noted.thinking_tokens <= 6
    assert "wait" not in noted.text
    plain = base.complete([Prompt(text="rain river")], Decoding(max_tokens=4, thinking=6))[0]
    assert plain.thought is None


@slow
def test_the_tags_of_a_thought_can_be_told(folder: Path) -> None:
    assert TransformersGeneralist(folder)._tags == ("<think>", "</think>")
    other = TransformersGeneralist(folder, think_tags=["<thought>", "</thought>"])
    assert other.complete(prompts("museum"), Decoding(max_tokens=30, thinking=9))[0].thought is None
    assert other.cache_key != TransformersGeneralist(folder).cache_key
    with pytest.raises(ConfigurationError, match="think_tags"):
        TransformersGeneralist(folder, think_tags=["<think>"])
