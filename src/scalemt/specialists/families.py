"""Language tokens: how each family of translation models is told what to translate from and into.

This table is the one place that knows. The conventions, and where they are written down:

========  ==============================  ===============  =====================================================
family    source tokens                   target prefix    source of the convention
========  ==============================  ===============  =====================================================
nllb      ``eng_Latn`` pieces ``</s>``    ``por_Latn``     Costa-jussà et al. 2022; transformers `NllbTokenizer`
nllb-…    pieces ``</s>`` ``eng_Latn``    ``por_Latn``     the same with `legacy_behaviour=True` (before 4.30)
m2m100    ``__en__`` pieces ``</s>``      ``__pt__``       Fan et al. 2020; transformers `M2M100Tokenizer`
opus      [``>>por<<``] pieces ``</s>``   none             Tiedemann & Thottingal 2020; model cards of OPUS-MT
madlad    ``▁`` ``<2pt>`` pieces ``</s>``   none             Kudugunta et al. 2023; model card of madlad400-3b-mt
t5        instruction + text ``</s>``     none             Raffel et al. 2020, appendix D
========  ==============================  ===============  =====================================================

(nllb-… is "nllb-legacy", for models tuned with the old order; original NLLB-200 weights expect "nllb".)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from scalemt import languages
from scalemt.errors import ConfigurationError, ModelError, UnknownLanguageError
from scalemt.types import Pair

END = "</s>"
UNKNOWN = "<unk>"

_CONTROL = re.compile(r"<s>|</s>|<pad>|<unk>|<mask>|madeupword\d+|<extra_id_\d+>|<unused_?\d+>|<eop>|<eod>")

Spelling = Callable[[str], list[str]]
"""From a canonical tag to the codes an engine may use for it, the most specific first."""


@dataclass(frozen=True, slots=True)
class Family:
    """How one family spells languages and where it puts their tokens.

    Args:
        mark: how a code becomes a token, `{}` standing for the code.
        codes: a regular expression that all codes of the family match, to find its tokens in a vocabulary.
        spell: the codes of a tag.
        many_sources: whether the vocabulary names the source languages too.
        opens, closes: whose language token stands before the pieces, and after `</s>`.
        forced: whether the target's token is the forced first token of the output.
        cuts_token: whether the opening token went through the sub-word tokenizer in training.
        instruction: text put before the source, with the English names of both languages.
        never: tokens that the network was never trained to give, kept out of its distribution.
    """

    name: str
    mark: str
    codes: str
    spell: Spelling
    many_sources: bool = False
    opens: Literal["source", "target"] | None = None
    closes: Literal["source"] | None = None
    forced: bool = False
    cuts_token: bool = False
    instruction: str = ""
    never: frozenset[str] = frozenset()

    def language_tokens(self, vocabulary: Collection[str]) -> frozenset[str]:
        """All tokens of a vocabulary that name a language in this family's way."""
        if not self.mark:
            return frozenset()
        before, after = self.mark.split("{}")
        pattern = re.compile(re.escape(before) + f"(?:{self.codes})" + re.escape(after))
        return frozenset(token for token in vocabulary if pattern.fullmatch(token))


def _parts(tag: str) -> tuple[str, str, str, str]:
    """Language, usual script, explicit script and territory of a canonical tag, "" where there is none."""
    import langcodes

    language = langcodes.Language.get(tag)
    usual = langcodes.Language.get(str(language.language)).maximize().script
    return str(language.language), language.script or usual or "", language.script or "", language.territory or ""


def _unique(codes: list[str]) -> list[str]:
    return list(dict.fromkeys(code for code in codes if code))


def _flores_codes(tag: str) -> list[str]:
    """FLORES-200 codes; models tuned on a new language use its ISO 639-3 code and script in the same way."""
    try:
        code = languages.to_flores(tag)
    except UnknownLanguageError:
        _, script, _, _ = _parts(tag)
        return [f"{languages.to_iso3(tag)}_{script}"]
    # transformers lists Santali under the wrong script, so released models carry that token.
    return [code, "sat_Beng"] if code == "sat_Olck" else [code]


_M2M100_CODES = {"nso": "ns", "nb": "no", "nn": "no", "fil": "tl"}


