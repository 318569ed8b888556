"""Words that are no terms: closed classes of a few languages, and what a word must look like to be one."""

from __future__ import annotations

from scalemt import languages
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import Token

SHORTEST = 4
"""Letters of a word in small letters that can be a term by itself, in scripts that part words by spaces."""

# Articles, pronouns, prepositions, conjunctions, auxiliaries, adverbs of four letters and more: shorter ones are
# never looked at. By hand, for the languages that packaged specialists read; for others length alone decides.
_FUNCTION = {
    "en": """
        able about above according across actually after again against ahead almost alone along already
        also although always amid among amongst another anybody anyone anything anyway anywhere around
        aside away back because become becomes been before behind being below beneath beside besides
        between beyond both cannot come comes could despite does doing done down during each either else
        enough especially even ever every everybody everyone everything everywhere except feel first
        following form from further generally give given gives goes going gone good gotten hardly have
        having hence here hers herself high himself however including indeed inside instead into itself
        just keep know known last later least left less like likely long mainly make makes making many
        maybe mean meanwhile mere merely might mine more moreover most mostly much must myself namely near
        nearly neither never nevertheless next nobody none nonetheless nothing nowhere often once only
        onto other others otherwise ought ours ourselves outside over overall particularly past people
        perhaps please possibly probably quite rather really recently regarding right said same second
        seem seems several shall should similarly since some somebody somehow someone something sometimes
        somewhat somewhere soon still such take taken takes tell than thank thanks that their theirs them
        themselves then thence there thereby therefore these they thing things this those though three
        through throughout thus till today together tomorrow toward towards twice under underneath unless
        unlike until upon usually various very want wants well went were what whatever when whence whenever
        where whereas whereby wherein wherever whether which whichever while whoever whole whom whose will
        with within without would yeah year years yesterday your yours yourself yourselves
    """,
    "pt": """
        acaso acima afinal agora ainda algo algum alguma algumas alguns alguém além ambos antes após
        aquela aquelas aquele aqueles aqui aquilo assim através bastante cada caso certa certo como
        conforme contra contudo cuja cujo daquele dela delas dele deles demais dentro depois desde dessa
        desse desta deste dever devido disso disto durante elas eles embora enquanto entanto entre então
        essa essas esse esses esta estar estas estava este estes está estão fazer foram fosse haver isso
        isto junto lhes logo mais mediante meio menos mesma mesmo minha muita muitas muito muitos nada
        nela nele nenhum nenhuma nessa nesse nesta neste ninguém nossa nosso numa outra outras outro
        outros para pela pelas pelo pelos perante perto pode podem poder pois porque portanto porém pouca
        pouco primeiro própria próprio quais qual qualquer quando quanto quase quem sempre sendo senão
        seria seus sido sobre somente suas tais talvez também tampouco tanto tendo tenha teve tinha toda
        todas todavia todo todos tudo umas você vocês vosso vários
    """,
    "es": """
        acaso acerca además ahora algo alguien alguna algunas alguno algunos algún allí ambos ante antes
        apenas aquel aquella aquellas aquellos aquí asimismo aunque bajo bastante bien cada casi como
        conforme contra cual cuales cualquier cuando cuanto cuya cuyo cómo debe deben debido dentro desde
        después donde durante ella ellas ellos embargo encima entonces entre eran esas esos esta estaba
        estar estas este estos está están fueron fuese haber hace hacer hacia hasta incluso junto luego
        mediante medio menos mientras misma mismo mucha muchas mucho muchos nada nadie ninguna ninguno
        ningún nosotros nuestra nuestro nunca otra otras otro otros para pero poco pocos porque primero
        propia propio puede pueden pues quien quienes quizá según seria será sería sido siempre siendo
        sino sobre solamente solo suyo tales también tampoco tanto tener tenía tiene tienen toda todas
        todavía todo todos tras unas unos usted ustedes varios
    """,
    "ca": """
        abans així això algun alguna algunes alguns allò altra altre altres aquell aquella aquells aquest
        aquesta aquestes aquests aquí cada cadascun contra damunt després dins durant ella elles ells
        encara entre essent estan estar fins haver havia mateix mateixa mentre mentrestant menys molt
        molta moltes molts només nosaltres nostra nostre perquè però poden poder potser qual quals
        qualsevol quan quant quasi quelcom segons sempre sense seus seva seves sobre també tampoc
        tanmateix tenen tenir tota totes tots unes vegada vosaltres vostre
    """,
    "gl": """
        algo algunha algunhas alguén algún ante antes aquel aquela aqueles aquilo aquí aínda baixo
        bastante cada case como conforme contra dela deles dende dentro desde despois durante elas eles
        embora entre entón esas eses esta estar estas este estes está están facer foron haber isso isto
        logo medio menos mentres mesma mesmo moita moito máis nada ninguén ningún nosa noso nunca outra
        outras outro outros para pero pode poden poder porque pouco propio quen segundo sempre sendo senón
        será seus sido sobre súas tampouco tamén tanto teñen toda todas todo todos unha unhas varios
    """,
    "eu": """
        aldera aldiz arabera artean asko askoz baina baino baita baizik batzuk bera beraz bere beren
        berriz bezala bidez dago daude denak dira diren ditu dituen dituzte duen dute duten edota egin
        egiten egon eran ezin gabe gehiago gero gertu guzti guztiak haiek haien hain hala hark hartan
        hauek hauen hemen honek hori horiek horren izan izango izaten nahiz nola nondik noski ondoren
        orain oraindik zein zeren zertan ziren zituen zuen zuten
    """,
    "fr": """
        afin ainsi alors après aucun aucune aussi autant autre autres avaient avait avant avec avoir
        beaucoup cela celle celles celui cependant certains cette ceux chacun chaque chez comme comment
        contre dans depuis derrière dessous dessus deux devant doit doivent donc dont durant elle elles
        encore enfin ensuite entre faire fait hors jamais jusque leur leurs lors lorsque mais malgré moins
        même mêmes notre nous parce parfois parmi pendant peut peuvent plus plusieurs plutôt pour pourquoi
        pouvoir presque puis quand quel quelle quelles quelque quelques quels sans sauf selon sera serait
        seulement sinon soit sont sous souvent suivant surtout tandis tant telle tels toujours tous tout
        toute toutes trop très vers votre vous étaient était être
    """,
    "de": """
        aber alle allem allen aller alles also andere anderen anderer anderes auch außer beide beiden beim
        bereits bevor bisher dabei dadurch dafür dagegen daher damit danach dann daran darauf daraus darin
        darum darüber dass davon dazu dein deine denen denn dennoch deren derer deshalb dessen diese
        diesem diesen dieser dieses doch dort durch eben ebenso eigentlich eine einem einen einer eines
        einige einigen etwa etwas euch euer falls fast ganz gegen gibt haben hatte hatten hier hinter
        ihnen ihre ihrem ihren ihrer immer indem innerhalb jede jedem jeden jeder jedes jedoch jemand jene
        jetzt kann kein keine keinem keinen keiner können könnte machen manche mehr mehrere meine muss
        müssen nach nachdem nahezu neben nicht nichts niemand noch obwohl oder ohne schon sehr sein seine
        seinem seinen seiner seit selbst sich sind sobald sofern sogar solche solchen soll sollen sollte
        sondern sonst soweit sowie sowohl trotz unser unter viele vielen vielleicht wann waren warum wegen
        weil weiter welche welchen welcher wenig wenige wenn werden wieder wird wollen worden wurde wurden
        während würde zudem zwar zwischen über
    """,
}
_SETS = {language: frozenset(words.split()) for language, words in _FUNCTION.items()}


