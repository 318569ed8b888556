"""Answers as models really give them, and translations that must come out as they went in."""

from __future__ import annotations

import pytest

from scalemt.memory import packaged_demonstrations
from scalemt.memory.demonstrations import packaged_languages
from scalemt.prompts import load_template
from scalemt.quality.cleaning import clean
from scalemt.types import Pair

LABELS = load_template("scale").answer_labels(Pair("pt", "en"))
SOURCE = "O trem sai ao meio-dia."
CLEAN = "The train leaves at noon."


@pytest.mark.parametrize(
    "answer",
    [
        CLEAN,
        f"  {CLEAN}\n",
        f"\n\n{CLEAN}\n\n",
        # Scores of the prompt, echoed.
        "The(0.62) train(0.91) leaves(1.00) at(0.05) noon.(0.77)",
        # Labels of the template.
        f"Target sentence: {CLEAN}",
        f"target sentence:{CLEAN}",
        f"Target sentence: Target sentence: {CLEAN}",
        f"Source sentence: {SOURCE}\nPotentially useful reference answer: A train.\nTarget sentence: {CLEAN}",
        f"{CLEAN}\n\nSource sentence: Bom dia.\nTarget sentence: Good morning.",
        # Chatter.
        f"Here is the translation: {CLEAN}",
        f"Here's the refined translation:\n\n{CLEAN}",
        f"Sure! Here is the translation of the sentence into English: {CLEAN}",
        f"Certainly, here is the translation:\n{CLEAN}",
        f"Translation: {CLEAN}",
        f"The translation is: {CLEAN}",
        f"The final translation: {CLEAN}",
        f"Translation into English: {CLEAN}",
        f"Tradução: {CLEAN}",
        f"Traduction : {CLEAN}",
        f"{CLEAN}\n\nNote: “trem” is the Brazilian word.",
        f"{CLEAN}\nExplanation: the draft was right.",
        # Fences, bold, quotes.
        f"```\n{CLEAN}\n```",
        f"```text\n{CLEAN}\n```",
        f"```{CLEAN}```",
        f"`{CLEAN}`",
        f"**{CLEAN}**",
        f"**Target sentence:** {CLEAN}",
        f'"{CLEAN}"',
        f"“{CLEAN}”",
        f"«{CLEAN}»",
        f"« {CLEAN} »",
        f"„{CLEAN}“",
        f"»{CLEAN}«",
        f"‘{CLEAN}’",
        f"「{CLEAN}」",
        f'Target sentence: "{CLEAN}"',
        # Enumerations and several candidates.
        f"1. {CLEAN}\n2. The train departs at noon.\n3. The train goes at noon.",
        f"1) {CLEAN}",
        f"- {CLEAN}\n- The train departs at midday.",
        f"• {CLEAN}",
        f"Here are two translations:\n1. {CLEAN}\n2. The train departs at noon.",
        f"{CLEAN}\nThe train departs at noon.",
        f"{CLEAN}\r\nThe train departs at noon.",
        # What servers and reasoning models leave in.
        f"<think>\nThe word trem means train.\n</think>\n\n{CLEAN}",
        f"<think></think>{CLEAN}",
        # Thoughts: a template had opened the tag; nested, twice, in other tags, in the target language.
        f"The word trem means train, so: The train goes.\n</think>\n{CLEAN}",
        f"<think>a</think> b </think>{CLEAN}",
        f"<think>one <think>two</think> three</think>{CLEAN}",
        f"<think>\n<think>Okay.\n</think>\n\n{CLEAN}",
        f"<think>The train departs.</think>{CLEAN}<think>Is noon right?</think>",
        f"{CLEAN}\n<think>Was that right? The train leaves",
        f"<think>The train leaves.</think>\n\n{CLEAN}",
        f"<THINKING>The train leaves.</thinking>{CLEAN}",
        f"< think >The train leaves.< / think >{CLEAN}",
        f'<thought time="3">The train leaves.</thought><output>{CLEAN}</output>',
        f"<reasoning>The train leaves.</reasoning><answer>\n{CLEAN}\n</answer>",
        f"<reflection>Hm.</reflection>{CLEAN}",
        f"[THINK]The train leaves.[/THINK]{CLEAN}",
        f"◁think▷The train leaves.◁/think▷{CLEAN}",
        f"<|START_THINKING|>Hm.<|END_THINKING|>{CLEAN}",
        f"<seed:think>Hm.</seed:think>{CLEAN}",
        f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{CLEAN}<|return|>",
        f"<|channel>thought\nHm.<channel|>{CLEAN}",
        f"{CLEAN}<|im_end|>",
        f"{CLEAN}</s><s>[INST]",
        f"{CLEAN}<end_of_turn>\nuser",
        "The  train\tleaves at noon.",
    ],
)
def test_what_models_put_around_a_translation(answer: str) -> None:
    assert clean(answer, SOURCE, LABELS) == CLEAN


