"""What README.md and docs/ say is true: commands, links, files, tables, options and prompts are as written."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

from scalemt.caching import KINDS
from scalemt.caching.units import LIMIT_VARIABLE
from scalemt.cli import COMMANDS, cli
from scalemt.cli.output import as_json
from scalemt.config import BUILT_IN, Profile
from scalemt.data import read_configuration
from scalemt.data.filters.known import FILTERS
from scalemt.data.synthesis import KINDS as KINDS_OF_SYNTHESIS
from scalemt.data.synthesis import read_synthesis
from scalemt.engine.backends import build_specialist
from scalemt.evaluation.alignment import ALIGNERS
from scalemt.evaluation.metrics import METRICS
from scalemt.evaluation.metrics.worker import BLEURT_LIBRARY, COMET_LIBRARY
from scalemt.evaluation.suite import Suite
from scalemt.generalists import GENERALISTS
from scalemt.memory import SELECTORS, load_demonstrations
from scalemt.methods import METHODS
from scalemt.prompts import Surroundings, load_template
from scalemt.quality.checks import CHECKS
from scalemt.quality.evidence import EvidenceGatherer
from scalemt.quality.gate import DEFAULT_THRESHOLD, DEFAULT_WEIGHTS, GATES
from scalemt.registry import Registry
from scalemt.specialists import SPECIALISTS, DraftOptions
from scalemt.specialists.apertium.packages import install_hint
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Demonstration, Draft, Pair, Segment, Translation, Word

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/methods").glob("*.md")))
OTHER_FLAGS = {"--model", "--output_dir", "--quantization", "--copy_files"}  # of ct2-transformers-converter
NO_TABLE = {"recorded", "fake"}  # given by --drafts, and in Python only
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    page: str
    kind: str
    text: str


def _blocks(kind: str) -> list[Block]:
    found = [Block(page.name, *match) for page in PAGES for match in _FENCE.findall(page.read_text("utf-8"))]
    return [block for block in found if block.kind == kind]


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def _inline(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _prose(page))


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def _section(name: str, title: str) -> str:
    """The text below a heading, up to the next one."""
    match = re.search(
        rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", _FENCE.sub("", _page(name)), re.DOTALL | re.MULTILINE
    )
    assert match, f"docs/{name} has no section {title!r}"
    return match[1]


def _names(section: str) -> list[str]:
    """The code-formatted names in the first column of a section's tables."""
    body = re.sub(r"^\|.*\n(?=\|--)", "", section, flags=re.MULTILINE)
    cells = [line.split("|")[1] for line in body.split("\n") if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


# Commands


def _commands(text: str) -> Iterator[list[str]]:
    """The arguments of each `scalemt …` in shell lines, environment, pipes and comments left out."""
    for line in text.replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(re.sub(r"(?:^|\s)#\s.*$", "", line), posix=True, punctuation_chars="|;<>&")
        lexer.whitespace_split = True
        lexer.commenters = ""
        command: list[str] = []
        for token in [*lexer, ";"]:
            if not set(token) <= set("|;<>&"):
                command.append(token)
                continue
            while command and ("=" in command[0] or command[0] == "export"):
                command.pop(0)
            if command and Path(command[0]).name == "scalemt":
                yield command[1:]
            command = [] if set(token) <= set("|;&") else ["(redirected)"]


COMMAND_LINES = [
    (page.name, arguments)
    for page in PAGES
    for text in (*(b.text for b in _blocks("sh") if b.page == page.name), *_inline(page))
    if "scalemt " in text
    for arguments in _commands(text)
]


def test_command_lines_are_found() -> None:
    assert {name for name, _ in COMMAND_LINES} >= {"README.md", "start.md", "methods.md", "backends.md"}
    assert list(
        _commands('A=1 echo y | scalemt translate "x" --to pt > z  # scalemt no\n.venv/bin/scalemt doctor')
    ) == [["translate", "x", "--to", "pt"], ["doctor"]]


@pytest.mark.parametrize(
    ("page", "arguments"),
    COMMAND_LINES,
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:60],
)
def test_command_line_is_accepted(page: str, arguments: list[str]) -> None:
    """Flags exist; where a line is not shortened by "…", click takes all of it."""
    name, *rest = arguments
    assert name in COMMANDS
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    if rest and rest[0] in (below := getattr(command, "commands", {})):
        name, *rest = rest
        command = below[name]
    known = {flag for item in command.params for flag in (*item.opts, *item.secondary_opts)} | {"--help", "-h"}
    assert {word.partition("=")[0] for word in rest if re.match(r"-[-\w]", word)} <= known
    if rest and "…" not in rest:
        command.make_context(name, rest)


