"""Sentences written for the project, put together from two halves so that there are enough of them.

Each language has words that its tagger must choose a class for, and words that no dictionary has: these are
what made results of a long-lived pipeline depend on what came before.
"""

from __future__ import annotations

from itertools import product

_HALVES = {
    "en": (
        """
        I saw that the old man
        The report that nobody read
        "Frobnication," she said, and the guide
        Last year's spring sale
        What the zorbly committee wants
        Most of the fish
        The present we left there
        If one can, the second team
        He thought that this light
        Doctor Qwertin's last study
        It is well known that iron
        Those who can fly
        """,
        """
        runs the close race.
        saw the fast train leave, and left.
        can well set a record (or break one)!
        has not met the blenk of the plan?
        will lead them past the back door.
        means more than the sound of snorvels
        felt like a match, but it was not a match.
        was 3.5 times as hard as I thought it would be.
        """,
    ),
    "es": (
        """
        Como el vino que bebo
        Según Quertín, la parte de abajo
        Sobre la mesa, una hoja que nadie vio
        Cuando vino el cura, la banda
        Ni la muestra ni la frobnicación
        El debate que para todos
        Los que están ante la casa
        «Nada», dijo ella, y la copia
        Si bajo la cuesta, el resto
        Entre zorblos, la marcha
        Ese día el medio
        Lo que cuenta Blenk
        """,
        """
        parte la sal con una sierra.
        era nuevo, como siempre.
        para la cuenta de la casa?
        no siente que cante bien
        sale en una lista (o en dos).
        fue más caro que un esnórvel.
        toca la copa y la deja como estaba.
        cuesta 3,5 veces más de lo que pienso.
        """,
    ),
    "gl": (
        """
        Non sei se o que canta
        A casa que se ve
        O Quertín que nos deu
        Como o viño que bebo
        «Nada», dixo ela, e a copia
        Cando sae o sol, a frobnicación
        Para que o lugar
        O home a quen lle dei o zorblo
        Un que era vello
        Por iso a parte que quero
        Entre os meus, a marcha
        O mellor que ten
        """,
        """
        para na praza que se fixo.
        non é para que o leve Blenk.
        era novo, como sempre.
        parte o pan que se deixou na mesa?
        senta onde se pode ver
        sae na lista que fan (ou en dúas).
        toca a copa e di que se vai.
        custa 3,5 veces máis do que se pensa.
        """,
    ),
    "eu": (
        """
        Gure etxeko gizonak
        Ikusi nuen liburua
        Quertinek esan duen hitza
        Mendian dauden hiriak
        Zorbloen artean
        Familia zaharraren lana
        Asko dakien emakumeak
        Herri honetako semeak
        Oso nahiko onak diren lagunak
        USOCen erabakia
        Bere zatiak
        Haurrek egindako frobnika
        """,
        """
        eta erantzun ona jaso du.
        bidea hartu zuten, baina ez ziren iritsi.
        ez du esan nahi hori denik!
        gaur eramango dute (edo bihar).
        non dago orain?
        blenkarekin lan egin zuen
        guztien aurrean jarri da.
        3,5 aldiz handiagoa da.
        """,
    ),
}


def sentences(language: str) -> list[str]:
    """Return 96 sentences and, behind them, 10 short and odd lines."""
    left, right = (block.strip().splitlines() for block in _HALVES[language])
    odd = ["...", "*", "C# / F#", "a@b.org", "[1] {2} ^3$", "Qwertin", "zorblo blenk", "\\", "😀 日本", "~5 * 3"]
    return [f"{a.strip()} {b.strip()}" for a, b in product(left, right)] + odd
