"""Weblate's own machine translation services against a server; run by the Python of `.venv-weblate`.

Prints what they made of it as JSON. Weblate's data base is never asked: the units are those of its own tests.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import types
from typing import Any


class _Anything(types.ModuleType):
    """A module that has everything: Cairo and Pango draw fonts, which nothing here does."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name)

    def __call__(self, *_: object, **__: object) -> Any:
        return self


def _set_up() -> None:
    for name in ("cairo", "gi", "gi.repository"):
        sys.modules[name] = _Anything(name)
    from weblate import settings_example  # type: ignore[import-not-found]

    settings = {name: value for name, value in vars(settings_example).items() if name.isupper()}
    settings |= {
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        "DATA_DIR": tempfile.mkdtemp(prefix="weblate-"),
        "SECRET_KEY": "for tests only",
        "SITE_DOMAIN": "localhost",
        "LOGGING_CONFIG": None,
    }
    import django  # type: ignore[import-not-found]
    from django.conf import settings as configured  # type: ignore[import-not-found]

    configured.configure(**settings)
    django.setup()


def _translated(machine: Any, source: str, code: str = "pt", **about: str) -> list[dict[str, Any]]:
    """Return what Weblate would suggest for a string."""
    from weblate.checks.tests.test_checks import MockUnit  # type: ignore[import-not-found]

    found: list[list[dict[str, Any]]] = machine.translate(MockUnit(code=code, source=source, **about))
    return [{"text": item["text"], "quality": item["quality"]} for plural in found for item in plural]


def _fault(action: Any) -> str:
    try:
        action()
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}"
    return ""


def libretranslate(url: str, key: str) -> dict[str, Any]:
    """Do with LibreTranslate's service what Weblate does."""
    from weblate.machinery.libretranslate import LibreTranslateTranslation  # type: ignore[import-not-found]

    machine = LibreTranslateTranslation({"url": f"{url}/", "key": key})
    wrong = LibreTranslateTranslation({"url": url, "key": "wrong"})
    return {
        "languages": sorted(machine.supported_languages),
        "plain": _translated(machine, "Good night."),
        "regional": _translated(machine, "Good night.", "pt_BR"),
        "placeholders": _translated(machine, "Good night, %s!", flags="c-format"),
        "lines": _translated(machine, "Good night.\nIt is raining."),
        "wrong key": _fault(lambda: _translated(wrong, "Good night.")),
        "settings": _fault(machine.validate_settings),
    }


def deepl(url: str, key: str) -> dict[str, Any]:
    """Do with DeepL's service what Weblate does, glossaries among it."""
    from django.core.cache import cache  # type: ignore[import-not-found]
    from weblate.checks.tests.test_checks import MockTranslation
    from weblate.machinery.deepl import DeepLTranslation  # type: ignore[import-not-found]

    machine = DeepLTranslation({"url": f"{url}/v2/", "key": key})
    wrong = DeepLTranslation({"url": f"{url}/v2/", "key": "wrong"})

    def translated(source: str, terms: str = "", code: str = "pt", **about: str) -> list[dict[str, Any]]:
        # The terms of a project come out of the data base, by way of this cache.
        unit = MockTranslation(code)
        place = unit.component.project.get_glossary_tsv_cache_key(unit.component.source_language, unit.language)
        cache.set(place, terms)
        return _translated(machine, source, code, **about)

    return {
        "languages": sorted(map(list, machine.supported_languages)),
        "plain": translated("Good night."),
        "regional": translated("Good night.", code="pt_BR"),
        "placeholders": translated("Good night, %s & %(name)s!", flags="python-format"),
        "markup": translated('Good night, <a href="%s">friend</a>!', flags="c-format"),
        "glossary": translated("The boat is here.", "boat\tembarcação"),
        "changed glossary": translated("The boat is here.", "boat\tnave"),
        "glossaries": sorted(machine.list_glossaries()),
        "wrong key": _fault(lambda: _translated(wrong, "Good night.")),
        "settings": _fault(machine.validate_settings),
    }


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    _set_up()
    service = {"libretranslate": libretranslate, "deepl": deepl}[sys.argv[1]]
    sys.stdout.write(json.dumps(service(*sys.argv[2:4]), ensure_ascii=False))
