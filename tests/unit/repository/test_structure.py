"""The package's rooms depend on each other in one direction, and only `bootstrap` knows the concrete classes."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import darkroom

# Each room may import itself and the rooms before it. The modules of the root come first.
RANKS = ["streaming", "domain", "pictures", "providers", "turns", "batches", "uploads", "worker", "aws", "bootstrap"]
ROOT = Path(darkroom.__file__).parent
ROOMS = [path.parent for path in sorted(ROOT.rglob("__init__.py"))]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in ROOT.rglob("*.py")}
PURE = [name for name in MODULES if name.startswith(("domain.", "turns.", "batches.", "uploads."))]
ADAPTERS = ("aws.", "providers.client", "providers.transport", "providers.download")
MAX_FILES = 15


@cache
def imported(module: str) -> tuple[set[str], set[str]]:
    """The package's own modules that a module imports when it runs, and the names of the other packages."""
    own, others = set(), set()
    for node in running(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module), *(f"{node.module}.{name.name}" for name in node.names)]
        else:
            continue
        own |= {name.removeprefix("darkroom.") for name in names} & set(MODULES)
        others |= {name.partition(".")[0] for name in names} - {"darkroom"}
    return own, others


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node except those for the type checker alone."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from running(child)


def rank(module: str) -> int:
    room = module.partition(".")[0]
    return RANKS.index(room) if room in RANKS else -1


@cache
def needed_by(module: str) -> set[str]:
    """Everything that is imported with a module."""
    needed, news = set[str](), {module}
    while news:
        needed |= news
        news = set[str]().union(*(imported(each)[0] for each in news)) - needed
    return needed


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_no_room_above_its_own(module: str) -> None:
    assert [other for other in imported(module)[0] if rank(other) > rank(module)] == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_module_needs_itself(module: str) -> None:
    assert not any(module in needed_by(other) for other in imported(module)[0])


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.name)
def test_a_room_has_a_sentence_and_few_files(room: Path) -> None:
    (sentence,) = ast.parse((room / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(sentence, ast.Expr)
    assert len(list(room.glob("*.py"))) <= MAX_FILES


@pytest.mark.parametrize("module", PURE)
def test_what_decides_knows_nothing_but_the_standard_library(module: str) -> None:
    assert imported(module)[1] <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", sorted(name for name in MODULES if rank(name) < RANKS.index("aws")))
def test_only_bootstrap_knows_the_adapters(module: str) -> None:
    foreign = {name for name in imported(module)[0] if name.startswith(ADAPTERS)}
    assert {name for name in foreign if not module.startswith("providers.")} == set()


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("turns.")))
def test_turns_know_the_port_of_the_providers_alone(module: str) -> None:
    foreign = {name for name in imported(module)[0] if name.startswith("providers.")}
    assert foreign <= {"providers.dialect", "providers.reply"}


@pytest.mark.parametrize(
    ("function", "foreign"),
    [
        ("on_request", ("uploads.", "batches.", "aws.dynamodb.upload_state", "aws.dynamodb.batch_state",
                        "aws.dynamodb.lanes", "streaming.charsets")),
        ("on_upload", ("providers.client", "providers.transport", "providers.download")),
    ],
)  # fmt: skip
def test_a_function_imports_nothing_that_only_the_other_needs(function: str, foreign: tuple[str, ...]) -> None:
    """Each import costs time at a cold start."""
    assert [name for name in needed_by(f"bootstrap.{function}") if name.startswith(foreign)] == []


def test_a_cold_start_loads_no_package_that_does_not_earn_its_time() -> None:
    program = "import sys, functions.on_request.app, functions.on_upload.app; print(*sys.modules)"
    repository = ROOT.parents[2]
    loaded = subprocess.run([sys.executable, "-c", program], cwd=repository, check=True, capture_output=True, text=True)
    heavy = {"pydantic", "pi_heif", "aws_xray_sdk", "asyncio", "PIL.JpegImagePlugin"}
    assert "botocore" in loaded.stdout.split()
    assert not heavy & set(loaded.stdout.split())


def test_nothing_outside_local_imports_local() -> None:
    """The tests and the benchmark are the exceptions: they deploy the stack."""
    repository = ROOT.parents[2]
    folders = [ROOT, *(repository / name for name in ("client", "functions"))]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert [file for file in files if "local" in roots(file)] == []


def roots(file: Path) -> set[str]:
    """The first names of a file's imports."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    named = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return {name.partition(".")[0] for name in named | {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)}}