def test_flags_named_in_prose_exist() -> None:
    commands = [cli.get_command(click.Context(cli), name) for name in COMMANDS]
    commands += [item for command in commands for item in getattr(command, "commands", {}).values()]
    known = {
        flag
        for command in commands
        if command
        for item in command.params
        for flag in (*item.opts, *item.secondary_opts)
    }
    named = {flag for page in PAGES for code in _inline(page) for flag in re.findall(r"(?<!\S)--[\w-]+", code)}
    assert named - OTHER_FLAGS <= known


def test_every_command_is_documented() -> None:
    assert {arguments[0] for _, arguments in COMMAND_LINES} == set(COMMANDS)


def test_environment_variables_exist() -> None:
    fields_ = {f"SCALEMT_{name.upper()}" for name in Profile.model_fields if name != "name"}
    named = {
        name for page in PAGES for name in re.findall(r"\bSCALEMT_[A-Z]+(?:_[A-Z]+)*\b", page.read_text("utf-8"))
    }
    assert named <= fields_ | {
        "SCALEMT_PROFILE",
        "SCALEMT_CONFIG_DIR",
        "SCALEMT_CACHE_DIR",
        "SCALEMT_DATA_DIR",
        LIMIT_VARIABLE,
        *(variable for library in (COMET_LIBRARY, BLEURT_LIBRARY) for variable in library.variables),
    }


