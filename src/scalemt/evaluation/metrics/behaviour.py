"""What outputs look like, whatever the references say: copies, lengths, languages, empty and truncated outputs.

All but the length ratio are shares of outputs in percent; segments that cannot be judged are left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from scalemt import languages
from scalemt.evaluation.metrics.base import Progress, RatioMetric
from scalemt.evaluation.metrics.folding import fold, is_blank, words
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.quality.language import MIN_LETTERS, identify
from scalemt.version import __version__

Ratio = tuple[float, float]

_VERSION = f"version:scalemt-{__version__}"
_LEFT_OUT: Ratio = (0.0, 0.0)


class CopyRate(RatioMetric):
    """Percent of outputs that are their source again, but for case, white space and compatible characters."""

    name = "copy"
    group = "behaviour"
    higher_is_better = False
    needs = frozenset({"sources"})

    @property
    def signature(self) -> str:
        """What counts as equal."""
        return f"norm:NFKC|case:folded|space:folded|blank-sources:left-out|{_VERSION}"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[Ratio]:
        progress(len(test_set))
        pairs = zip(map(fold, test_set.sources), map(fold, system.texts), strict=True)
        return [(float(text == source), 1.0) if source else _LEFT_OUT for source, text in pairs]


class LengthRatio(RatioMetric):
    """Words of the outputs in percent of those of the first reference; 100 is as long as it.

    In scripts without spaces each letter counts as a word (see `folding.words`).
    """

    name = "length"
    group = "behaviour"
    higher_is_better = None

    @property
    def signature(self) -> str:
        """What is counted."""
        return f"unit:word|unspaced-scripts:letter|punct:no|ref:first|{_VERSION}"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[Ratio]:
        progress(len(test_set))
        pairs = zip(system.texts, test_set.references[0], strict=True)
        return [(float(_length(text)), float(_length(reference))) for text, reference in pairs]


def _length(text: str) -> int:
    return len(words(unicodedata.normalize("NFKC", text)))


# What the identifier calls languages that it has under another code, or does not tell from near ones.
_IDENTIFIED_AS = {
    "ar": ("ar", "ary", "arz"),
    "bs": ("bs", "hr"),
    "fil": ("tl",),
    "gn": ("gug",),
    "hr": ("hr", "bs"),
    "ki": ("kik",),
    "nb": ("no",),
    "sh": ("hr", "bs", "sr"),
    "uz": ("uz", "uzs"),
    "zh": ("zh", "yue", "wuu"),
}


class LanguageAccuracy(RatioMetric):
    """Percent of outputs that py3langid takes for the target language.

    Texts of fewer letters than `quality.language.MIN_LETTERS` are left out, empty ones with them: they
    tell nothing. So are all outputs when the identifier does not know the language; the score is then NaN and the
    signature says `target:unknown-CODE`. Scripts are not told apart (zh-Hans, zh-Hant).
    """

    name = "language"
    group = "behaviour"
    needs = frozenset({"pair"})

    def __init__(self) -> None:
        self._target = ""

    @property
    def signature(self) -> str:
        """The identifier, the codes that count as the target, and from how many letters a text is judged."""
        from importlib.metadata import version

        target = f"target:{self._target}|" if self._target else ""
        return f"langid:py3langid-{version('py3langid')}|{target}letters:{MIN_LETTERS}|{_VERSION}"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[Ratio]:
        target = test_set.pair.target if test_set.pair else ""
        code = languages.base(target).split("-")[0]
        accepted = [name for name in _IDENTIFIED_AS.get(code, (code,)) if name in identify("")]
        self._target = "+".join(accepted) or f"unknown-{code}"
        found = []
        for text in system.texts:
            found.append(_identified(text, accepted) if accepted else _LEFT_OUT)
            progress(1)
        return found


def _identified(text: str, accepted: Sequence[str]) -> Ratio:
    if sum(character.isalpha() for character in text) < MIN_LETTERS:
        return _LEFT_OUT
    likely = identify(text)
    return float(max(likely, key=lambda code: likely[code]) in accepted), 1.0


class EmptyOutputs(RatioMetric):
    """Percent of outputs that show nothing, among segments that have something to translate."""

    name = "empty"
    group = "behaviour"
    higher_is_better = False
    needs = frozenset()

    @property
    def signature(self) -> str:
        """What counts as empty, and what is left out."""
        return f"blank:space+control+format|blank-sources:left-out|{_VERSION}"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[Ratio]:
        progress(len(test_set))
        known = next((texts for texts in (test_set.sources, *test_set.references[:1]) if texts), None)
        due = [not is_blank(text) for text in known] if known else [True] * len(test_set)
        pairs = zip(system.texts, due, strict=True)
        return [(float(is_blank(text)), 1.0) if wanted else _LEFT_OUT for text, wanted in pairs]


# Sentence_Terminal of the Unicode Character Database for scripts in use, with the ellipsis, the Tibetan shad and
# the full-width full stop.
_FINAL = frozenset(".!?․…‼‽⁇⁈⁉⸮։؟۔؞؝।॥။၊។៕።፧፨܀܁܂߹᙮᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫།༎。．！？｡﹒﹖﹗")
# Ends of a sentence in some languages only (Greek question mark, Armenian and Ethiopic as typed), or of a text
# that goes on elsewhere: an output may end so, but a source that does asks for nothing.
_FINAL_OF_SOME = frozenset(";:;：៖；၊፤፥፦")


class TruncatedOutputs(RatioMetric):
    """Percent of outputs that were cut off: as the system told, or for want of an end.

    An output wants an end when it does not close with sentence-final punctuation, of any script and before any
    closing quotes and brackets, while the source does, and the first reference too, as far as they are known. That
    the reference has a say is for languages that write no full stop, such as Thai. Empty outputs are counted by
    `empty`, not here.
    """

    name = "truncated"
    group = "behaviour"
    higher_is_better = False
    needs = frozenset()

    @property
    def signature(self) -> str:
        """The rule."""
        return f"rule:told-or-no-final-punct|final-in:source+ref1|closing:quotes+brackets|{_VERSION}"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[Ratio]:
        progress(len(test_set))
        columns = [column for column in (test_set.sources, *test_set.references[:1]) if column]
        rows = zip(*columns, strict=True) if columns else [("",)] * len(test_set)
        due = [all(map(_ends, texts)) for texts in rows]
        return [(float(_is_cut(output, wanted)), 1.0) for output, wanted in zip(system.outputs, due, strict=True)]


def _is_cut(output: Output, wants_end: bool) -> bool:
    if output.truncated:
        return True
    return wants_end and not is_blank(output.text) and not _ends(output.text, _FINAL | _FINAL_OF_SOME)


def _ends(text: str, final: frozenset[str] = _FINAL) -> bool:
    """Say whether a text closes with one of the signs, whatever quotes, brackets and space stand behind it."""
    end = len(text)
    while end and (_closes(text[end - 1]) and text[end - 1] not in final):
        end -= 1
    return end > 0 and text[end - 1] in final


def _closes(character: str) -> bool:
    # Pi too: German and others close with what opens elsewhere (“, «).
    return character in "\"'`*_" or unicodedata.category(character) in (
        "Pe",
        "Pf",
        "Pi",
        "Cf",
        "Cc",
        "Zs",
        "Zl",
        "Zp",
    )
