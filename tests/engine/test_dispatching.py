"""Methods that dispatch: the engine has several plans translate, each the segments that a router gives it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers import EN_PT, WORDS, DictionarySpecialist, english_portuguese
from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.crew import DispatchPlan
from scalemt.errors import (
    ConfigurationError,
    DeadlineError,
    MissingExtraError,
    SpecialistError,
    UnknownNameError,
)
from scalemt.generalists.fake import Answer, FakeGeneralist, FakeScoringGeneralist
from scalemt.memory import MemoryStore, Unit
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.translations import as_json
from scalemt.types import Draft, Pair, Prompt, Segment, Translation


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))


def answering(prompt: Prompt) -> Answer:
    """A generalist that writes about the old house, whatever it is asked."""
    return "a casa é velha"


GRAPH = """
[workers.plain]
method = "draft"
cost = 0
neighbours = ["better"]

[workers.better]
method = "refine"
cost = 1

[workers.long]
method = "few-shot"
when = ["words >= 5"]
cost = 2
"""


class Case:
    """An engine over a graph, and the backends that it works with."""

    def __init__(
        self, tmp_path: Path, graph: str = GRAPH, generalist: FakeGeneralist | None = None, **fields: Any
    ) -> None:
        path = tmp_path / "graph.toml"
        path.write_text(graph, "utf-8")
        options = {"graph": str(path), **fields.pop("options", {})}
        self.notices: list[str] = []
        self.specialist = fields.pop("specialist", None) or english_portuguese()
        self.generalist = generalist or FakeGeneralist(answering)
        configuration = fields.pop("configuration", None)
        given = {"method": "route", "shots": 0, "gate": "checks", "cache": False, "options": options, **fields}
        self.engine = Engine(
            Profile(**given),
            configuration,
            specialists=[self.specialist],
            generalist=self.generalist,
            notice=self.notices.append,
        )

    def __call__(self, *texts: str | Segment) -> list[Translation]:
        return self.engine.translate(texts, "en", "pt")

    @property
    def plan(self) -> DispatchPlan:
        plan = self.engine.plan("en", "pt")
        assert isinstance(plan, DispatchPlan)
        return plan


def told(item: Translation, step: str = "route") -> list[tuple[str, str]]:
    return [(one.outcome, one.reason) for one in item.decisions if one.step == step]


def test_each_segment_goes_to_its_worker_and_all_come_out_in_order(tmp_path: Path) -> None:
    case = Case(tmp_path)
    texts = ["the house", "the green house is very old", "", "the house is blue", "the old house is very blue"]
    done = case(*texts)
    assert [item.segment.text for item in done] == texts
    assert [[step.worker for step in item.steps] for item in done] == [
        ["plain"],
        ["long"],
        [],
        ["plain"],
        ["long"],
    ]
    assert [item.text for item in done] == ["a casa", "a casa é velha", "", "a casa é azul", "a casa é velha"]
    assert {item.method for item in done} == {"route"}
    assert len({item.signature for item in done}) == 1
    assert "workers:plain:" in done[0].signature
    assert len(case.generalist.prompts) == 2, "only who was given a prompt is asked"


def test_the_pieces_of_one_worker_go_together(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case("the house", "the green house is very old", "blue", "the old house is very blue")
    assert case.specialist.calls == 1, "drafts are made once, for the router and for who drafts"


def test_a_neighbour_goes_on_where_the_draft_is_doubtful(tmp_path: Path) -> None:
    case = Case(tmp_path)
    sure, doubtful = case("the house is blue", "the mossy barn")
    assert told(sure)[-1] == ("no further step", "not better: doubt 0.10, a step is taken from 0.25 on")
    assert [step.worker for step in doubtful.steps] == ["plain", "better"]
    assert [step.router for step in doubtful.steps] == ["rules", "edge"]
    assert doubtful.text == "a casa é velha"
    assert [step.text for step in doubtful.steps] == ["a mossy barn", "a casa é velha"]
    assert told(doubtful)[1][0] == "better"
    assert "goes on after plain: doubt" in told(doubtful)[1][1]
    assert doubtful.usage.calls == 1
    # What the first worker made is the draft that the second one is shown, and that the gate compares with.
    assert "a(0.90) mossy(0.00) barn(0.00)" in case.generalist.prompts[0].content
    first = doubtful.candidates[0]
    assert (first.origin, first.text) == ("draft", "a mossy barn")


def test_steps_are_bounded(tmp_path: Path) -> None:
    (doubtful,) = Case(tmp_path, options={"steps": 1})("the mossy barn")
    assert [step.worker for step in doubtful.steps] == ["plain"]
    with pytest.raises(ConfigurationError, match="steps is 9"):
        Case(tmp_path, options={"steps": 9}).plan  # noqa: B018


def test_a_neighbour_with_a_condition_goes_on_where_it_holds(tmp_path: Path) -> None:
    glossary = tmp_path / "terms.tsv"
    glossary.write_text("en\tpt\nhouse\tmoradia\n", "utf-8")
    graph = GRAPH.replace('["better"]', '["terms"]').replace("workers.better", "workers.terms")
    graph = graph.replace('method = "refine"', 'method = "terminology"\nwhen = ["missed >= 1"]')
    case = Case(tmp_path, graph, FakeGeneralist(lambda _: "a moradia é azul"), glossary=str(glossary))
    house, blue = case("the house is blue", "blue")
    # The condition holds of the probing draft too: then the worker is given the segment at once.
    assert [step.worker for step in house.steps] == ["terms"]
    assert house.text == "a moradia é azul"
    assert [step.worker for step in blue.steps] == ["plain"]


def test_the_source_is_never_rewritten_and_tags_are_kept(tmp_path: Path) -> None:
    def with_tags(prompt: Prompt) -> Answer:
        opening, closing = re.findall(r"<[^>]+>", prompt.messages[-1].content.splitlines()[0])
        return f"o {opening}celeiro{closing} musgoso"

    case = Case(tmp_path, generalist=FakeGeneralist(with_tags))
    text = "the mossy <b>barn</b>"
    (item,) = case(text)
    assert item.segment.text == text
    assert [step.worker for step in item.steps] == ["plain", "better"]
    assert item.text == "o <b>celeiro</b> musgoso"
    assert all(prompt.content.count("the mossy") == 1 for prompt in case.generalist.prompts)


def test_a_long_segment_is_routed_piece_by_piece(tmp_path: Path) -> None:
    case = Case(tmp_path)
    (item,) = case("the house\nthe green house is very old")
    assert item.text == "a casa\na casa é velha"
    assert [step.worker for step in item.steps] == ["plain", "long"]


def test_who_fails_is_replaced_by_the_general_worker(tmp_path: Path) -> None:
    generalist = FakeGeneralist(lambda _: DeadlineError("No answer within 5 s."))
    (item,) = Case(tmp_path, generalist=generalist, options={"doubt": 9})("the green house is very old")
    assert item.text == "a verde casa é very velha"
    assert item.error is None
    assert [(step.worker, step.router, step.kept) for step in item.steps] == [
        ("long", "rules", False),
        ("plain", "fallback", True),
    ]
    assert ("plain", "long failed: No answer within 5 s.") in told(item)


def test_a_step_that_fails_is_undone(tmp_path: Path) -> None:
    generalist = FakeGeneralist(lambda _: DeadlineError("No answer within 5 s."))
    (item,) = Case(tmp_path, generalist=generalist, gate="off")("the mossy barn")
    assert item.text == "a mossy barn"
    assert [step.kept for step in item.steps] == [True, False]
    assert told(item)[-1] == ("step undone", "better failed: No answer within 5 s.")


class Broken(DictionarySpecialist):
    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        raise SpecialistError("The model is damaged.")


def test_without_a_draft_to_look_at_a_router_knows_less(tmp_path: Path) -> None:
    graph = GRAPH.replace('cost = 0\nneighbours = ["better"]', 'cost = 0\nwhen = ["words <= 2"]')
    graph = f'general = "long"\n{graph}'.replace('method = "refine"', 'method = "refine"\nwhen = ["words <= 2"]')
    (item,) = Case(tmp_path, graph, specialist=Broken({EN_PT: WORDS}))("the green house is very old")
    assert item.text == "a casa é velha"
    assert told(item)[0] == ("no draft", "nothing is known of a draft: The model is damaged.")


def test_who_cannot_be_built_is_left_out_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(spec: str, *_: object) -> None:
        raise MissingExtraError("thot", "thot")

    monkeypatch.setattr("scalemt.engine.crew.build_specialist", missing)
    graph = GRAPH + '\n[workers.other]\nspecialists = ["thot"]\n[workers.far]\npairs = [["gl", "en"]]\n'
    graph += '[workers.terms]\nmethod = "terminology"\n'
    case = Case(tmp_path, graph)
    assert [item.name for item in case.plan.workers] == ["plain", "better", "long"]
    assert set(case.plan.left_out) == {"other", "far", "terms"}
    assert "pip install 'scalemt[thot]'" in case.plan.left_out["other"]
    assert "needs a glossary" in case.plan.left_out["terms"]
    assert any("The worker far is left out" in note for note in case.notices)
    with pytest.raises(ConfigurationError, match=r"No worker of the graph graph can take en->pt\. far: it is for"):
        Case(tmp_path, '[workers.far]\npairs = [["gl", "en"]]').plan  # noqa: B018


def test_what_is_wrong_however_it_is_built_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="worker plain: colour is 'red': there is no such field"):
        Case(tmp_path, GRAPH.replace("cost = 0", 'colour = "red"')).plan  # noqa: B018
    with pytest.raises(UnknownNameError, match="no method named 'dream'"):
        Case(tmp_path, GRAPH.replace('"draft"', '"dream"')).plan  # noqa: B018
    with pytest.raises(ConfigurationError, match="worker better: shots is 99"):
        Case(tmp_path, GRAPH.replace("cost = 1", "shots = 99")).plan  # noqa: B018
    with pytest.raises(ConfigurationError, match="rounds is 0"):
        Case(tmp_path, GRAPH.replace('"refine"', '"ladder"\noptions = {rounds = 0}')).plan  # noqa: B018
    with pytest.raises(UnknownNameError, match="no domain of the graph"):
        Case(tmp_path, options={"domain": "law"}).plan  # noqa: B018


def test_a_worker_may_be_a_named_profile_but_none_that_routes(tmp_path: Path) -> None:
    profiles: dict[str, dict[str, Any]] = {
        "default": {},
        "mine": {"method": "refine", "gate": "off", "seed": 7},
        "loop": {"method": "route"},
    }
    configuration = Configuration(profiles=profiles)
    graph = GRAPH.replace('method = "refine"', 'profile = "mine"\nshots = 0')
    case = Case(tmp_path, graph, configuration=configuration, threads=1)
    (better,) = [hand for hand in case.plan.hands if hand.worker.name == "better"]
    assert (better.profile.name, better.profile.gate, better.profile.seed) == ("mine", "off", 7)
    assert (better.profile.threads, better.profile.cache) == (1, False), "how a run works is the caller's affair"
    with pytest.raises(ConfigurationError, match="better routes in its turn, by the profile loop"):
        Case(tmp_path, graph.replace("mine", "loop"), configuration=configuration).plan  # noqa: B018
    with pytest.raises(UnknownNameError, match="profile named 'none'"):
        Case(tmp_path, graph.replace("mine", "none"), configuration=configuration).plan  # noqa: B018


def test_models_are_built_once_whatever_number_of_workers_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def build(spec: str, *_: object) -> DictionarySpecialist:
        built.append(spec)
        return english_portuguese()

    def generalist(spec: str, *_: object) -> FakeGeneralist:
        built.append(spec)
        return FakeGeneralist(answering)

    monkeypatch.setattr("scalemt.engine.crew.build_specialist", build)
    monkeypatch.setattr("scalemt.engine.assembly.build_generalist", generalist)
    workers = [
        f'[workers.{name}]\nmethod = "{method}"\nspecialists = ["thot"]\ngeneralist = "transformers:x"\n'
        for name, method in (("a", "refine"), ("b", "ladder"))
    ]
    case = Case(tmp_path, GRAPH + "".join(workers))
    roads = {hand.worker.name: hand.plan.kit.road for hand in case.plan.hands}
    case.engine.plan("pt", "en")
    assert built == ["thot", "transformers:x"]
    assert roads["a"].specialist is roads["b"].specialist  # type: ignore[union-attr]
    assert roads["plain"].specialist is case.specialist  # type: ignore[union-attr]
    assert {id(part.generalist) for part in case.plan.parts() if part.generalist} == {
        id(case.generalist),
        id(case.plan.parts()[-1].generalist),
    }


def test_a_budget_of_nothing_leaves_out_who_asks(tmp_path: Path) -> None:
    case = Case(tmp_path, budget=0.0)
    assert [item.name for item in case.plan.workers] == ["plain"]
    (item,) = case("the green house is very old")
    assert item.text == "a verde casa é very velha"
    assert case.generalist.prompts == []


def test_a_budget_bounds_what_neighbours_ask(tmp_path: Path) -> None:
    graph = GRAPH.partition("[workers.long]")[0]
    case = Case(tmp_path, graph, budget=0.5)
    done = case("the mossy barn", "the murky pond", "the dusty attic", "the muddy lane")
    assert sum(item.usage.calls for item in done) == 2
    assert len(case.generalist.prompts) == 2


def test_drafts_made_elsewhere_belong_to_other_methods(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text('{"text": "a casa"}\n', "utf-8")
    engine = Engine(Profile(method="route", cache=False), drafts=RecordedSpecialist(path))
    with pytest.raises(ConfigurationError, match="go with another method"):
        engine.plan("en", "pt")


def test_what_a_memory_holds_is_given_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = MemoryStore(path, create=True)
    store.add([Unit("the green house is very old", "a casa verde é muito velha", EN_PT)])
    store.close()
    case = Case(tmp_path, memories=(str(path),))
    known, new = case("the green house is very old", "the house")
    assert (known.text, known.steps) == ("a casa verde é muito velha", ())
    assert [step.worker for step in new.steps] == ["plain"]
    case.engine.correct("the house", "o lar", "en", "pt")
    assert case("the house")[0].text == "o lar"


def test_batches_and_streams_come_to_the_same(tmp_path: Path) -> None:
    texts = ["the house", "the green house is very old", "the mossy barn", "blue", "the murky pond"] * 4
    case = Case(tmp_path, batch=3)
    streamed = [item.text for item in case(*texts)]
    segments = [Segment(text, str(number)) for number, text in enumerate(texts)]
    rows = case.engine.batches([segments[:7], segments[7:]], "en", "pt")
    assert [item.text for row in rows for item in row] == streamed


def test_a_token_is_asked_for_when_answers_are(tmp_path: Path) -> None:
    def say(prompt: Prompt) -> Answer:
        if "Answer with the token" not in prompt.content:
            return "a casa é velha"
        return "<better>" if "barn" in prompt.messages[-1].content else "I think <plain>"

    case = Case(tmp_path, generalist=FakeGeneralist(say), options={"router": "token"})
    barn, house = case("the barn", "the house")
    assert [step.worker for step in barn.steps] == ["better"]
    assert barn.usage.calls == 2
    assert told(barn)[0] == ("better", "token: the model answered <better>")
    assert [step.worker for step in house.steps] == ["plain"]
    assert told(house)[0] == (
        "by rules",
        "the router could not choose: the answer 'I think <plain>' is no token of a worker",
    )
    assert house.usage.calls == 1
    # Without asking anybody, as a dry run does, the rules choose.
    prompts = list(case.engine.prompts(["the green house is very old", "blue"], "en", "pt"))
    assert [segment.text for segment, _ in prompts] == ["the green house is very old"]


def test_probabilities_of_a_token_are_told(tmp_path: Path) -> None:
    generalist = FakeScoringGeneralist(
        answering, scores=lambda prompt, token: -1.0 if "better" in token and "barn" in prompt.content else -2.0
    )
    (item,) = Case(tmp_path, generalist=generalist, options={"router": "token"})("the barn")
    (step,) = item.steps
    assert (step.worker, step.alternatives) == ("better", ("plain", "long"))
    assert dict(step.probabilities)["better"] == pytest.approx(0.576, abs=1e-3)
    assert "better 0.58, plain 0.21, long 0.21" in told(item)[0][1]
    (shown,) = as_json(item)["steps"]
    assert shown["probabilities"]["long"] == pytest.approx(0.212, abs=1e-3)


def test_a_learned_router_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="scalemt bench routing fits one"):
        Case(tmp_path, options={"router": "learned"}).plan  # noqa: B018