# Links and files


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor in _anchors(place), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    named = re.findall(r"(?<![\w/.])((?:src|docs|tests|benchmarks)/[\w./-]*\w/?)", page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


# Tables that must be complete


def test_methods_are_documented() -> None:
    assert sorted(_names(_section("methods.md", "The methods"))) == METHODS.names()


def test_checks_are_documented() -> None:
    assert _names(_section("methods.md", "Checks")) == list(CHECKS)


def test_evidence_is_documented() -> None:
    section = _section("methods.md", "Evidence")
    module = inspect.getmodule(EvidenceGatherer)
    assert module is not None
    known = re.findall(r"^(\w+)  +", module.__doc__ or "", re.MULTILINE)
    assert _names(section) == known
    for name, weight in DEFAULT_WEIGHTS.items():
        assert f"{weight} for `{name}`" in " ".join(section.split())
    assert f"more than {DEFAULT_THRESHOLD}" in " ".join(section.split())


def test_gates_and_selections_are_documented() -> None:
    assert _names(_section("methods.md", "The gate")) == list(GATES)
    assert _names(_section("methods.md", "Demonstrations")) == SELECTORS.names()


def test_backends_are_documented() -> None:
    assert sorted(_names(_section("backends.md", "Specialists"))) == SPECIALISTS.names()
    assert sorted(_names(_section("backends.md", "Generalists"))) == GENERALISTS.names()


def test_metrics_and_aligners_are_documented() -> None:
    assert sorted(_names(_section("evaluation.md", "Metrics"))) == METRICS.names()
    assert sorted(_names(_section("evaluation.md", "Translation characteristics"))) == ALIGNERS.names()


def test_filters_of_corpora_are_documented() -> None:
    section = _section("corpora.md", "The chain")
    assert _names(section) == list(FILTERS)
    rows = {
        line.split("|")[1].strip(" `"): line.split("|")[3]
        for line in section.split("\n")
        if line.startswith("| `")
    }
    for name, kind in FILTERS.items():
        assert set(re.findall(r"`(\w+)`", rows[name])) <= kind.model_fields.keys(), name
        for field, item in kind.model_fields.items():
            if isinstance(item.default, int | float) and not isinstance(item.default, bool):
                assert f"`{field}` {item.default:g}" in rows[name], (name, field)


def test_chains_in_the_docs_are_valid(tmp_path: Path) -> None:
    texts = [block.text for block in _blocks("toml") if "[[steps]]" in block.text]
    chains = [text for text in texts if "[[corpora]]" not in text]  # else they stand in a training's recipe
    assert chains
    for text in chains:
        (tmp_path / "chain.toml").write_text(text, "utf-8")
        assert read_configuration(tmp_path / "chain.toml").steps


def test_syntheses_in_the_docs_are_valid(tmp_path: Path) -> None:
    texts = [block.text for block in _blocks("toml") if re.match(r'kind = "[\w-]+"\nfrom = ', block.text)]
    found = set()
    for text in texts:
        (tmp_path / "made.toml").write_text(text, "utf-8")
        kind = read_synthesis(tmp_path / "made.toml").kind
        assert tomllib.loads(text)[kind.name].keys() == type(kind).model_fields.keys()
        found.add(kind.name)
    assert found == KINDS_OF_SYNTHESIS.keys()
    assert _names(_section("corpora.md", "What can be made")) == list(KINDS_OF_SYNTHESIS)


def test_suites_in_the_docs_are_valid() -> None:
    suites = [tomllib.loads(block.text) for block in _blocks("toml") if "directions" in block.text]
    assert suites
    for table in suites:
        assert Suite.model_validate(table).directions


def test_json_fields_are_documented() -> None:
    made = as_json(Translation(Segment("x", "1"), "y", "draft", Pair("en", "pt")))
    named = re.findall(r"^\| (`[^|]+) \|", _section("start.md", "For programs: `--json`"), re.MULTILINE)
    assert [name for cell in named for name in re.findall(r"`([^`]+)`", cell)] == list(made)


def test_kinds_of_cache_entries_are_documented() -> None:
    assert sorted(_names(_section("start.md", "The cache"))) == sorted(KINDS)


def test_template_variables_are_documented() -> None:
    shared = load_template("scale").variables((), Pair("en", "pt"), confidences=True)
    assert set(_names(_section("methods.md", "Templates"))) == {*shared, "source", "drafts", "target"}


def test_extras_are_documented() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(_names(_section("start.md", "Install"))) == set(extras) - {"dev"}


def test_apertium_packages_are_known() -> None:
    named = {name for name in _names(_section("backends.md", "apertium")) if name.startswith("apertium-")}
    packages = set(vars(inspect.getmodule(install_hint))["_PACKAGES"])
    assert named == packages


# TOML


def _toml(name: str) -> list[tuple[str, dict[str, Any]]]:
    """The tables of one kind in all TOML blocks, each with its name."""
    contents = [tomllib.loads(block.text) for block in _blocks("toml")]
    return [item for content in contents for item in content.get(name, {}).items()]


def test_profiles_in_the_docs_are_valid() -> None:
    profiles = _toml("profiles")
    tables = {name for kind in ("specialists", "generalists") for name, _ in _toml(kind)}
    assert profiles
    for name, table in profiles:
        profile = Profile(name=name, **table)
        assert profile.method in METHODS.names()
        assert {spec.partition(":")[0] for spec in profile.specialists} <= {*SPECIALISTS.names(), *tables}
        assert profile.generalist.partition(":")[0] in {*GENERALISTS.names(), *tables}


def test_the_full_example_has_every_field_with_its_default() -> None:
    table = dict(_toml("profiles"))["everything"]
    assert list(table) == [name for name in Profile.model_fields if name != "name"]
    plain = Profile()
    for name, value in Profile(**table).model_dump().items():
        default = getattr(plain, name)
        assert default is None or value == default, name


def test_built_in_profiles_are_named() -> None:
    assert {f"`{name}`" for name in BUILT_IN} <= set(re.findall(r"`\w+`", _section("start.md", "Profiles")))


def _options(factory: type) -> set[str]:
    """Everything that a table of this kind may say; `**options` go on to the base class."""
    names: set[str] = set()
    for kind in factory.__mro__:
        parameters = inspect.signature(kind).parameters.values()
        names |= {item.name for item in parameters if item.kind is not item.VAR_KEYWORD}
        if all(item.kind is not item.VAR_KEYWORD for item in parameters):
            break
    if "options" in names:
        names |= {item.name for item in fields(DraftOptions)}
    return names - {"options", "retry"}  # given in Python only


@pytest.mark.parametrize(
    ("section", "registry"),
    [("specialists", SPECIALISTS), ("generalists", GENERALISTS)],
    ids=["specialists", "generalists"],
)
def test_tables_of_backends_name_every_option(section: str, registry: Registry) -> None:
    said: dict[str, set[str]] = {}
    for name, table in _toml(section):
        kind = table.pop("type")
        assert kind in registry.names(), name
        assert table.keys() <= _options(registry.load(kind)), name
        said[kind] = said.get(kind, set()) | table.keys()
    for kind in set(registry.names()) - NO_TABLE:
        assert said[kind] == _options(registry.load(kind)), kind


def test_defaults_in_tables_of_backends() -> None:
    """Numbers and truth values are the defaults of the code, but where the comment tells another default."""
    for block in _blocks("toml"):
        for line in re.findall(
            r'^(\w+) = (\d[\d.]*|true|false|"aligned")(?:\s+# (.*))?$', block.text, re.MULTILINE
        ):
            name, value, comment = line
            if "default" in comment or "price" in name or name == "max_cost":
                continue
            tables = tomllib.loads(block.text)
            kinds = [t for k in ("specialists", "generalists") for t in tables.get(k, {}).values() if name in t]
            if len(kinds) != 1 or len(tables) != 1:
                continue
            registry = SPECIALISTS if "specialists" in tables else GENERALISTS
            factory = registry.load(kinds[0]["type"])
            found = [inspect.signature(kind).parameters.get(name) for kind in factory.__mro__[:2]]
            default = next((item.default for item in found if item), getattr(DraftOptions(), name, None))
            assert json.loads(value) == default, (block.page, name)


def test_templates_in_the_docs_load(tmp_path: Path) -> None:
    templates = [block.text for block in _blocks("toml") if "demonstration" in tomllib.loads(block.text)]
    assert templates
    for text in templates:
        path = tmp_path / "my-prompt.toml"
        path.write_text(text, "utf-8")
        load_template(str(path))


# Other blocks


def test_jsonl_in_the_docs_can_be_read(tmp_path: Path) -> None:
    blocks = _blocks("jsonl")
    assert len(blocks) >= 2
    for block in blocks:
        path = tmp_path / "example.jsonl"
        path.write_text(block.text, "utf-8")
        if '"target"' in block.text:
            assert load_demonstrations(path)
        else:
            RecordedSpecialist(path).require(block.text.count("\n"))


def test_python_in_the_docs_is_python() -> None:
    for block in _blocks("python"):
        ast.parse(block.text)


def test_the_example_of_a_plug_in_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [block.text for block in _blocks("python") if "BaseSpecialist" in block.text]
    (declared,) = [block.text for block in _blocks("toml") if "entry-points" in block.text]
    names = tomllib.loads(declared)["project"]["entry-points"]["scalemt.specialists"]
    place = names["phrasebook"].partition(":")[0].replace(".", "/")
    path = tmp_path / f"{place}.py"
    path.parent.mkdir()
    path.write_text(code, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry("specialist", "scalemt.none", names)
    monkeypatch.setattr("scalemt.engine.backends.SPECIALISTS", registry)
    (tmp_path / "phrases.tsv").write_text("Good morning.\tBom dia.\n", "utf-8")
    from scalemt.config import Configuration

    specialist = build_specialist(f"phrasebook:{tmp_path / 'phrases.tsv'}", Configuration(), Profile())
    found, unknown, empty = specialist.draft(["Good morning.", "Good night.", ""], Pair("en", "pt"))
    assert (found[0].text, found[0].confidence) == ("Bom dia.", 1.0)
    assert (unknown[0].text, unknown[0].confidence) == ("Good night.", 0.0)
    assert empty[0].text == ""


# Prompts


def _draft(shown: str, language: str = "pt") -> Draft:
    parts = [re.fullmatch(r"(.+)\((\d\.\d\d)\)", word) for word in shown.split()]
    words = [Word(part[1], float(part[2])) for part in parts if part]
    text = " ".join(word.text for word in words) or shown
    return Draft(text, tuple(words) or tuple(Word(word) for word in shown.split()), language=language)


SCREEN = "Por(0.87) que(1.00) a(0.88) tela(1.00) se(0.94) desligou(0.85) à(0.62) noite?(1.00)"
HOUSE = "A(0.95) casa(1.00) é(0.95) azul.(0.89)"
PROMPTS = {
    "few-shot": ("scale", "en", (), ()),
    "refine": ("scale", "en", (SCREEN,), (HOUSE,)),
    "refine-plain": ("plain", "en", (SCREEN,), (HOUSE,)),
    "pivot": ("scale", "eu", ("Why He turns off by the screen nights?",), ("The house the blue he is.",)),
    "multi-path": (
        "scale",
        "en",
        ("Por(0.87) que(1.00) o(0.11) ecrã(1.00) se(0.85) desligou(0.80) à(0.75) noite?(1.00)", SCREEN),
        (HOUSE, "A(0.95) casa(1.00) é(0.95) o(0.00) azul.(0.84)"),
    ),
}
SOURCES = {
    "en": ("Why does the screen turn off at night?", "The house is blue."),
    "eu": ("Zergatik itzaltzen da pantaila gauez?", "Etxea urdina da."),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompt_in_the_docs_is_what_the_template_renders(name: str) -> None:
    template, source, shown, drafts = PROMPTS[name]
    first, second = SOURCES[source]
    language = "en" if source == "eu" else "pt"
    prompt = load_template(template).render(
        second,
        [_draft(text, language) for text in drafts],
        [
            Demonstration(
                first, "Por que a tela se apaga à noite?", tuple(_draft(text, language) for text in shown)
            )
        ],
        Pair(source, "pt"),
        confidences=template == "scale",
        surroundings=Surroundings(),
    )
    turns = [f"[{message.role}]\n{message.content}" for message in prompt.messages]
    (block,) = _blocks(f"text {name}")
    assert block.text.strip() == (prompt.text or "\n\n".join(turns)).strip()
