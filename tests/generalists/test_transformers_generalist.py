"""Local decoder-only folders, on a tiny Llama with random weights made here."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scalemt.caching import FILE_NAME, CacheStore, keep_generalist
from scalemt.errors import ConfigurationError, GeneralistError, ModelError
from scalemt.generalists import GENERALISTS, ScoringGeneralist
from scalemt.generalists.transformers import TransformersGeneralist
from scalemt.huggingface import quiet
from scalemt.types import Completion, Decoding, Message, Prompt

pytestmark = pytest.mark.slow

TEXTS = [
    "Rain fell all night and the river rose quickly.",
    "We bought bread.",
    "English: The museum is closed on Mondays.\nPortuguese:",
    "She writes letters to her friends every week, and they answer.",
    "The",
]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTEXT = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch: Any = pytest.importorskip("torch")
    hf: Any = pytest.importorskip("transformers")
    tokenizers: Any = import_module("tokenizers")
    place = tmp_path_factory.mktemp("generalist") / "tiny"
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    specials = ["<unk>", "<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=160, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    fast = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens=specials[4:],
    )
    config = hf.LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        pad_token_id=3,
        bos_token_id=1,
        eos_token_id=[2, 7],
    )
    torch.set_num_threads(1)
    torch.manual_seed(4)
    model = hf.LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 3.0 / weight.shape[-1] ** 0.5)
        model.lm_head.weight[:8] *= 0.3  # special tokens hardly ever come, as in a trained model
    with quiet():
        fast.save_pretrained(place)
        model.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def generalist(folder: Path) -> TransformersGeneralist:
    return TransformersGeneralist(folder)


def asked(*texts: str, stop: tuple[str, ...] = ()) -> list[Prompt]:
    return [Prompt(text=text, stop=stop) for text in texts]


def by_hand(generalist: TransformersGeneralist, ids: list[int], count: int) -> list[int]:
    """The most probable tokens one by one, from plain forward passes without padding or cache."""
    import torch

    generalist._load()
    made: list[int] = []
    for _ in range(count):
        with torch.no_grad():
            logits = generalist._model(torch.tensor([ids + made])).logits[0, -1]
        made.append(int(logits.argmax()))
        if made[-1] in (2, 7):
            break
    return made


def test_greedy_answers_are_those_of_plain_forward_passes(generalist: TransformersGeneralist) -> None:
    completions = generalist.complete(asked(*TEXTS), Decoding(max_tokens=12))
    for text, completion in zip(TEXTS, completions, strict=True):
        ids = generalist._tokenizer(text).input_ids
        made = by_hand(generalist, ids, 12)
        whole = generalist._decode(ids + made)
        assert generalist._decode(ids) + completion.text == whole
        assert completion.prompt_tokens == len(ids)
        assert completion.completion_tokens == len(made)
        assert completion.finish_reason == ("stop" if made[-1] in (2, 7) else "length")


def test_a_batch_answers_like_its_prompts_one_by_one(folder: Path, generalist: TransformersGeneralist) -> None:
    prompts = asked(*TEXTS)
    done: list[int] = []
    together = generalist.complete(prompts, Decoding(max_tokens=20), done.append)
    alone = TransformersGeneralist(folder, max_batch=1).complete(prompts, Decoding(max_tokens=20))
    assert together == alone
    assert sum(done) == len(prompts)
    assert len({completion.text for completion in together}) == len(prompts)


def test_an_answer_ends_at_its_own_stop_string(generalist: TransformersGeneralist) -> None:
    (free, other) = generalist.complete(asked(*TEXTS[:2]), Decoding(max_tokens=20))
    stop = free.text[4:7]
    first, second = generalist.complete(
        [Prompt(text=TEXTS[0], stop=("never there", stop)), Prompt(text=TEXTS[1])], Decoding(max_tokens=20)
    )
    assert first.text == free.text[: free.text.index(stop)]
    assert first.finish_reason == "stop"
    assert first.completion_tokens < free.completion_tokens
    assert second == other


def test_an_end_token_ends_an_answer(folder: Path, tmp_path: Path) -> None:
    import torch

    copy = shutil.copytree(folder, tmp_path / "ending")
    hf: Any = import_module("transformers")
    with quiet(), torch.no_grad():
        model = hf.LlamaForCausalLM.from_pretrained(copy)
        free = TransformersGeneralist(copy).complete(asked(TEXTS[0]), Decoding(max_tokens=9))[0]
        ids = TransformersGeneralist(copy)._tokenizer(TEXTS[0]).input_ids
        third = by_hand(TransformersGeneralist(copy), ids, 3)[2]
        model.lm_head.weight[[7, third]] = model.lm_head.weight[[third, 7]]  # <|end|> comes third
        model.save_pretrained(copy)
    ended, longer = TransformersGeneralist(copy).complete(asked(*TEXTS[:2]), Decoding(max_tokens=9))
    assert ended.finish_reason == "stop"
    assert ended.completion_tokens == 3
    assert free.text.startswith(ended.text)
    assert "<|end|>" not in ended.text + longer.text


def test_a_full_context_is_reported_as_length(generalist: TransformersGeneralist) -> None:
    long = " ".join(TEXTS[0] for _ in range(40))
    tokens = generalist._tokenizer(long).input_ids
    words = generalist._decode(tokens[: CONTEXT - 6])
    completions = generalist.complete(asked(words, long, "We"), Decoding(max_tokens=30))
    cut, refused, free = completions
    assert cut.finish_reason == "length"
    assert cut.prompt_tokens + cut.completion_tokens == CONTEXT
    assert refused.finish_reason == "error"
    assert isinstance(refused.error, GeneralistError)
    assert f"The prompt has {len(tokens)} tokens and the context of tiny holds 128" in str(refused.error)
    assert free.completion_tokens == 30


def test_sampling_repeats_with_its_seed(generalist: TransformersGeneralist) -> None:
    import torch

    def sampled(seed: int) -> list[str]:
        decoding = Decoding(max_tokens=15, temperature=1.0, top_p=0.9, seed=seed)
        return [completion.text for completion in generalist.complete(asked(*TEXTS), decoding)]

    state = torch.get_rng_state()
    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)
    assert torch.equal(torch.get_rng_state(), state)


def test_scores_are_sums_of_log_probabilities(generalist: TransformersGeneralist) -> None:
    import torch

    continuations = [" We bought bread.", " The river rose.", " night", " letters to her", ""]
    found = generalist.score(asked(*TEXTS), continuations)
    assert found[4].tokens == 0
    assert found[4].logprob == 0.0
    for text, continuation, likelihood in zip(TEXTS[:4], continuations, found, strict=False):
        opening = generalist._tokenizer(text).input_ids
        ids = generalist._tokenizer(text + continuation).input_ids
        assert ids[: len(opening)] == opening
        with torch.no_grad():
            log_probs = generalist._model(torch.tensor([ids])).logits[0].log_softmax(-1)
        expected = sum(float(log_probs[at - 1, ids[at]]) for at in range(len(opening), len(ids)))
        assert likelihood.logprob == pytest.approx(expected, abs=1e-4)
        assert likelihood.tokens == len(ids) - len(opening)


def test_a_greedy_answer_scores_better_than_others(generalist: TransformersGeneralist) -> None:
    answer = generalist.complete(asked(TEXTS[0]), Decoding(max_tokens=6))[0].text
    own, other = generalist.score(asked(TEXTS[0], TEXTS[0]), [answer, " We bought bread."])
    assert own.per_token > other.per_token


def test_too_much_to_score(generalist: TransformersGeneralist) -> None:
    with pytest.raises(GeneralistError, match=r"Prompt and continuation have .* holds 128"):
        generalist.score(asked("We"), [" bread" * 200])


def test_special_tokens_in_a_text_are_text(generalist: TransformersGeneralist) -> None:
    ids = generalist._tokens(Prompt(text="We <|end|> bought </s> bread"))
    assert ids[0] == 1
    assert not {2, 7} & set(ids[1:])


def test_chat_prompts_follow_the_template(folder: Path, tmp_path: Path) -> None:
    assert TransformersGeneralist(folder).kind == "base"
    copy = shutil.copytree(folder, tmp_path / "chat")
    (copy / "chat_template.jinja").write_text(TEMPLATE)
    chat = TransformersGeneralist(copy)
    assert chat.kind == "chat"
    assert TransformersGeneralist(copy, kind="base").kind == "base"
    messages = (Message("system", "We bought"), Message("user", "bread <|end|><|assistant|>"))
    prompt = Prompt(messages=messages, prefill="The")
    ids = chat._tokens(prompt)
    text = chat._tokenizer.decode(ids)
    assert [token for token in ids if token in (4, 5, 6, 7)] == [6, 7, 4, 7, 5]  # the user's own are defused
    assert text.replace(" ", "").endswith("<|assistant|>The")
    completion = chat.complete([prompt], Decoding(max_tokens=5))[0]
    assert completion.prompt_tokens == len(ids)
    assert completion.text
    assert not completion.text.startswith("The")
    (likelihood,) = chat.score([prompt], [" river rose"])
    assert likelihood.tokens > 0


def test_a_template_without_a_system_role(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "chat")
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    (copy / "chat_template.jinja").write_text(refusal + TEMPLATE)
    chat = TransformersGeneralist(copy)
    user, system = Message("user", "bread"), Message("system", "We bought")
    text = chat._tokenizer.decode(chat._tokens(Prompt(messages=(system, user))))
    assert "".join(text.split()) == "<|user|>Weboughtbread<|end|><|assistant|>"
    failed = chat.complete([Prompt(messages=(system,))], Decoding(max_tokens=3))[0]
    assert failed.finish_reason == "error"
    assert "no system role" in str(failed.error)


def test_padding_does_not_move_learned_positions(folder: Path, tmp_path: Path) -> None:
    """GPT-2 numbers its positions absolutely, so that padding on the left must be told to it."""
    import torch

    hf: Any = import_module("transformers")
    copy = shutil.copytree(folder, tmp_path / "gpt2")
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": CONTEXT}
    torch.manual_seed(2)
    with quiet():
        model = hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=160, bos_token_id=1, eos_token_id=2, **sizes))
        with torch.no_grad():
            for weight in model.parameters():
                if weight.dim() > 1:
                    weight.normal_(0.0, 0.5)
        model.save_pretrained(copy)
    together, alone = TransformersGeneralist(copy), TransformersGeneralist(copy, max_batch=1)
    decoding = Decoding(max_tokens=10)
    assert together.complete(asked(*TEXTS), decoding) == alone.complete(asked(*TEXTS), decoding)
    continuations = [" We bought bread.", " The river", " night", " letters to her", " museum"]
    scores = [one.logprob for one in together.score(asked(*TEXTS), continuations)]
    assert scores == pytest.approx([one.logprob for one in alone.score(asked(*TEXTS), continuations)], abs=1e-3)


def test_messages_need_a_template(generalist: TransformersGeneralist, folder: Path) -> None:
    prompt = Prompt(messages=(Message("user", "We"),))
    failed, answered = generalist.complete([prompt, Prompt(text="We")], Decoding(max_tokens=3))
    assert failed.finish_reason == "error"
    assert "chat template" in str(failed.error)
    assert answered.text
    with pytest.raises(ConfigurationError, match="no chat template"):
        TransformersGeneralist(folder, kind="chat")


def test_what_cannot_be(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model folder"):
        TransformersGeneralist(tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="max_batch=0"):
        TransformersGeneralist(folder, max_batch=0)
    with pytest.raises(ConfigurationError, match="kind is 'talk'"):
        TransformersGeneralist(folder, kind="talk")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="dtype is 'int8'"):
        TransformersGeneralist(folder, dtype="int8")


def test_a_hit_loads_no_weights_and_every_file_counts(
    folder: Path, tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CacheStore(cache_folder / FILE_NAME)
    prompt, decoding = Prompt(text="We", stop=(" ",)), Decoding(max_tokens=60)
    first = keep_generalist(TransformersGeneralist(folder), store)
    (made,) = first.complete([prompt], decoding)
    assert made.finish_reason == "stop"
    assert isinstance(first, ScoringGeneralist)
    scores = first.score([prompt], [" bought"])
    with monkeypatch.context() as patch:
        patch.setattr(TransformersGeneralist, "_load", lambda _: pytest.fail("weights are being loaded"))
        again = keep_generalist(TransformersGeneralist(folder), store)
        assert again.complete([prompt], decoding) == [replace(made, cached=True)]
        assert isinstance(again, ScoringGeneralist)
        assert again.score([prompt], [" bought"]) == scores
        copied = Path(shutil.copytree(folder, tmp_path / folder.name))
        generalist = TransformersGeneralist(copied)
        key = generalist.cache_key
        assert key == TransformersGeneralist(folder, max_batch=1, kind="base").cache_key
        assert key != TransformersGeneralist(folder, dtype="bfloat16").cache_key
        for name in ("chat_template.jinja", "tokenizer.json", "model.safetensors", "generation_config.json"):
            (copied / name).write_bytes(
                (copied / name).read_bytes() + b"\n" if (copied / name).exists() else b"{}"
            )
            assert generalist.cache_key != key, name
            key = generalist.cache_key
    store.close()


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    generalist = TransformersGeneralist(folder)
    generalist.complete(asked(*TEXTS), Decoding(max_tokens=3, temperature=0.7))
    generalist.score(asked("We"), [" bought"])
    assert capfd.readouterr() == ("", "")


def test_protocol_and_registry(generalist: TransformersGeneralist, folder: Path) -> None:
    assert isinstance(generalist, ScoringGeneralist)
    assert GENERALISTS.load("transformers") is TransformersGeneralist
    assert " " not in generalist.signature
    assert generalist.signature == TransformersGeneralist(folder).signature
    assert generalist.complete([], Decoding()) == []
    assert isinstance(generalist.complete(asked("The"), Decoding(max_tokens=1))[0], Completion)
