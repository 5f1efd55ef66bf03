"""The package's modules depend on each other in one direction, and only the wiring knows who does the work."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import darkroom

# Each may import only those before it.
ORDER = [
    "errors", "blob", "encoding", "document", "naming", "lines", "reading", "form", "request", "charsets",
    "file_request", "outcome", "thread", "context", "reply", "api_errors", "replies", "upload", "batch_file", "pairing",
    "ports", "upload_ports", "message", "settings", "patience", "words", "hints", "boxes", "anatomy", "decoding",
    "colour", "stripping", "development", "pictures", "renditions", "provenance", "publication", "sources",
    "laboratory", "parts", "premise", "payment", "report", "answer", "instructions", "dispatch", "intake", "arrivals",
    "tick", "batches", "batch", "aws", "items", "table", "turns", "claims", "ledger", "breaker", "lanes", "memory",
    "register", "objects", "inbox", "developer", "tls", "transport", "image_api", "fetch", "journal", "clients",
    "request_wiring", "upload_wiring", "picture_wiring",
]  # fmt: skip
DOMAIN = set(ORDER[: ORDER.index("aws")])
PICTORIAL = {"decoding", "colour", "development"}  # these know Pillow
ADAPTERS = {"ledger", "breaker", "lanes", "memory", "register", "objects", "inbox", "developer", "image_api", "fetch"}
WIRING = {"request_wiring", "upload_wiring", "picture_wiring"}
UPLOADS = {
    "upload_ports", "upload", "pairing", "memory", "intake", "instructions", "words", "lines", "batches", "register",
    "lanes", "file_request", "charsets",
}  # fmt: skip
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
def test_the_domain_knows_nothing_but_the_standard_library_and_pybase64(module: str) -> None:
    assert imported(module)[1] <= {*sys.stdlib_module_names, "pybase64"}


@pytest.mark.parametrize("module", sorted(set(ORDER) - WIRING))
def test_only_the_wiring_knows_the_adapters(module: str) -> None:
    assert not imported(module)[0] & ADAPTERS


@pytest.mark.parametrize(
    ("wiring", "foreign"),
    [
        ("request_wiring", UPLOADS),
        ("upload_wiring", {"image_api", "transport", "fetch"}),
    ],
)
def test_a_function_imports_nothing_that_only_the_other_needs(wiring: str, foreign: set[str]) -> None:
    """At a cold start each import costs."""
    needed, news = set[str](), {wiring}
    while news:
        needed |= news
        news = set().union(*(imported(module)[0] for module in news)) - needed
    assert not needed & foreign


def test_a_cold_start_loads_no_package_that_does_not_earn_its_time() -> None:
    program = "import sys, functions.on_request.app, functions.on_upload.app; print(*sys.modules)"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(FOLDER.parent), str(FOLDER.parents[2])])}
    loaded = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True)
    heavy = {"pydantic", "pi_heif", "aws_xray_sdk", "asyncio", "PIL.JpegImagePlugin"}
    assert "botocore" in loaded.stdout.split()
    assert not heavy & set(loaded.stdout.split())
