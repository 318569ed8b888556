"""DeepL's language codes: in capitals, sources without territories, some targets never without one."""

from __future__ import annotations

from collections.abc import Iterable

from scalemt import languages

# DeepL's clients refuse these targets without a variety.
_VARIETIES = {"en": ("en-GB", "en-US"), "pt": ("pt-BR", "pt-PT"), "zh": ("zh", "zh-Hans"), "zh-Hant": ("zh-Hant",)}


def source_code(tag: str) -> str:
    """Return DeepL's code of a source language: `pt-BR` -> `PT`, `zh-Hant` -> `ZH`."""
    return languages.base(tag).partition("-")[0].upper()


def target_codes(tags: Iterable[str]) -> dict[str, str]:
    """Return DeepL's codes of target languages, and the tag of each, by name."""
    found = {
        variety.upper(): variety for tag in tags for variety in _VARIETIES.get(tag, (tag,)) if _is_plain(variety)
    }
    return dict(sorted(found.items(), key=lambda item: languages.name(item[1])))


def source_codes(tags: Iterable[str]) -> dict[str, str]:
    """Return DeepL's codes of source languages, and the tag of each, by name."""
    found = {source_code(tag): source_code(tag).lower() for tag in tags}
    return dict(sorted(found.items(), key=lambda item: languages.name(item[1])))


def _is_plain(tag: str) -> bool:
    """Whether a tag is of the form of DeepL's codes: a language, and a script or territory."""
    return all(part.isascii() and len(part) <= 4 for part in tag.split("-"))
