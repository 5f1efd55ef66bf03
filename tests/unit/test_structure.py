"""The package's modules depend on each other in one direction, and only the wiring knows who does the work."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import darkroom

# Each may import only those before it.
ORDER = [
    "errors", "naming", "lines", "form", "charsets", "request", "outcome", "thread", "context", "reply", "api_errors",
    "replies", "upload", "batch_file", "pairing", "ports", "message", "settings", "patience", "words", "hints",
    "boxes", "anatomy", "decoding", "colour", "stripping", "pictures", "provenance", "publication", "sources", "parts",
    "premise", "payment", "report", "answer", "instructions", "dispatch", "intake", "arrivals", "tick", "batches",
    "batch", "aws", "items", "table", "turns", "claims", "ledger", "breaker", "lanes", "memory", "register", "objects",
    "inbox", "transport", "image_api", "fetch", "journal", "wiring",
]  # fmt: skip
DOMAIN = set(ORDER[: ORDER.index("aws")])
PICTORIAL = {"decoding", "colour", "pictures"}  # these know Pillow
ADAPTERS = {"ledger", "breaker", "lanes", "memory", "register", "objects", "inbox", "image_api", "fetch"}
FOLDER = Path(darkroom.__file__).parent


def imported(module: str) -> tuple[set[str], set[str]]:
    """The package's own modules that a module imports when it runs, and the names of the other packages."""
    own, others = set(), set()
    for node in running(ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name.name}" for name in node.names]
        else:
            continue
        own |= {name.split(".")[1] for name in names if name.startswith("darkroom.")}
        others |= {name.partition(".")[0] for name in names} - {"darkroom"}
    return own, others


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but what is there for the type checker alone."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from running(child)


def test_every_module_has_its_place_in_the_order() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_those_before_it(module: str) -> None:
    assert imported(module)[0] <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", sorted(DOMAIN - PICTORIAL))
def test_the_domain_knows_nothing_but_the_standard_library_and_pydantic(module: str) -> None:
    assert imported(module)[1] <= {*sys.stdlib_module_names, "pydantic"}


@pytest.mark.parametrize("module", sorted(set(ORDER) - {"wiring"}))
def test_only_the_wiring_knows_the_adapters(module: str) -> None:
    assert not imported(module)[0] & ADAPTERS
