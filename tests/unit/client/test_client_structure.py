"""The client is small, imports in one direction, and loads modules on first use."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import darkroom_client.command
from darkroom_client.command import COMMANDS

ROOT = Path(darkroom_client.__file__).parent
# Each may import those before it. A folder counts as one with its modules.
RANKS = [
    "errors", "telling", "stacks", "results", "naming", "thread", "index", "pictures", "pending", "consumer", "batches",
    "room", "testing", "sheets", "checking", "operating", "console", "commands", "command",
]  # fmt: skip
MODULES = {path.relative_to(ROOT).with_suffix("").parts: path for path in ROOT.rglob("*.py")}
NAMED = sorted(parts for parts in MODULES if parts != ("__init__",))
MAX_FILES = 15
MAX_LINES = 34


def run(program: str) -> set[str]:
    """The modules that a program has loaded at its end."""
    command = [sys.executable, "-c", f"import sys; {program}; print(*sys.modules)"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def own(path: Path) -> set[str]:
    """The parts of the client that a module imports, each by its first name below the client."""
    named = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    full = {f"{node.module}.{each.name}" for node in named for each in node.names}
    return {name.split(".")[1] for name in full if name.startswith("darkroom_client.")}


@pytest.mark.parametrize("parts", NAMED, ids="/".join)
def test_a_module_imports_none_that_stands_after_it(parts: tuple[str, ...]) -> None:
    rank = RANKS.index(parts[0])
    late = {name for name in own(MODULES[parts]) if name in RANKS and RANKS.index(name) > rank}
    for_the_checker_alone = {"results"} if parts == ("errors",) else set()
    assert late - for_the_checker_alone == set()


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}), ids=lambda path: path.name)
def test_a_folder_says_what_it_is_and_has_few_files(folder: Path) -> None:
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    assert len(list(folder.glob("*.py"))) <= MAX_FILES


@pytest.mark.parametrize("path", MODULES.values(), ids=lambda path: path.stem)
def test_no_function_is_long(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert [each.name for each in nodes if isinstance(each, ast.FunctionDef) and _lines(each) > MAX_LINES] == []


def _lines(function: ast.FunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def test_the_library_loads_boto3_and_the_words_of_the_contract_alone() -> None:
    loaded = run("from darkroom_client import Darkroom, Failed, TimedOut, Result")
    ours = {name.split(".")[1] for name in loaded if name.startswith("darkroom.")}
    assert ours == {"domain", "errors"}
    foreign = {"aws_lambda_powertools", "requests", "PIL", "click", "rich", "pybase64"}
    assert "boto3" in loaded
    assert not foreign & loaded


@pytest.mark.parametrize(
    ("shadow", "said"),
    [
        ("from darkroom_client import Darkroom", "darkroom_client.room cannot be imported: partially initialized"),
        ("", "darkroom_client.room cannot be imported: module 'boto3' has no attribute"),
    ],
)
def test_a_script_that_is_called_as_a_library_of_ours_hears_the_real_error(
    tmp_path: Path, shadow: str, said: str
) -> None:
    (tmp_path / "boto3.py").write_text(shadow, encoding="utf-8")
    script = tmp_path / ("boto3.py" if shadow else "shop.py")
    script.write_text("from darkroom_client import Darkroom", encoding="utf-8")
    told = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True)
    assert said in told.stderr.splitlines()[-1]


def test_the_distribution_holds_library_and_command_and_needs_nothing_of_the_layers() -> None:
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        "layers/darkroom/darkroom", "client/darkroom_client"
    ]  # fmt: skip
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="darkroom")
    assert entry.load() is darkroom_client.command.main
    needed = {re.split("[>=<]", each)[0] for each in project["project"]["dependencies"]}
    assert needed == {
        "boto3", "click", "jinja2", "pillow", "pybase64", "python-multipart", "rich", "starlette", "uvicorn",
    }  # fmt: skip


SLOW = {"boto3", "botocore", "rich", "PIL", "darkroom_client.room"}


def test_help_loads_neither_boto3_nor_the_library() -> None:
    loaded = run("from darkroom_client.command import run; run(['--help'])")
    assert "click" in loaded
    assert not SLOW & loaded


def test_completion_loads_neither_though_it_loads_every_subcommand() -> None:
    modules = ", ".join(f"darkroom_client.commands.{entry.module}" for entry in COMMANDS.values())
    assert not SLOW & run(f"import {modules}")


def test_all_that_the_client_does_needs_its_own_dependencies_alone() -> None:
    """The libraries of the layer are not installed with the client."""
    hidden = ("aws_lambda_powertools", "requests", "pi_heif")
    hide = f"sys.modules.update(dict.fromkeys({hidden!r}))"
    used = "darkroom_client.batches, darkroom.aws.dynamodb.table, darkroom.aws.sqs, darkroom.providers.dialect_table"
    ours = ", ".join(".".join(("darkroom_client", *parts)) for parts in NAMED if parts[-1] != "__init__")
    run(f"{hide}; import {ours}, {used}")
