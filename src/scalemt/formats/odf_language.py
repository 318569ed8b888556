"""Tell OpenDocument styles the language of a translation, so that it is spelt, hyphenated and laid out as such.

Source: OpenDocument 1.3 part 3, sections 20.187 (fo:country), 20.195 (fo:language) and their forms for Asian and
complex scripts, 20.404 (style:writing-mode).
"""

from __future__ import annotations

from scalemt.formats.member import Member, attribute
from scalemt.formats.ooxml import right_to_left
from scalemt.formats.xmlevents import XmlEvent

# Which attributes hold the language of text, by its script; all others are "western".
_ASIAN = {"Hans", "Hant", "Jpan", "Kore", "Hani", "Bopo", "Hira", "Kana", "Hang"}
_COMPLEX = {
    "Arab", "Beng", "Deva", "Gujr", "Guru", "Hebr", "Khmr", "Knda", "Laoo", "Mlym", "Mymr", "Nkoo", "Orya", "Sinh",
    "Syrc", "Taml", "Telu", "Thaa", "Thai", "Tibt",
}  # fmt: skip
_NONE = {"", "none", "zxx"}


def in_language(member: Member, source: str, target: str) -> bytes:
    """Return a member whose styles name the target language where they named that of the source.

    The default style names it in any case, and its paragraphs run from right to left where that language does.

    Args:
        member: `content.xml` or `styles.xml`.
        source: language of the document, "" where unknown: then only the default style changes.
        target: language of the translation.
    """
    told = _attributes(target)
    replaced = source.partition("-")[0]
    to_left = "paragraph" if right_to_left(target) else "nothing"
    out: list[bytes] = []
    default = ""
    for event in member.events():
        raw = event.raw
        if event.name == "style:default-style":
            default = attribute(event, "family") if event.kind == "start" else ""
        elif event.kind == "start" and event.name == "style:text-properties":
            if default or _language(event) == replaced:
                raw = member.with_attributes(event, told)
        elif event.kind == "start" and event.name == "style:paragraph-properties" and default == to_left:
            raw = member.with_attributes(event, {"style:writing-mode": "rl-tb"})
        out.append(raw)
    return b"".join(out)


def _language(event: XmlEvent) -> str:
    """The language that a style names, of whichever script."""
    named = (attribute(event, name) for name in ("language", "language-asian", "language-complex"))
    return next((name for name in named if name not in _NONE), "-")


def _attributes(target: str) -> dict[str, str]:
    """Return the attributes that name a language."""
    import langcodes

    known = langcodes.Language.get(target)
    full = known.maximize()
    language, country = known.language or "none", full.territory or "none"
    if full.script in _ASIAN:
        return {"style:language-asian": language, "style:country-asian": country}
    if full.script in _COMPLEX:
        return {"style:language-complex": language, "style:country-complex": country}
    return {"fo:language": language, "fo:country": country}
