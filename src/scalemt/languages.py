"""Languages at the door: any code people use in, one canonical BCP-47 tag inside, each engine's code out.

Accepted: BCP-47 (`pt-BR`, `zh-Hant`), FLORES-200 / NLLB (`por_Latn`), ISO 639-1/-3 (`pt`, `por`), Apertium
(`eng`, `cat_valencia`), OPUS (`pt_br`), DeepL (`PT-BR`, `ZH-HANT`), LibreTranslate (`pb`, `zt`) and English
names (`Portuguese`). Canonical means: the shortest tag that says it, with the script only where it is not
the usual one (RFC 5646; CLDR likely subtags through `langcodes`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from scalemt.errors import UnknownLanguageError
from scalemt.types import Pair

# The language codes of FLORES-200 and NLLB-200 (Costa-jussà et al. 2022, table 1).
FLORES_CODES = tuple(
    """
    ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn als_Latn amh_Ethi apc_Arab
    arb_Arab ars_Arab ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl
    bam_Latn ban_Latn bel_Cyrl bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn
    bul_Cyrl cat_Latn ceb_Latn ces_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn
    dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn est_Latn eus_Latn ewe_Latn fao_Latn fij_Latn fin_Latn
    fon_Latn fra_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn
    hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn isl_Latn
    ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab kas_Deva kat_Geor kaz_Cyrl
    kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn knc_Arab knc_Latn
    kon_Latn kor_Hang lao_Laoo lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn
    lug_Latn luo_Latn lus_Latn lvs_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Arab min_Latn mkd_Cyrl
    mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn
    nya_Latn oci_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn
    prs_Arab quy_Latn ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Olck scn_Latn shn_Mymr sin_Sinh
    slk_Latn slv_Latn smo_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srd_Latn srp_Cyrl ssw_Latn
    sun_Latn swe_Latn swh_Latn szl_Latn tam_Taml taq_Latn taq_Tfng tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn
    tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab
    ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn
    yue_Hant zho_Hans zho_Hant zsm_Latn zul_Latn
    """.split()
)

# Codes of single engines that are not tags, or mean something else as a tag (Apertium's `oci_aran`: Aranese).
_ALIASES = {"pb": "pt-BR", "zt": "zh-Hant", "oc-aran": "oc-aranes", "oci-aran": "oc-aranes"}

# Tags that name no language: undetermined, several, uncoded, no linguistic content, local use.
_NO_LANGUAGE = re.compile(r"(?:und|root|mul|mis|zxx|x|q[a-t][a-z])(?:-|$)")

# ISO 639-3 codes of individual languages that everyone calls by their macrolanguage's code.
_PREDOMINANT = {
    "als": "sq", "arb": "ar", "ayr": "ay", "azj": "az", "cmn": "zh", "ekk": "et", "gaz": "om", "khk": "mn",
    "kmr": "ku", "lvs": "lv", "npi": "ne", "ory": "or", "pbt": "ps", "pes": "fa", "plt": "mg", "quy": "qu",
    "swh": "sw", "uzn": "uz", "ydd": "yi", "zsm": "ms", "tgl": "fil", "knc": "kr", "no": "nb", "nor": "nb",
    "hbs": "sh", "sh": "sh", "azb": "azb",
}  # fmt: skip

_SPECIAL_NAMES = {"sh": "Serbo-Croatian", "ca-valencia": "Catalan (Valencian)", "fa-AF": "Dari"}

_SAME_SCRIPT = {"Hang": "Kore"}  # FLORES writes Korean as Hangul, CLDR as Hangul with Han
_RIGHT_TO_LEFT = {"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}
_MOST_CHARACTERS = 60  # no tag and no English name is longer; what is, is not looked at any further


def parse(code: str) -> str:
    """Return the canonical BCP-47 tag for a language code of any accepted standard.

    Raises:
        UnknownLanguageError: the code is none of them; the message names the nearest known ones.
    """
    tag = find(code)
    if tag is None:
        raise UnknownLanguageError(
            f"Unknown language {_shown(code)}.{_suggestion(code)} "
            "Use a BCP-47 tag (pt-BR), a FLORES code (por_Latn), an ISO 639 code (por) or an English name."
        )
    return tag


def find(code: str) -> str | None:
    """Return the canonical BCP-47 tag for a code as `parse` takes it, or None: at a hundredth of the time."""
    # Control characters, a NUL above all, are more than the tables of names can take.
    fit = len(code) <= _MOST_CHARACTERS and code.strip().isprintable()
    return _tag(code.strip()) if fit else None


@lru_cache(maxsize=4096)
def _tag(code: str) -> str | None:
    """Return the canonical tag, or None when the code is of no standard."""
    lowered = code.lower().replace("_", "-")
    return _ALIASES.get(lowered) or _from_code(lowered) or _from_name(code)


def _from_code(lowered: str) -> str | None:
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    if not lowered or _NO_LANGUAGE.match(lowered):
        return None
    try:
        tag = langcodes.Language.get(lowered, normalize=True)
    except LanguageTagError:
        return None
    # After normalizing, an "extended language" is left only of nonsense such as an Apertium pair, `eng-cat`.
    if not tag.is_valid() or tag.language is None or tag.extlangs:
        return None
    first = lowered.split("-", maxsplit=1)[0]
    if first in ("sh", "hbs"):
        # Normalizing makes Latin-script Serbian of it, which is one of several languages it stands for.
        tag = langcodes.Language.get(lowered, normalize=False)
    language = _PREDOMINANT.get(first) or tag.language or first
    script = _script(language, tag.script, tag.territory)
    parts = [language, script, tag.territory, *(tag.variants or ())]
    return "-".join(part for part in parts if part)


def _script(language: str, script: str | None, territory: str | None) -> str | None:
    """Return the script to write into a tag: None where it is the usual one of the language.

    A territory may mean another script than the usual one: `zh-TW` is `zh-Hant-TW`.
    """
    likely = _likely_script(language)
    usual = _only_script().get(language) or likely
    local = _likely_script(language, territory)
    implied = usual if local == likely else local
    meant = _SAME_SCRIPT.get(script, script) if script else implied
    return None if meant == usual == implied else meant


@lru_cache(maxsize=1)
def _only_script() -> dict[str, str]:
    """The script of each language that FLORES-200 has in one script only; CLDR lacks some of them."""
    import langcodes

    scripts: dict[str, set[str]] = {}
    for code in FLORES_CODES:
        language = _PREDOMINANT.get(code[:3]) or langcodes.Language.get(code[:3]).language or code[:3]
        scripts.setdefault(language, set()).add(_SAME_SCRIPT.get(code[4:], code[4:]))
    return {language: found.pop() for language, found in scripts.items() if len(found) == 1}


def _likely_script(language: str, territory: str | None = None) -> str | None:
    import langcodes

    # Serbo-Croatian has no entry of its own in CLDR; it is mostly written in Latin script.
    known = "hr" if language == "sh" else language
    script = langcodes.Language.make(language=known, territory=territory).maximize().script
    return str(script) if script else None


def _from_name(text: str) -> str | None:
    """Return the tag for an English name, "Portuguese", "Portuguese (Brazil)" or "brazilian-portuguese"."""
    text = re.sub(r"[\s_-]+", " ", text)
    if len(text) < 4 or not any(character.isalpha() for character in text):
        return None
    inner = re.fullmatch(r"(.+?) \((.+)\)", text)
    if inner is None:
        return _find(text) or _find(text.replace(" ", "-"))
    # The finder passes over brackets, so they are looked at first; a few names hold brackets of their own.
    tag = _find(inner[1])
    if tag and name(tag).lower() == text.lower():
        return tag
    return _narrowed(tag, inner[2]) if tag else None


def _find(text: str, language: str | None = "en") -> str | None:
    """Return the tag of a language's name as written in `language`, or in any language where that is None."""
    import langcodes
    from language_data.names import TRIES, normalize_name

    try:
        found = langcodes.find(text, language=language)
    except LookupError:
        return None
    # The finder takes whatever only begins with a name: "English to Portuguese" would be English.
    if normalize_name(text) not in TRIES[f"{language or 'und'}/name_to_language"]:
        return None
    return _from_code(found.to_tag().lower())