def is_content(token: Token, language: str) -> bool:
    """Whether a word can be a term, or begin or end one: no sign, number, function word, or short small word.

    Args:
        token: one unit of a text.
        language: a canonical tag.
    """
    word = token.text
    if token.kind != "word" or not word[0].isalpha():
        return False
    if len(word) < SHORTEST and word[1:] == word[1:].lower():  # abbreviations have capitals inside
        return False
    return not is_function(token.folded, language)


def is_function(folded: str, language: str) -> bool:
    """Whether a case-folded word is of a closed class of its language, as far as that is known."""
    return folded in _SETS.get(languages.base(language).split("-")[0], frozenset())


def singular(word: str, language: str) -> str:
    """Return an English word without the ending of a regular plural; of other languages, the word."""
    if languages.base(language) != "en" or not word.endswith("s"):
        return word
    if word[:-1].isupper() or (len(word) > 2 and word[-2].isupper()):  # CoVs, PCRs
        return word[:-1]
    lemma = forms(language).lemma(word)
    regular = (f"{lemma}s", f"{lemma}es", f"{lemma[:-1]}ies" if lemma.endswith("y") else "")
    return lemma if word in regular else word


def is_headword(word: str, language: str) -> bool:
    """Whether a word in small letters stands in a dictionary as it is, or is the plural of one that does.

    Forms of verbs and of adjectives do not: what renders them agrees with the words around it.
    """
    return word.islower() and forms(language).lemma(word) in (word, singular(word, language))
