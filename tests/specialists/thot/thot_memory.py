"""A memory made of templates: English to Spanish."""

from __future__ import annotations

import itertools
import random

from scalemt.types import Pair

EN_ES = Pair("en", "es")

# noun, with its article in Spanish
_THINGS = {
    "file": "el archivo",
    "document": "el documento",
    "window": "la ventana",
    "table": "la tabla",
    "page": "la página",
    "image": "la imagen",
    "button": "el botón",
    "folder": "la carpeta",
    "text": "el texto",
    "list": "la lista",
    "menu": "el menú",
    "key": "la tecla",
    "row": "la fila",
    "field": "el campo",
}
_DEEDS = {
    "open": "abra",
    "close": "cierre",
    "delete": "elimine",
    "print": "imprima",
    "copy": "copie",
    "select": "seleccione",
    "save": "guarde",
    "move": "mueva",
    "insert": "inserte",
}
_TEMPLATES = (
    ("{Deed} the {thing}.", "{Hecho} {cosa}."),
    ("Please {deed} the {thing} and the {other}.", "Por favor, {hecho} {cosa} y {otra}."),
    ("If you {deed} the {thing}, the program stops.", "Si {hecho} {cosa}, el programa se detiene."),
    ("The {thing} is in the {other}.", "{Cosa} está en {otra}."),
    (
        'In LibreOffice, choose "Tools" and {deed} the {thing}.',
        'En LibreOffice, elija "Herramientas" y {hecho} {cosa}.',
    ),
    ("Where is the {thing}?", "¿Dónde está {cosa}?"),
    ("The {thing} has 50% of the PDF.", "{Cosa} tiene el 50 % del PDF."),
)


def memory() -> list[tuple[str, str]]:
    """Return 700 pairs of the templates."""
    made = []
    deeds, things = sorted(_DEEDS), sorted(_THINGS)
    for (source, target), deed, thing, shift in itertools.product(_TEMPLATES, deeds, things, (3, 5)):
        other = things[(things.index(thing) + shift) % len(things)]
        english = {"deed": deed, "Deed": deed.capitalize(), "thing": thing, "other": other}
        cosa, hecho = _THINGS[thing], _DEEDS[deed]
        spanish = {"hecho": hecho, "Hecho": hecho.capitalize(), "cosa": cosa, "otra": _THINGS[other]}
        spanish["Cosa"] = cosa[0].upper() + cosa[1:]
        made.append((source.format(**english), target.format(**spanish)))
    made = list(dict.fromkeys(made))
    random.Random(0).shuffle(made)
    return made[:700]
