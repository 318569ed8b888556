"""The rules of the house: light imports, imports that run downwards, small files and functions."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "scalemt"
MODULES = sorted(SOURCE.rglob("*.py"))

HEAVY = {
    "torch", "transformers", "ctranslate2", "tokenizers", "sentencepiece", "xllamacpp", "llama_cpp",
    "numpy", "scipy", "bm25s", "py3langid", "sacrebleu", "fastapi", "starlette", "uvicorn", "mcp",
    "prometheus_client", "ray", "pandas", "pyarrow",
}  # fmt: skip
# What the command line can do without before it knows its command.
HEAVY_FOR_HELP = HEAVY | {"httpx", "jinja2", "langcodes", "pydantic", "rapidfuzz", "rich"}


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import scalemt", HEAVY_FOR_HELP),
        ("import scalemt.cli", HEAVY_FOR_HELP),
        ("from scalemt import Engine", HEAVY),
        ("import scalemt.cli.translate", HEAVY),
        ("import scalemt.cli.memory", HEAVY_FOR_HELP),
        ("import scalemt.cli.serve", HEAVY_FOR_HELP),
        ("import scalemt.cli.mcp", HEAVY_FOR_HELP),
        ("import scalemt.glossary", HEAVY),
        ("import scalemt.cli.job", HEAVY_FOR_HELP),
        ("import scalemt.cli.data", HEAVY_FOR_HELP),
        ("import scalemt.data", HEAVY),
        ("import scalemt.data.synthesis", HEAVY),
        ("import scalemt.jobs.runner, scalemt.jobs.filtering, scalemt.jobs.ray.crew", HEAVY),
        ("from scalemt import specialists, generalists, methods, memory, prompts", HEAVY),
        ("from scalemt.specialists import SPECIALISTS; SPECIALISTS.names()", HEAVY),
    ],
)
def test_imports_are_light(statement: str, heavy: set[str]) -> None:
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "scalemt" in loaded
    assert loaded & heavy == set()


# Imports run downwards.


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of the pyproject.toml in `folder` on the package in its `src`."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder / 'src')!r}); "
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and the contracts that a test may spoil."""
    pytest.importorskip("importlinter")
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(SOURCE, folder / "src" / "scalemt", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_import_rules_hold(house: Path) -> None:
    done = lint_imports(house)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("lines.py", "from scalemt.text import split_long", "Imports run downwards"),
        ("memory/selection.py", "from scalemt.methods import METHODS", "Imports run downwards"),
        ("quality/gate.py", "def later():\n    from scalemt.engine import Engine", "Imports run downwards"),
        ("prompts/template.py", "from scalemt.memory import Selector", "Imports run downwards"),
        ("types.py", "from scalemt import languages", "Imports run downwards"),
        ("specialists/base.py", "from scalemt.quality.checks import Subject", "A backend knows nothing"),
        ("generalists/fake.py", "from scalemt.prompts import Template", "A backend knows nothing"),
        ("engine/pieces.py", "from scalemt.engine import core", "No circles"),
    ],
)
def test_a_bad_import_is_seen(house: Path, module: str, line: str, contract: str) -> None:
    path = house / "src" / "scalemt" / module
    original = path.read_text("utf-8")
    path.write_text(f"{original}\n{line}\n", "utf-8")
    try:
        done = lint_imports(house)
    finally:
        path.write_text(original, "utf-8")
    assert done.returncode == 1
    broken = [text for text in done.stdout.split("\n") if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), done.stdout


def test_a_new_module_needs_a_place_in_the_layers(house: Path) -> None:
    path = house / "src" / "scalemt" / "attic.py"
    path.write_text('"""Nobody said where this belongs."""\n')
    try:
        done = lint_imports(house)
    finally:
        path.unlink()
    assert done.returncode == 1
    assert "attic" in done.stdout


# Small files, small functions.


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield name and length in lines of each function of a module, docstring included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_over_500_lines() -> None:
    assert len(MODULES) > 40
    lengths = {str(path.relative_to(SOURCE)): path.read_text("utf-8").count("\n") for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}


def test_no_function_is_over_60_lines() -> None:
    found = [(str(path.relative_to(SOURCE)), *item) for path in MODULES for item in functions(path)]
    assert len(found) > 300
    assert [item for item in found if item[2] > 60] == []


def test_every_package_says_what_it_exports() -> None:
    for path in SOURCE.rglob("__init__.py"):
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree), path
        imported = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scalemt")
            for alias in node.names
        }
        exported = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and [getattr(name, "id", "") for name in node.targets] == ["__all__"]
        ]
        if exported:
            defined = {
                getattr(name, "id", "")
                for node in tree.body
                if isinstance(node, ast.Assign)
                for name in node.targets
            }
            lazy = {"Engine"} if path.parent == SOURCE else set()
            assert set(exported[0]) <= imported | defined | lazy, path
            assert len(exported[0]) == len(set(exported[0])), path
