"""How languages count: gettext's `Plural-Forms` and the plural categories of CLDR.

Sources: the table "Plural forms" of the GNU gettext manual (11.2.6) and CLDR's cardinal plural rules.
"""

from __future__ import annotations

from gettext import c2py

from scalemt import languages

_ONE_OTHER = "nplurals=2; plural=(n != 1);"
_FRENCH = "nplurals=2; plural=(n > 1);"
_NONE = "nplurals=1; plural=0;"
_EAST_SLAVIC = (
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
)
_POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
_CZECH = "nplurals=3; plural=(n==1 ? 0 : n>=2 && n<=4 ? 1 : 2);"
_FORMS = {
    **dict.fromkeys("ja zh ko vi th id ms lo my km bo dz jv su ii".split(), _NONE),
    **dict.fromkeys("fr oc ln tg mg ti wa ak am bh fil tl uz hy kab".split(), _FRENCH),
    **dict.fromkeys("ru uk be sr hr bs sh".split(), _EAST_SLAVIC),
    **dict.fromkeys("cs sk".split(), _CZECH),
    "pt-BR": _FRENCH,
    "pl": _POLISH,
    "sl": "nplurals=4; plural=(n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3);",
    "lt": "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "lv": "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2);",
    "ro": "nplurals=3; plural=(n==1 ? 0 : n==0 || (n%100>0 && n%100<20) ? 1 : 2);",
    "ga": "nplurals=5; plural=(n==1 ? 0 : n==2 ? 1 : n<7 ? 2 : n<11 ? 3 : 4);",
    "gd": "nplurals=4; plural=(n==1 || n==11 ? 0 : n==2 || n==12 ? 1 : n>2 && n<20 ? 2 : 3);",
    "cy": "nplurals=4; plural=(n==1 ? 0 : n==2 ? 1 : n==8 || n==11 ? 2 : 3);",
    "mt": "nplurals=4; plural=(n==1 ? 0 : n==0 || (n%100>1 && n%100<11) ? 1 : n%100>10 && n%100<20 ? 2 : 3);",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
    "he": _ONE_OTHER,
    "is": "nplurals=2; plural=(n%10!=1 || n%100==11);",
    "mk": "nplurals=2; plural=(n==1 || n%10==1 ? 0 : 1);",
}

_OTHER = ("other",)
_CATEGORIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys("ja zh ko vi th id ms lo my km bo dz jv su ii".split(), _OTHER),
    **dict.fromkeys("ru uk be pl".split(), ("one", "few", "many", "other")),
    **dict.fromkeys("sr hr bs sh".split(), ("one", "few", "other")),
    **dict.fromkeys("cs sk lt".split(), ("one", "few", "many", "other")),
    **dict.fromkeys("fr es pt it ca".split(), ("one", "many", "other")),
    "pt-PT": ("one", "many", "other"),
    "ro": ("one", "few", "other"),
    "lv": ("zero", "one", "other"),
    "sl": ("one", "two", "few", "other"),
    "he": ("one", "two", "other"),
    "ga": ("one", "two", "few", "many", "other"),
    "gd": ("one", "two", "few", "other"),
    "cy": ("zero", "one", "two", "few", "many", "other"),
    "mt": ("one", "two", "few", "many", "other"),
    "ar": ("zero", "one", "two", "few", "many", "other"),
}


def plural_forms(language: str) -> str:
    """Return the `Plural-Forms` of a language for a PO header, by tag or by base language."""
    return _FORMS.get(language) or _FORMS.get(languages.base(language)) or _ONE_OTHER


def form_count(header: str) -> int | None:
    """Return the number of forms that a `Plural-Forms` header states, or None where it states none."""
    _, _, rest = header.partition("nplurals=")
    digits = rest.strip().partition(";")[0].strip()
    return int(digits) if digits.isdecimal() and 0 < int(digits) <= 9 else None


def first_is_one(header: str) -> bool:
    """Whether the first form of a `Plural-Forms` header is for the number 1 alone; not told is taken for yes."""
    expression = header.partition("plural=")[2].rpartition(";")[0] or header.partition("plural=")[2]
    if not expression:
        return True
    try:
        form = c2py(expression)
        return [number for number in range(202) if form(number) == 0] == [1]
    except ValueError:
        return True


def categories(language: str) -> tuple[str, ...]:
    """Return the plural categories (CLDR, cardinal) of a language; "one" and "other" where it is not known."""
    return _CATEGORIES.get(language) or _CATEGORIES.get(languages.base(language)) or ("one", "other")
