"""Aligners: fast_align on a toy language, awesome-align against its definition, recorded links."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError, InputError, ModelError, UnknownNameError
from scalemt.evaluation.alignment import AlignmentCache, build_aligner
from scalemt.evaluation.alignment.base import Aligner, Alignment, Words
from scalemt.evaluation.alignment.words import bare, by_character, split
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Pair

NOUNS = {"house": "kodu", "river": "joki", "bread": "leipa", "stone": "kivi", "garden": "aed", "horse": "hobu"}
ADJECTIVES = {"old": "vana", "green": "roheline", "small": "vaike", "cold": "kulm", "tall": "korge"}


def toy_language() -> tuple[list[Words], list[Words]]:
    """English noun phrases in an invented language that puts the adjective last, and the words by themselves."""
    phrases = [(noun, adjective) for noun in NOUNS for adjective in ADJECTIVES]
    sources = [(adjective.title(), f"{noun}.") for noun, adjective in phrases]
    targets = [(NOUNS[noun].title(), f"{ADJECTIVES[adjective]}.") for noun, adjective in phrases]
    words = {**NOUNS, **ADJECTIVES}
    return [*sources, *((word,) for word in words)], [*targets, *((word,) for word in words.values())]


@pytest.fixture
def fast() -> Any:
    pytest.importorskip("systran_align", reason="the extra `evaluation` is not installed")
    return build_aligner


class TestWords:
    def test_white_space_words_and_characters(self) -> None:
        assert split(" The  cat\u00a0sat ") == ("The", "cat", "sat")
        assert split("我們 走。", characters=True) == ("我", "們", "走", "。")

    def test_a_combining_mark_stays_with_its_letter(self) -> None:
        assert split("ก็ดี", characters=True) == ("ก็", "ดี")
        # A mark without a letter before it is a unit of its own.
        assert split("\u0301a \u0301", characters=True) == ("\u0301", "a", "\u0301")

    def test_which_languages_are_cut_into_characters(self) -> None:
        tags = ("zh", "zh-Hant-TW", "ja", "th", "km", "lo", "my", "yue")
        assert all(by_character(tag) for tag in tags)
        assert not any(by_character(tag) for tag in ("ko", "vi", "en", "zha", "xh", ""))

    @pytest.mark.parametrize(
        ("word", "expected"),
        [("House,", "house"), ("«STRASSE»", "strasse"), ("don't", "don't"), ("--", "--"), ("$5", "5"), ("", "")],
    )
    def test_bare(self, word: str, expected: str) -> None:
        assert bare(word) == expected

    def test_bare_composes(self) -> None:
        assert bare("Cafe\u0301!") == "caf\u00e9"


class TestFastAlign:
    def test_links_of_a_toy_language(self, fast: Any) -> None:
        sources, targets = toy_language()
        aligner = fast("fast-align")
        aligner.fit(sources, targets)
        phrases = len(NOUNS) * len(ADJECTIVES)
        found = aligner.align(sources, targets)
        assert set(found[:phrases]) == {((0, 1), (1, 0))}
        assert set(found[phrases:]) == {((0, 0),)}

    def test_case_and_punctuation_do_not_part_words(self, fast: Any) -> None:
        sources, targets = toy_language()
        aligner = fast("")
        aligner.fit(sources, targets)
        shouted = [("OLD", "«HOUSE»")], [("(KODU)", "VANA!")]
        assert aligner.align(*shouted) == [((0, 1), (1, 0))]

    def test_a_right_pair_scores_above_a_wrong_one(self, fast: Any) -> None:
        sources, targets = toy_language()
        aligner = fast("fast-align")
        assert aligner.score(sources[:1], targets[:1]) == [None], "nothing was learnt"
        aligner.fit(sources, targets)
        phrases = len(NOUNS) * len(ADJECTIVES)
        right = aligner.score(sources[:phrases], targets[:phrases])
        wrong = aligner.score(sources[:phrases], [*targets[12:phrases], *targets[:12]])
        assert min(right) > max(wrong)
        assert max(right) < 0
        # What was never seen says nothing, for or against.
        odd = (("Old", "house.", "zyzzyva"), ("kodu", "vana", "qwerty"))
        assert aligner.score([odd[0]], [odd[1]]) == aligner.score([odd[0][:2]], [odd[1][:2]])
        assert aligner.score([("Old", "zyzzyva"), (), ("old",) * 6000], [("kodu", "vana")] * 3) == [None] * 3
        assert aligner.score([("old",)], [("vana",)], least=1) != [None]

    def test_the_same_in_every_run_and_in_any_order(self, fast: Any) -> None:
        sources, targets = toy_language()
        found = []
        for step in (1, 1, -1):
            aligner = fast("fast-align")
            aligner.fit(sources[::step], targets[::step])
            found.append((aligner.align(sources, targets), aligner.signature))
        assert found[0] == found[1] == found[2]

    def test_signature_tells_what_it_was_fitted_on(self, fast: Any) -> None:
        sources, targets = toy_language()
        aligner = fast("fast-align")
        assert aligner.signature.endswith("fit:none]")
        signatures = set()
        for count in (10, 30):
            aligner.fit(sources[:count], targets[:count])
            assert f"fit:{count}." in aligner.signature
            signatures.add(aligner.signature)
        aligner.fit(sources[:10], targets[10:20])
        signatures.add(aligner.signature)
        assert len(signatures) == 3
        assert not any(" " in signature for signature in signatures)

    def test_without_fit_it_learns_from_what_it_aligns(self, fast: Any) -> None:
        sources, targets = toy_language()
        fitted = fast("fast-align")
        fitted.fit(sources, targets)
        assert fast("fast-align").align(sources, targets) == fitted.align(sources, targets)

    def test_empty_sides_have_no_links(self, fast: Any) -> None:
        # The library crashes on a pair with one empty side: none may reach it.
        sources, targets = toy_language()
        aligner = fast("fast-align")
        aligner.fit([*sources, (), ("x",)], [*targets, ("y",), ()])
        assert aligner.align([(), ("old",), ()], [("vana",), (), ()]) == [(), (), ()]
        aligner.fit([()], [()])
        assert aligner.align([("old",)], [()]) == [()]

    def test_hostile_words(self, fast: Any) -> None:
        odd = [("|||", "a\u0000b", "\ud800", "\u2028", "x" * 100_000)]
        aligner = fast("fast-align")
        aligner.fit(odd, [("|||",)])
        (links,) = aligner.align(odd, [("|||",)])
        assert set(links) <= {(i, 0) for i in range(5)}

    def test_texts_that_would_fill_the_memory_are_refused(self, fast: Any) -> None:
        long = tuple(f"w{number}" for number in range(3000))
        aligner = fast("fast-align")
        with pytest.raises(InputError, match=r"3000 words .* too long .* begins 'w0 w1 w2 w3 w4'"):
            aligner.fit([long], [long])
        aligner.fit(*toy_language())
        for source, target in ((long, long), (("old",), ("vana",) * 5001), (("old",) * 5001, ("vana",))):
            with pytest.raises(InputError, match="cut the texts"):
                aligner.align([source], [target])
        # An output that repeats itself to the limit of its tokens does not stop an evaluation.
        assert len(aligner.align([("old", "house")], [("vana",) * 4096])) == 1

    def test_unknown_words_keep_their_places(self, fast: Any) -> None:
        aligner = fast("fast-align")
        aligner.fit(*toy_language())
        (links,) = aligner.align([("quux", "frob")], [("blik", "blok")])
        assert set(links) <= {(0, 0), (0, 1), (1, 0), (1, 1)}

    def test_more_text_to_train_on(self, fast: Any, tmp_path: Path) -> None:
        sources, targets = toy_language()
        (tmp_path / "src").write_text("".join(" ".join(words) + "\n" for words in sources))
        (tmp_path / "tgt").write_text("".join(" ".join(words) + "\n" for words in targets))
        aligner = fast(f"fast-align:{tmp_path / 'src'},{tmp_path / 'tgt'}")
        aligner.fit([("sky",)], [("taivas",)])
        assert "fit:42." in aligner.signature
        assert aligner.align([("old", "horse")], [("hobu", "vana")]) == [((0, 1), (1, 0))]

    def test_those_texts_are_cut_like_the_others(self, fast: Any, tmp_path: Path) -> None:
        (tmp_path / "src").write_text("河\n石\n河石\n")
        (tmp_path / "tgt").write_text("joki\nkivi\njoki kivi\n")
        spec = f"fast-align:{tmp_path / 'src'},{tmp_path / 'tgt'}"
        aligner = fast(spec, pair=Pair("zh", "fi"))
        aligner.fit([], [])
        assert aligner.align([("石", "河")], [("kivi", "joki")]) == [((0, 0), (1, 1))]

    def test_faults_of_the_argument(self, fast: Any, tmp_path: Path) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        one.write_text("a\nb\n")
        two.write_text("a\n")
        with pytest.raises(ConfigurationError, match="fast-align:SRC,TGT"):
            fast(f"fast-align:{one}")
        with pytest.raises(InputError, match=r"2 lines and .* 1"):
            fast(f"fast-align:{one},{two}")
        with pytest.raises(InputError, match="cannot be read"):
            fast(f"fast-align:{one},{tmp_path / 'none'}")

    def test_threads_of_the_environment_change_nothing(self, fast: Any) -> None:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); import random; random.seed(1)\n"
            "from scalemt.evaluation.alignment import build_aligner\n"
            "word = lambda: f'w{random.randrange(60)}'\n"
            "texts = [[tuple(word() for _ in range(12)) for _ in range(300)] for _ in range(2)]\n"
            "aligner = build_aligner(); aligner.fit(*texts); print(aligner.align(*texts))\n"
        )
        source = str(Path(__file__).resolve().parents[2] / "src")
        found = {
            subprocess.run(
                [sys.executable, "-c", code, source],
                env={**os.environ, "OMP_NUM_THREADS": threads},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for threads in ("1", "4", "4")
        }
        assert len(found) == 1


class TestPharaoh:
    SOURCES = (("a", "b"), ("c",))
    TARGETS = (("x",), ("y", "z"))

    def test_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "links.align"
        path.write_text("1-0 0-0 1-0\n\n")
        aligner = build_aligner(f"pharaoh:{path}")
        assert aligner.align(self.SOURCES, self.TARGETS) == [((0, 0), (1, 0)), ()]
        assert aligner.signature.startswith("pharaoh[links.align,")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("0-0\n0-2\n", r"line 2: the link 0-2 points beyond .* 1 words, the output 2"),
            ("2-0\n\n", "line 1: the link 2-0 points beyond"),
            ("0-0\n0:1\n", r"line 2: '0:1' is no link\. Expected pairs i-j"),
            ("0-0\n-1-0\n", "line 2: '-1-0' is no link"),
            ("٠-٠\n\n", "line 1: .* is no link"),
            ("0-0 1p0\n\n", "line 1: '1p0' is no link"),
            ("0-0\n", "has 1 lines of alignments, and NLLB 2 segments"),
            ("0-0\n\n\n", "has 3 lines of alignments"),
            (f"{'9' * 5000}-0\n\n", "line 1: '9{40}' is no link"),
        ],
    )
    def test_faults_name_file_and_line(self, tmp_path: Path, content: str, message: str) -> None:
        path = tmp_path / "links"
        path.write_text(content)
        with pytest.raises(InputError, match=message) as caught:
            build_aligner(f"pharaoh:{path}").align(self.SOURCES, self.TARGETS, "NLLB")
        assert str(path) in str(caught.value)

    def test_a_folder_has_a_file_a_system(self, tmp_path: Path) -> None:
        (tmp_path / "gpt-4").write_text("0-0\n\n")
        (tmp_path / "gpt-4.5.align").write_text("1-0\n0-1\n")
        aligner = build_aligner(f"pharaoh:{tmp_path}")
        assert aligner.align(self.SOURCES, self.TARGETS, "gpt-4") == [((0, 0),), ()]
        assert aligner.align(self.SOURCES, self.TARGETS, "gpt-4.5") == [((1, 0),), ((0, 1),)]
        for name in ("scale", "../gpt-4", ""):
            with pytest.raises(InputError, match=r"no file of alignments for .*: found gpt-4, gpt-4\.5\.align"):
                aligner.align(self.SOURCES, self.TARGETS, name)

    def test_two_files_of_one_name_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "scale.a").write_text("\n\n")
        (tmp_path / "scale.b").write_text("\n\n")
        with pytest.raises(InputError, match="more than one file"):
            build_aligner(f"pharaoh:{tmp_path}").align(self.SOURCES, self.TARGETS, "scale")

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no file or folder"):
            build_aligner(f"pharaoh:{tmp_path / 'none'}")


class TestBuilding:
    def test_unknown_names_list_the_valid_ones(self) -> None:
        with pytest.raises(UnknownNameError, match="awesome-align, fast-align, pharaoh"):
            build_aligner("giza")

    @pytest.mark.parametrize("spec", ["pharaoh", "awesome-align:"])
    def test_a_path_that_lacks(self, spec: str) -> None:
        with pytest.raises(ConfigurationError, match="needs a path behind a colon"):
            build_aligner(spec)

    def test_all_are_aligners(self, fast: Any, tmp_path: Path) -> None:
        (tmp_path / "links").write_text("")
        assert isinstance(fast(), Aligner)
        assert isinstance(build_aligner(f"pharaoh:{tmp_path / 'links'}"), Aligner)


class Diagonal:
    """Links word i with word i, and counts its calls."""

    name = "diagonal"

    def __init__(self) -> None:
        self.fitted: list[tuple[Words, Words]] = []
        self.aligned: list[str] = []

    @property
    def signature(self) -> str:
        return f"diagonal[{len(self.fitted)}]"

    def fit(self, sources: Sequence[Words], targets: Sequence[Words]) -> None:
        self.fitted = list(zip(sources, targets, strict=True))

    def align(self, sources: Sequence[Words], targets: Sequence[Words], system: str = "") -> list[Alignment]:
        self.aligned.append(system)
        return [tuple((i, i) for i in range(min(len(a), len(b)))) for a, b in zip(sources, targets, strict=True)]


def system(name: str, *texts: str) -> System:
    return System(name, tuple(Output(text) for text in texts))


class TestCache:
    def test_one_fit_on_everything_and_one_alignment_a_system(self) -> None:
        test_set = TestSet("toy", ("a b", "c"), (("x y", "z"), ("u", "v")))
        one, two = system("one", "x", "z"), system("two", "y x", "")
        aligner = Diagonal()
        cache = AlignmentCache(aligner)
        cache.fit(test_set, [one, two])
        pairs = [(" ".join(a), " ".join(b)) for a, b in aligner.fitted]
        outputs = [("a b", "x"), ("c", "z"), ("a b", "y x"), ("c", "")]
        assert pairs == [*outputs, ("a b", "x y"), ("c", "z"), ("a b", "u"), ("c", "v")]
        first = cache.align(two, test_set)
        assert cache.align(two, test_set) is first
        cache.align(one, test_set)
        assert aligner.aligned == ["two", "one"]
        assert first.links == (((0, 0), (1, 1)), ())
        assert cache.signature == "aligner:diagonal[8]|unit:word"

    def test_a_new_fit_forgets_the_links(self) -> None:
        test_set = TestSet("toy", ("a",))
        cache = AlignmentCache(Diagonal())
        first = cache.align(system("one", "x"), test_set)
        cache.fit(test_set, [system("one", "x")])
        assert cache.align(system("one", "x"), test_set) is not first

    def test_the_same_name_with_other_outputs_is_aligned_again(self) -> None:
        test_set = TestSet("toy", ("a b",))
        cache = AlignmentCache(Diagonal())
        assert cache.align(system("one", "x"), test_set).links == (((0, 0),),)
        assert cache.align(system("one", "x y"), test_set).links == (((0, 0), (1, 1)),)

    @pytest.mark.parametrize(
        ("pair", "unit", "words"),
        [
            (Pair("zh", "en"), "char-word", (2, 1)),
            (Pair("en", "ja"), "word-char", (1, 2)),
            (Pair("zh", "ja"), "char", (2, 2)),
            (Pair("en", "pt"), "word", (1, 1)),
            (None, "word", (1, 1)),
        ],
    )
    def test_units(self, pair: Pair | None, unit: str, words: tuple[int, int]) -> None:
        cache = AlignmentCache(Diagonal(), pair)
        found = cache.align(system("one", "走路"), TestSet("toy", ("走路",)))
        assert (len(found.sources[0]), len(found.targets[0])) == words
        assert cache.signature.endswith(f"|unit:{unit}")


# awesome-align: a random BERT whose hidden states differ enough for some links and not all.


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch", reason="the extra `transformers` is not installed")
    transformers = pytest.importorskip("transformers", reason="the extra `transformers` is not installed")
    folder = tmp_path_factory.mktemp("encoder")
    letters = "abcdefghijklmnopqrstuvwxyz.,"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    transformers.BertTokenizer.from_pretrained(str(folder), do_lower_case=False).save_pretrained(str(folder))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=10,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=48,
        initializer_range=0.08,
    )
    model = transformers.BertModel(config)
    for layer in model.encoder.layer:
        layer.output.LayerNorm.weight.data *= 2
    model.save_pretrained(str(folder))
    return folder


AWESOME_SOURCES: list[Words] = [
    ("the", "old", "house"),
    ("a", "river,"),
    ("bread",),
    ("green", "stone", "is", "a", "b"),
]
AWESOME_TARGETS: list[Words] = [("kodu", "vana"), ("joki",), ("leipa", "on", "hea"), ("kivi", "aed.", "x")]


def direct(folder: Path, source: Words, target: Words) -> set[tuple[int, int]]:
    """Work one pair out as Dou and Neubig define it, word by word, without batches, from all hidden states."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    model = transformers.AutoModel.from_pretrained(str(folder)).eval()
    states, owners = [], []
    for words in (source, target):
        pieces = [(piece, index) for index, word in enumerate(words) for piece in tokenizer.tokenize(word)]
        ids = tokenizer.convert_tokens_to_ids(["[CLS]", *(piece for piece, _ in pieces), "[SEP]"])
        with torch.no_grad():
            hidden = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[8][0]
        states.append(hidden[1:-1])
        owners.append([index for _, index in pieces])
    links = set()
    for i, left in enumerate(states[0]):
        forward = torch.softmax(states[1] @ left, 0)
        for j, right in enumerate(states[1]):
            backward = torch.softmax(states[0] @ right, 0)
            if forward[j] > 1e-3 and backward[i] > 1e-3:
                links.add((owners[0][i], owners[1][j]))
    return links