def _narrowed(tag: str, inside: str) -> str | None:
    """Return the tag with the script, territory or variant that stands in brackets behind its name."""
    import langcodes

    if tag == "ca" and inside.lower() == "valencian":
        return "ca-valencia"
    for kind in ("script", "territory"):
        try:
            found = langcodes.Language.find_name(kind, inside, "en")
        except LookupError:
            continue
        return _from_code(f"{tag}-{found.to_tag().removeprefix('und-')}".lower())
    return None


def _shown(code: str) -> str:
    return repr(code) if len(code) <= _MOST_CHARACTERS else f"{code[:_MOST_CHARACTERS]!r} …"


def _suggestion(code: str) -> str:
    found = nearest(code)
    return f" The nearest known: {', '.join(found)}." if found else ""


def nearest(code: str, count: int = 3) -> list[str]:
    """Return the FLORES-200 languages whose code or name is most like `code`, as "pt (Portuguese)".

    Empty when nothing is like it. A name in another language than English suggests the language ("español"),
    and so does the code of a country where no language has that code ("jp").
    """
    printable = "".join(letter for letter in code if letter.isprintable())
    wanted = printable.strip().lower().replace("_", "-")[:_MOST_CHARACTERS]
    ranked = [(_likeness(wanted, codes, spelled), tag) for tag, codes, spelled in _known_keys()]
    best = max(likeness for likeness, _ in ranked)
    # What is much less like it than the best would only distract.
    kept = [item for item in ranked if item[0] > 0 and item[0] >= best - 0.05]
    kept.sort(key=lambda item: (-round(item[0], 2), -_speakers(item[1])))
    abroad = _find(wanted, None) if len(wanted) > 3 else None
    tags = dict.fromkeys([*([abroad] if abroad else _spoken_in(wanted)), *(tag for _, tag in kept)])
    return [f"{tag} ({name(tag)})" for tag in list(tags)[:count]]