def _m2m100_codes(tag: str) -> list[str]:
    """Mostly ISO 639-1 (Fan et al. 2020, table 1); scripts are not told apart, so a script has no code."""
    language, _, script, _ = _parts(tag)
    return [] if script else _unique([language, _M2M100_CODES.get(language, "")])


# Codes of OPUS that stand for something else in ISO 639-3.
OPUS_ALIASES = {"pob": "pt-BR"}
_OPUS_TERRITORY = {tag: code for code, tag in OPUS_ALIASES.items()}
_OPUS_INDIVIDUAL = {"zh": "cmn", "ar": "arb", "fa": "pes", "ms": "zsm", "sw": "swh", "lv": "lvs", "et": "ekk"}


def _opus_codes(tag: str) -> list[str]:
    """OPUS-MT mixes standards: pt_BR, pt_br, pob, por_Latn, por and pt all occur, also side by side."""
    language, usual, script, territory = _parts(tag)
    iso3 = languages.to_iso3(tag)
    stems = _unique([iso3, language, _OPUS_INDIVIDUAL.get(language, "")])
    local = [f"{stem}_{end}" for stem in stems for end in (territory, territory.lower()) if territory]
    scripted = [f"{stem}_{usual}" for stem in stems if usual]
    return _unique([_OPUS_TERRITORY.get(tag, ""), *local, *scripted, *([] if script else stems)])


def _madlad_codes(tag: str) -> list[str]:
    """BCP-47 with an underscore (Kudugunta et al. 2023, appendix A)."""
    language, usual, script, territory = _parts(tag)
    codes = [f"{language}_{end}" for end in (territory, usual) if end]
    return _unique([tag.replace("-", "_"), *codes, *([] if script else [language, languages.to_iso3(tag)])])


def _no_codes(_: str) -> list[str]:
    return []


_FLORES = r"[a-z]{3}_[A-Z][a-z]{3}"
# Marian has no <pad>; transformers adds one with logit 0, which would take probability from real tokens.
_PAD = frozenset({"<pad>"})

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("nllb", "{}", _FLORES, _flores_codes, True, opens="source", forced=True),
        Family("nllb-legacy", "{}", _FLORES, _flores_codes, True, closes="source", forced=True),
        Family("m2m100", "__{}__", "[a-z]{2,3}", _m2m100_codes, True, opens="source", forced=True),
        Family("opus", ">>{}<<", "[A-Za-z_]+", _opus_codes, opens="target", never=_PAD),
        Family("madlad", "<2{}>", "[A-Za-z_]+", _madlad_codes, True, opens="target", cuts_token=True),
        Family("t5", "", "", _no_codes, instruction="translate {source} to {target}: "),
    )
}


