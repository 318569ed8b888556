"""Terms in the number of the source: what is made, what is left alone, and what cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalemt.glossary.inflecting import fitted, plural

PLURALS = {
    "pt": """
        vacina vacinas, hospital hospitais, papel papéis, móvel móveis, túnel túneis, fuzil fuzis, réptil
        répteis, útil úteis, sol sóis, álcool álcoois, azul azuis, infecção infecções, órgão órgãos, mão
        mãos, limão limões, pulmão pulmões, cidadão cidadãos, homem homens, comum comuns, português
        portugueses, mês meses, gás gases, país países, vírus vírus, lápis lápis, tórax tórax, doutor
        doutores, vez vezes, íon íons, teste testes, Casa Casas, variável variáveis, possível possíveis, mal
        males
    """,
    "gl": """
        vacina vacinas, hospital hospitais, papel papeis, fusil fusís, fácil fáciles, túnel túneles, luz
        luces, muller mulleres, can cans, nación nacións, virus virus, mes meses
    """,
    "es": """
        vacuna vacunas, hospital hospitales, luz luces, infección infecciones, alemán alemanes, inglés
        ingleses, examen exámenes, imagen imágenes, joven jóvenes, orden órdenes, tren trenes, virus virus,
        crisis crisis, red redes, ley leyes, reloj relojes, rubí rubíes, autobús autobuses, país países, mes
        meses, compás compases, robot robots, pulmón pulmones, almacén almacenes, corazón corazones, Volumen
        Volúmenes
    """,
    "ca": """
        vacuna vacunes, malaltia malalties, hospital hospitals, client clients, camí camins, infecció
        infeccions, germà germans, llengua llengües, aigua aigües, boca boques, plaça places, botiga
        botigues, platja platges, braç braços, cafè cafès, virus virus, arxiu arxius
    """,
    "fr": """
        vaccin vaccins, hôpital hôpitaux, bateau bateaux, jeu jeux, noyau noyaux, bleu bleus, festival
        festivals, virus virus, voix voix, nez nez, santé santés, clé clés
    """,
    "it": """
        vaccino vaccini, malattia malattie, problema problemi, programma programmi, sintomo sintomi,
        ospedale ospedali, banca banche, medico medici, banco banchi, blocco blocchi, disco dischi, gioco
        giochi, provincia province, spiaggia spiagge, farmacia farmacie, figlio figli, lago laghi, città
        città, virus virus, dentista dentisti, computer computer
    """,
}


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [(language, *row.split()) for language, rows in PLURALS.items() for row in rows.split(",")],
)
def test_plurals_of_words(language: str, one: str, several: str) -> None:
    assert plural(one, language) == several


@pytest.mark.parametrize(
    ("term", "language", "several"),
    [
        ("doença renal crônica", "pt", "doenças renais crônicas"),
        ("taxa de mortalidade infantil", "pt", "taxas de mortalidade infantil"),
        ("cartão  SIM", "pt", "cartões  SIM"),
        ("guarda-chuva", "pt", "guarda-chuva"),
        ("vitamina B12", "pt", "vitaminas B12"),
        ("lavado de manos", "es", "lavados de manos"),
        ("malattia dell'occhio", "it", "malattie dell'occhio"),
        ("salle d'attente", "fr", "salles d'attente"),
        ("mise à jour", "fr", "mises à jour"),
        ("hospital", "pt-BR", "hospitais"),
        ("", "pt", ""),
    ],
)
def test_the_head_and_its_adjectives_are_put_in_the_plural_up_to_the_first_preposition(
    term: str, language: str, several: str
) -> None:
    assert plural(term, language) == several


def test_languages_without_rules_are_left_to_others() -> None:
    assert plural("Haus", "de") is None
    assert plural("etxe", "eu") is None
    assert fitted("Haus", "house", "houses", "de") is None
    assert fitted("Haus", "house", "House", "de") == "Haus"


@pytest.mark.parametrize(
    ("source", "found", "wanted"),
    [
        ("house", "house", "casa"),
        ("house", "HOUSE", "casa"),
        ("house", "Houses", "casas"),
        ("box", "boxes", "casas"),
        ("city", "cities", "casas"),
        ("heart attack", "heart attacks", "casas"),
        ("child", "children", None),
        ("knife", "knives", None),
        ("houses", "house", None),
        ("house", "housed", None),
        ("house", "house's", None),
    ],
)
def test_a_term_is_put_in_the_number_of_the_source_or_not_at_all(
    source: str, found: str, wanted: str | None
) -> None:
    assert fitted("casa", source, found, "pt") == wanted


@given(st.text(max_size=30), st.sampled_from(sorted(PLURALS)))
def test_any_text_has_a_plural_of_as_many_words(term: str, language: str) -> None:
    made = plural(term, language)
    assert made is not None
    assert len(made.split()) == len(term.split())