def _likeness(wanted: str, codes: tuple[str, str], spelled: str) -> float:
    """Return how like a code or name is to what was asked for, 0 to 1; 0 when not worth naming."""
    from rapidfuzz.distance import Jaro, JaroWinkler

    first = re.split(r"\W", wanted)[0]
    if first in codes:
        return 1.0
    if len(wanted) < 4:
        # Two letters are soon alike, so at least the first one has to be right.
        return max(Jaro.similarity(wanted, known) if wanted[:1] == known[:1] else 0.0 for known in codes)
    likeness = JaroWinkler.similarity(wanted, spelled)
    return likeness if likeness > 0.86 else 0.0


@lru_cache(maxsize=1)
def _known_keys() -> list[tuple[str, tuple[str, str], str]]:
    """Tag, two- and three-letter code, and name of every language of FLORES-200."""
    table = _flores_by_tag()
    return [(tag, (tag.split("-")[0], code[:3]), name(tag).lower()) for tag, code in table.items()]


def _speakers(tag: str) -> int:
    import langcodes

    return langcodes.Language.get(tag).speaking_population()


def _spoken_in(territory: str) -> list[str]:
    import langcodes

    if len(territory) != 2 or not territory.isascii() or not territory.isalpha():
        return []
    place = langcodes.Language.make(territory=territory.upper())
    tag = _from_code(place.maximize().language or "") if place.is_valid() else None
    # CLDR gives English for places that it does not know.
    known = tag in _flores_by_tag() and (tag != "en" or territory in ("gb", "us"))
    return [tag] if tag and known else []


@lru_cache(maxsize=4096)
def name(tag: str) -> str:
    """Return the English name of a canonical tag, as prompts use it: "Xhosa", "Portuguese (Brazil)"."""
    import langcodes

    return _SPECIAL_NAMES.get(tag) or str(langcodes.Language.get(tag).display_name("en"))


@lru_cache(maxsize=4096)
def is_right_to_left(tag: str) -> bool:
    """Return whether a language is written from right to left, by its script: Arabic, Hebrew, Thaana, N'Ko …"""
    return script(tag) in _RIGHT_TO_LEFT


@lru_cache(maxsize=4096)
def script(tag: str) -> str:
    """Return the ISO 15924 code of the script that a canonical tag means: `Latn`, `Kore`; "" where unknown."""
    parts = tag.split("-")
    named = next((part for part in parts[1:2] if len(part) == 4 and part.isalpha()), None)
    return named or _only_script().get(parts[0]) or _likely_script(parts[0]) or ""


def parse_pair(source: str, target: str) -> Pair:
    """Return the canonical `Pair` of two codes of any accepted standard.

    Raises:
        UnknownLanguageError: one of the codes is unknown.
    """
    return Pair(parse(source), parse(target))


@lru_cache(maxsize=4096)
def base(tag: str) -> str:
    """Return the tag without territory and variant: `pt-BR` -> `pt`, `zh-Hant-TW` -> `zh-Hant`."""
    parts = tag.split("-")
    shortened = "-".join([parts[0], *(part for part in parts[1:2] if len(part) == 4 and part.isalpha())])
    # `zh-Hans-TW` names its script only for the sake of the territory.
    return _tag(shortened) or shortened


@lru_cache(maxsize=4096)
def to_iso3(tag: str) -> str:
    """Return the ISO 639-3 code of a tag's language: `pt-BR` -> `por`."""
    import langcodes

    return "hbs" if tag == "sh" else str(langcodes.Language.get(tag).to_alpha3())


@lru_cache(maxsize=1)
def _flores_by_tag() -> dict[str, str]:
    return {parse(code): code for code in FLORES_CODES}


def to_flores(tag: str) -> str:
    """Return the FLORES-200 / NLLB-200 code of a tag: `pt-BR` -> `por_Latn`.

    Raises:
        UnknownLanguageError: NLLB-200 does not have the language.
    """
    table = _flores_by_tag()
    for candidate in (tag, base(tag)):
        if candidate in table:
            return table[candidate]
    raise UnknownLanguageError(
        f"{tag} ({name(tag)}) is not one of the {len(FLORES_CODES)} languages of FLORES-200 / NLLB-200. "
        "Choose a specialist of another kind, or a language that it has."
    )
