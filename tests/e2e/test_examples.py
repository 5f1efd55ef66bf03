"""The unchanged examples on the deployed stack. A service's own tests bring up a stack of their own."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from local.stack.home import TOOLS
from tests.e2e import consumers, lines
from tests.e2e.conftest import Stack
from tests.e2e.road import eventually, photo

pytestmark = pytest.mark.slow

EXAMPLES = lines.ROOT / "examples"
Command = Callable[[str, Path], list[str]]


def python(name: str, _: Path) -> list[str]:
    return [sys.executable, str(EXAMPLES / "python" / f"{name}.py")]


def javascript(name: str, folder: Path) -> list[str]:
    """Prepare the program in a folder with the SDK, as after `npm install`."""
    program, modules = folder / f"{name}.mjs", folder / "node_modules"
    program.write_text((EXAMPLES / "javascript" / f"{name}.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    if not modules.exists():
        modules.symlink_to(TOOLS / "aws-sdk-js" / "node_modules")
    return [str(TOOLS / "node" / "bin" / "node"), str(program)]


@pytest.mark.parametrize("command", [python, javascript])
def test_a_producer_gets_its_picture_once_and_a_consumer_hears_of_it(
    stack: Stack, tmp_path: Path, command: Command
) -> None:
    order, url, env = f"order-{uuid.uuid4().hex[:8]}", consumers.queue(stack), {**os.environ, **stack.env}
    (tmp_path / "blue mug.jpg").write_bytes(photo())
    asks = [*command("producer", tmp_path), "blue mug.jpg", "make it night", order]
    said = [
        subprocess.run(asks, cwd=tmp_path, env=env, check=True, capture_output=True, text=True, timeout=120).stdout
        for _ in range(2)
    ]
    assert said == [f"turn 1: {order}.png\n"] * 2
    consumer = subprocess.Popen([*command("consumer", tmp_path), url], cwd=tmp_path, env=env, stdout=subprocess.PIPE)
    with consumer:
        try:
            taken = eventually(lambda: next(iter(tmp_path.glob(f"consumed-{order}-*")), None))
            eventually(lambda: taken.read_bytes() == (tmp_path / f"{order}.png").read_bytes())
            time.sleep(1)  # by then it has acknowledged the message
        finally:
            consumer.terminate()


def test_a_producer_is_told_of_a_refusal(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "mug.jpg").write_bytes(photo())
    for command in (python, javascript):
        asks = [*command("producer", tmp_path), "mug.jpg", "no [fault:refusal]", f"order-{uuid.uuid4().hex[:8]}"]
        env = {**os.environ, **stack.env}
        done = subprocess.run(asks, cwd=tmp_path, env=env, check=False, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr[:9]) == (1, "refused: ")


def test_a_services_own_tests_pass_on_a_stack_of_their_own(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    tests = tmp_path / "test_service.py"
    tests.write_text((EXAMPLES / "python" / "test_service.py").read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=tmp_path, env={**env, "DARKROOM_REPO": os.path.relpath(lines.ROOT, tmp_path)}, check=False,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
