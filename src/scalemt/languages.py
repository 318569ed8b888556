"""Languages at the door: any code people use in, one canonical BCP-47 tag inside, each engine's code out.

Accepted: BCP-47 (`pt-BR`, `zh-Hant`), FLORES-200 / NLLB (`por_Latn`), ISO 639-1/-3 (`pt`, `por`), Apertium
(`eng`, `cat_valencia`), OPUS (`pt_br`), DeepL (`PT-BR`, `ZH-HANT`), LibreTranslate (`pb`, `zt`) and English
names (`Portuguese`). Canonical means: the shortest tag that says it, with the script only where it is not
the usual one (RFC 5646; CLDR likely subtags through `langcodes`).
"""

from __future__ import annotations

from difflib import get_close_matches
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

# Codes of single engines that are not tags, or mean something else as a tag.
_ALIASES = {"pb": "pt-BR", "zt": "zh-Hant", "hbs": "sh", "sh": "sh", "no": "nb", "iw": "he", "azb": "azb"}

# ISO 639-3 codes of individual languages that everyone calls by their macrolanguage's code.
_PREDOMINANT = {
    "als": "sq", "arb": "ar", "ayr": "ay", "azj": "az", "cmn": "zh", "ekk": "et", "gaz": "om", "khk": "mn",
    "kmr": "ku", "lvs": "lv", "npi": "ne", "ory": "or", "pbt": "ps", "pes": "fa", "plt": "mg", "quy": "qu",
    "swh": "sw", "uzn": "uz", "ydd": "yi", "zsm": "ms", "tgl": "fil", "knc": "kr",
}  # fmt: skip

_SPECIAL_NAMES = {"sh": "Serbo-Croatian", "ca-valencia": "Catalan (Valencian)"}


@lru_cache(maxsize=4096)
def parse(code: str) -> str:
    """Return the canonical BCP-47 tag for a language code of any accepted standard.

    Raises:
        UnknownLanguageError: the code is none of them; the message names the nearest known ones.
    """
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    cleaned = code.strip().replace("_", "-")
    lowered = cleaned.lower()
    if lowered in _ALIASES:
        return _ALIASES[lowered]
    try:
        tag = langcodes.Language.get(cleaned, normalize=True)
    except LanguageTagError:
        return _from_name(code)
    if not cleaned or not tag.is_valid():
        return _from_name(code)
    language = _PREDOMINANT.get(lowered.split("-")[0], tag.language)
    usual = langcodes.Language.make(language=language, territory=tag.territory).maximize().script
    script = tag.script if tag.script != usual else None
    parts = [language, script, tag.territory, *(tag.variants or ())]
    return "-".join(part for part in parts if part)


def _from_name(name: str) -> str:
    import langcodes

    if len(name) > 3 and name.replace(" ", "").isalpha():
        try:
            return parse(langcodes.find(name, language="en").to_tag())
        except LookupError:
            pass
    raise UnknownLanguageError(
        f"Unknown language {name!r}. The nearest known: {', '.join(nearest(name))}. "
        "Use a BCP-47 tag (pt-BR), a FLORES code (por_Latn), an ISO 639 code (por) or an English name."
    )


def nearest(code: str, count: int = 3) -> list[str]:
    """Return the known codes and names most like `code`, for error messages."""
    known = {flores: flores for flores in FLORES_CODES}
    known |= {flores.split("_")[0]: flores.split("_")[0] for flores in FLORES_CODES}
    for flores in FLORES_CODES:
        tag = parse(flores)
        known |= {tag.lower(): tag, name(tag).lower(): f"{tag} ({name(tag)})"}
    matches = get_close_matches(code.lower(), known, n=count, cutoff=0.4) or ["en", "es", "pt"]
    return list(dict.fromkeys(known.get(match, match) for match in matches))


@lru_cache(maxsize=4096)
def name(tag: str) -> str:
    """Return the English name of a canonical tag, as prompts use it: "Xhosa", "Portuguese (Brazil)"."""
    import langcodes

    return _SPECIAL_NAMES.get(tag) or str(langcodes.Language.get(tag).display_name("en"))


def parse_pair(source: str, target: str) -> Pair:
    """Return the canonical `Pair` of two codes of any accepted standard.

    Raises:
        UnknownLanguageError: one of the codes is unknown.
    """
    return Pair(parse(source), parse(target))


def base(tag: str) -> str:
    """Return the tag without territory and variant: `pt-BR` -> `pt`, `zh-Hant-TW` -> `zh-Hant`."""
    parts = tag.split("-")
    return "-".join([parts[0], *(part for part in parts[1:2] if len(part) == 4 and part.isalpha())])


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
        f"The nearest of them: {', '.join(nearest(tag))}."
    )
