"""Twenty English sentences, each with a good Portuguese translation and a spoiled one; written for this project."""

from __future__ import annotations

# ruff: noqa: E501  # one sentence a line

KINDS = ("half is missing", "wrong language", "number changed", "word salad")
"""How a translation is spoiled: five sentences each, in this order."""

TRIPLES = [
    # Half is missing.
    ("The bakery on the corner sells warm bread in the morning and cheese cakes in the afternoon.", "A padaria da esquina vende pão quente de manhã e bolos de queijo à tarde.", "A padaria da esquina vende pão quente de manhã."),
    ("Before you clean the filter, switch the machine off and pull the plug out of the socket.", "Antes de limpar o filtro, desligue a máquina e tire a ficha da tomada.", "Antes de limpar o filtro, desligue."),
    ("My grandmother kept her letters in a tin box, but nobody was ever allowed to read them.", "A minha avó guardava as cartas numa caixa de lata, mas ninguém podia lê-las.", "A minha avó guardava as cartas."),
    ("The council will repair the bridge in spring, provided that the river does not rise again.", "A câmara vai reparar a ponte na primavera, desde que o rio não volte a subir.", "A câmara vai reparar a ponte."),
    ("If the fever lasts longer than a week or a rash appears, you should see a doctor at once.", "Se a febre durar mais de uma semana ou aparecer uma erupção na pele, deve ir logo ao médico.", "Se a febre durar mais de uma semana."),
    # Wrong language: left in English, Spanish, French, left in English, German.
    ("The children built a hut from old boards and painted it green.", "As crianças construíram uma cabana com tábuas velhas e pintaram-na de verde.", "The children built a hut from old boards and painted it green."),
    ("We missed the last bus and had to walk home in the rain.", "Perdemos o último autocarro e tivemos de ir para casa a pé, à chuva.", "Perdimos el último autobús y tuvimos que volver a casa andando bajo la lluvia."),
    ("The gardener waters the roses early, when the soil is still cool.", "O jardineiro rega as rosas cedo, quando a terra ainda está fresca.", "Le jardinier arrose les roses de bonne heure, quand la terre est encore fraîche."),
    ("Her brother repairs clocks in a small workshop behind the station.", "O irmão dela conserta relógios numa pequena oficina atrás da estação.", "Her brother repairs clocks in a small workshop behind the station."),
    ("Please leave your umbrella at the entrance of the museum.", "Por favor, deixe o guarda-chuva à entrada do museu.", "Bitte lassen Sie Ihren Regenschirm am Eingang des Museums stehen."),
    # Number changed.
    ("The train to Porto leaves at 8.40 from platform 3.", "O comboio para o Porto parte às 8h40 da linha 3.", "O comboio para o Porto parte às 6h10 da linha 7."),
    ("The company employs 250 people in 12 countries.", "A empresa emprega 250 pessoas em 12 países.", "A empresa emprega 2500 pessoas em 21 países."),
    ("Take two tablets after each meal for five days.", "Tome dois comprimidos depois de cada refeição durante cinco dias.", "Tome seis comprimidos depois de cada refeição durante nove dias."),
    ("The tower was finished in 1895 and is 61 metres high.", "A torre ficou pronta em 1895 e tem 61 metros de altura.", "A torre ficou pronta em 1985 e tem 16 metros de altura."),
    ("The rent will rise by 4 per cent on 1 July.", "A renda vai subir 4 por cento a 1 de julho.", "A renda vai subir 40 por cento a 11 de julho."),
    # Word salad.
    ("The teacher asked the pupils to write down what they had seen in the forest.", "A professora pediu aos alunos que escrevessem o que tinham visto na floresta.", "Escrevessem floresta na que o aos visto pediu tinham professora alunos a."),
    ("Fresh fish is sold at the harbour as soon as the boats come in.", "O peixe fresco é vendido no porto assim que os barcos chegam.", "Chegam fresco assim vendido barcos é no os que peixe porto o."),
    ("Nobody knew why the old clock had stopped on that night.", "Ninguém sabia por que o velho relógio tinha parado naquela noite.", "Parado por naquela velho tinha ninguém relógio noite sabia o que."),
    ("The report explains how the money was spent and who agreed to it.", "O relatório explica como o dinheiro foi gasto e quem concordou com isso.", "Gasto isso como o com e explica foi quem dinheiro relatório concordou o."),
    ("She learned to swim when she was already a grandmother.", "Ela aprendeu a nadar quando já era avó.", "Avó quando nadar já ela a era aprendeu."),
]  # fmt: skip
"""Source, good translation, spoiled translation."""