def test_a_thought_about_a_source_with_such_tags_is_none_of_its_translation() -> None:
    source = "O elemento <think> fica."
    assert (
        clean("<think>It names a tag.</think>The element <think> stays.", source) == "The element <think> stays."
    )
    assert clean("<think>It names a tag, <think>, and", source) == ""


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " ",
        "\n\n",
        "```\n```",
        "Target sentence:",
        "Here is the translation:",
        "<think>never ends",
        "<think>\nThe train leaves at noon. But",
        "<think>a</think><think>b",
        "The train leaves, I think.</think>",
        "[THINK]The train leaves at noon.",
        "<|channel|>analysis<|message|>The train leaves at noon.",
        "</s>",
        "**",
    ],
)
def test_nothing_in_it(answer: str) -> None:
    assert clean(answer, SOURCE, LABELS) == ""


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("O elemento <think> fica.", "The element <think> stays."),
        ("Feche com </think>.", "Close it with </think>."),
        ("<think>olá</think> adeus", "<think>hello</think> goodbye"),
        ("<output>3</output> erros", "<output>3</output> errors"),
        ("“Olá”, disse ela.", "“Hello,” she said."),
        ("«Sí»", "“Yes”"),
        ('"Yes"', '"Sim"'),
        ("Ela disse “olá” e “adeus”.", "“Hello” and “goodbye”, she said."),
        ("A função f(0.50) é nula.", "The function f(0.50) is zero."),
        ("O valor é (0.50).", "The value is (0.50)."),
        ("1. Abra a porta.", "1. Open the door."),
        ("2) Feche a porta.", "2) Close the door."),
        ("- Pão\u00a0integral", "- Wholemeal bread"),
        ("* Campo obrigatório", "* Required field"),
        ("On May 3, 2020, it rained.", "3. Mai 2020: Es regnete."),
        ("The third of May was a Friday.", "3. Mai war ein Freitag."),
        ("“Hello,” he said.", "- Olá, disse ele."),
        ("“Hello,” he said.", "— Olá — disse ele."),
        ("(See page 3.)", "(Veja a página 3.)"),
        ("Aqui está a lista: pão, leite e ovos.", "Here is the list: bread, milk and eggs."),
        ("Aquí están los resultados: 3 y 4.", "Here are the results: 3 and 4."),
        ("Tradução: Ana Costa.", "Translation: Ana Costa."),
        ("Translation: Ana Costa.", "Tradução: Ana Costa."),
        ("Claro, aqui está o plano: dormir.", "Sure, here is the plan: sleep."),
        ("Frase alvo: o que se quer.", "Target sentence: what one wants."),
        ("O **negrito** fica.", "The **bold** stays."),
        ("Escreva `ls` no terminal.", "`ls` is what you type."),
        ("Use a tag </s> para riscar.", "Use the tag </s> to strike out."),
        ("O pé é 's Gravenhage", "'s Gravenhage is the foot"),
        ("Qui va payer ?", "Qui va payer\u00a0?"),
        ("10,000 people", "10\u202f000 personnes"),
        ("日本語", "日本\u3000語"),
        ("Sure", "Certo"),
        ("Ok.", "Ok."),
    ],
)
def test_what_belongs_to_the_translation_stays(source: str, answer: str) -> None:
    assert clean(answer, source, LABELS) == answer


def test_a_clean_translation_comes_out_unchanged() -> None:
    """Every sentence of the packaged pool, as the translation of its counterpart in every other language."""
    tags = packaged_languages()
    for source_tag in tags:
        for target_tag in tags:
            pair = Pair(source_tag, target_tag)
            labels = [*LABELS, *load_template("plain").answer_labels(pair)]
            for item in packaged_demonstrations(pair):
                assert clean(item.target, item.source, labels) == item.target


@pytest.mark.parametrize(
    "opening", ['"{}"', "“{}”", "- {}", "3. {}", "({})", "— {}", "… {}", "¿{}?", "{}:", "{} …"]
)
def test_signs_that_the_source_has_too_stay(opening: str) -> None:
    text = "Maio foi um mês bom"
    assert clean(opening.format(text), opening.format("May was a good month"), LABELS) == opening.format(text)


def test_cleaning_twice_changes_nothing_more() -> None:
    answer = '**Sure! Here is the translation:**\n1. "The(0.62) train"\n2. x'
    once = clean(answer, SOURCE, LABELS)
    assert once == "The train"
    assert clean(once, SOURCE, LABELS) == once


def test_a_plain_label_names_the_language() -> None:
    labels = load_template("plain").answer_labels(Pair("en", "pt"))
    assert clean("Portuguese: O trem sai.", "The train leaves.", labels) == "O trem sai."
    assert clean("Draft: O trem sai.", "The train leaves.", labels) == "O trem sai."


def test_a_long_answer_is_cleaned_in_one_pass() -> None:
    text = "word " * 20_000
    assert clean(f"Here is the translation: {text}", SOURCE, LABELS) == text.strip()
    assert clean("(" * 50_000, SOURCE, LABELS) == "(" * 50_000


def test_control_characters_and_lone_surrogates_are_dropped_unless_the_source_has_them() -> None:
    assert clean("a\x1b[31m casa\x07\ud83d azul\x00", "the blue house") == "a[31m casa azul"
    assert clean("a \x02casa\x02", "the \x02house\x02") == "a \x02casa\x02"