@pytest.mark.slow
class TestAwesomeAlign:
    def test_links_are_those_of_the_definition(self, encoder: Path) -> None:
        aligner = build_aligner(f"awesome-align:{encoder}")
        found = aligner.align(AWESOME_SOURCES, AWESOME_TARGETS)
        expected = [direct(encoder, *pair) for pair in zip(AWESOME_SOURCES, AWESOME_TARGETS, strict=True)]
        assert [set(links) for links in found] == expected
        possible = sum(len(a) * len(b) for a, b in zip(AWESOME_SOURCES, AWESOME_TARGETS, strict=True))
        # A model that links everything, or nothing, would show nothing.
        assert 0 < sum(map(len, found)) < possible
        assert "layer:8,softmax:0.001]" in aligner.signature

    def test_batches_do_not_change_links(self, encoder: Path) -> None:
        from scalemt.evaluation.alignment.awesome import AwesomeAlign

        one = AwesomeAlign(str(encoder), batch=1).align(AWESOME_SOURCES, AWESOME_TARGETS)
        assert AwesomeAlign(str(encoder), batch=3).align(AWESOME_SOURCES, AWESOME_TARGETS) == one

    def test_empty_unknown_and_too_long(self, encoder: Path) -> None:
        aligner = build_aligner(f"awesome-align:{encoder}")
        long = ("bread",) * 40  # 200 sub-words where 46 have room
        found = aligner.align([(), ("a",), ("\u0001", "愛"), long], [("a",), (), ("a",), ("bread",)])
        assert found[:2] == [(), ()]
        assert {i for i, _ in found[2]} <= {1}  # a control character has no sub-words at all
        assert max(i for i, _ in found[3]) < 10

    def test_a_folder_without_a_model(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="no model folder"):
            build_aligner(f"awesome-align:{tmp_path / 'none'}")
        with pytest.raises(ModelError, match=r"lacks config\.json"):
            build_aligner(f"awesome-align:{tmp_path}")

    def test_a_folder_with_broken_weights(self, encoder: Path, tmp_path: Path) -> None:
        for path in encoder.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / "model.safetensors").write_bytes(b"no weights")
        with pytest.raises(ModelError, match="cannot be loaded"):
            build_aligner(f"awesome-align:{tmp_path}")