def family_named(name: str) -> Family:
    """Return a family by its name.

    Raises:
        ConfigurationError: no such family; the message lists them.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    raise ConfigurationError(f"There is no model family {name!r}. Valid choices: {', '.join(sorted(FAMILIES))}.")


_MODEL_TYPES = {"marian": "opus", "t5": "t5", "mt5": "t5", "umt5": "t5"}


def guess_family(vocabulary: Collection[str], folder: str, model_type: str = "") -> Family:
    """Tell the family by the language tokens in the vocabulary, else by the `model_type` of config.json.

    Raises:
        ModelError: neither tells; the message names the folder and the families.
    """
    for name in ("nllb", "m2m100", "madlad"):
        # one token could be chance: "abc_Defg" may be a word of some vocabulary
        if len(FAMILIES[name].language_tokens(vocabulary)) > 1:
            return FAMILIES[name]
    if model_type in _MODEL_TYPES:
        return FAMILIES[_MODEL_TYPES[model_type]]
    if FAMILIES["opus"].language_tokens(vocabulary):
        return FAMILIES["opus"]
    raise ModelError(
        f"Cannot tell which family of translation models the folder {folder} holds: its vocabulary has no "
        f"language tokens that are known. Say it with `family`. Valid choices: {', '.join(sorted(FAMILIES))}."
    )


class Convention:
    """A family's convention over the vocabulary of one model."""

    def __init__(self, family: Family, vocabulary: Collection[str]) -> None:
        self.family = family
        self._vocabulary = vocabulary if isinstance(vocabulary, dict | set | frozenset) else set(vocabulary)
        self.languages = family.language_tokens(self._vocabulary)
        self.specials = self.languages | {token for token in self._vocabulary if _CONTROL.fullmatch(token)}

    @property
    def chooses_target(self) -> bool:
        """Whether the target language is told to the model at all (a single-pair OPUS model has no tokens)."""
        return bool(self.languages)

    def token(self, tag: str) -> str | None:
        """The vocabulary's token for a language, or None when it has none."""
        tokens = (self.family.mark.format(code) for code in self.family.spell(tag))
        return next((token for token in tokens if token in self._vocabulary), None)

    def missing(self, pair: Pair) -> str:
        """A sentence that says which language of the pair the vocabulary lacks, "" when it has both."""
        for tag in self._marked(pair):
            if self.token(tag) is None:
                tried = ", ".join(self.family.mark.format(code) for code in self.family.spell(tag)) or "no code"
                shown = ", ".join(sorted(self.languages)[:8])
                return (
                    f"Its vocabulary has no token for {tag} ({languages.name(tag)}); tried: {tried}. "
                    f"It has {len(self.languages)} languages, among them: {shown}."
                )
        return ""

    def _marked(self, pair: Pair) -> list[str]:
        """The languages of a pair for which a token is needed."""
        if not self.chooses_target:
            return []
        return [pair.source, pair.target] if self.family.many_sources else [pair.target]

    def source(self, text: str, pair: Pair, cut: Callable[[str], list[str]], *, end: bool = True) -> list[str]:
        """The encoder's tokens for a text.

        Args:
            text: the text to translate.
            pair: from and into what.
            cut: the sub-word tokenizer of the source side.
            end: False where the engine adds `</s>` itself.
        """
        pieces = self._as_text(cut(self._instruction(pair) + text))
        closing = [self._required(pair.source)] if self.family.closes == "source" else []
        return [*self._opening(pair, cut), *pieces, *([END] if end else []), *closing]

    def _opening(self, pair: Pair, cut: Callable[[str], list[str]]) -> list[str]:
        if self.family.opens is None or not self.chooses_target:
            return []
        token = self._required(pair.source if self.family.opens == "source" else pair.target)
        # MADLAD's token went through sentencepiece in training, which puts a lone "▁" before it.
        pieces = cut(token) if self.family.cuts_token else []
        return pieces if token in pieces else [token]

    def _as_text(self, pieces: list[str]) -> list[str]:
        """Spell out special tokens that the text itself contained: text is data, it chooses no language."""
        special = self.specials - {UNKNOWN}
        return [part for piece in pieces for part in (piece if piece in special else [piece])]

    def prefix(self, pair: Pair) -> list[str]:
        """The tokens forced at the start of the output."""
        return [self._required(pair.target)] if self.family.forced else []

    def _instruction(self, pair: Pair) -> str:
        names = {"source": languages.name(pair.source), "target": languages.name(pair.target)}
        return self.family.instruction.format(**names)

    def _required(self, tag: str) -> str:
        token = self.token(tag)
        if token is None:
            raise ModelError(f"The model's vocabulary has no token for {tag} ({languages.name(tag)}).")
        return token


def parse_direction(text: str) -> Pair:
    """Return the pair that "en-pt", "en->pt" or "eng_Latn-por_Latn" stands for.

    Raises:
        ConfigurationError: it is no direction, or "-" could be read in more ways than one.
        UnknownLanguageError: a side of "a->b" is no language.
    """
    if "->" in text:
        source, _, target = text.partition("->")
        return languages.parse_pair(source.strip(), target.strip())
    parts = text.split("-")
    readings = set()
    for cut in range(1, len(parts)):
        try:
            readings.add(languages.parse_pair("-".join(parts[:cut]), "-".join(parts[cut:])))
        except UnknownLanguageError:
            continue
    # "en-pt-BR" could be Breton after "en-PT"; who writes that spells the territory as such
    exact = {pair for pair in readings if "-".join(pair) == text}
    if len(exact or readings) == 1:
        return (exact or readings).pop()
    found = " or ".join(sorted(map(str, readings))) or "no two languages"
    raise ConfigurationError(f"{text!r} should be a direction like en->pt, but it reads as {found}.")
