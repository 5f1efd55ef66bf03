"""The command: its help, its errors, its exit codes."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from darkroom.domain.timing import LEASE_SECONDS
from darkroom_client import command
from darkroom_client.command import COMMANDS, darkroom, run
from darkroom_client.commands.common import Given
from darkroom_client.errors import Failed, TimedOut

SECONDS = 0.5


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DARKROOM_STACK", "DARKROOM_REPO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_help_is_there_at_once() -> None:
    """The limit is in seconds of the processor, because other processes may run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "darkroom_client.command", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS


def test_each_subcommand_is_a_module_with_the_help_that_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(command.__file__).parent / "commands"
    texts = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    modules = [path for path, text in texts.items() if "\ndef command(" in text]
    named = {".".join(path.relative_to(folder).with_suffix("").parts) for path in modules}
    assert {entry.module for entry in COMMANDS.values()} == named
    for name, entry in COMMANDS.items():
        found = darkroom.get_command(None, name)  # type: ignore[arg-type]
        assert found
        assert (found.name, found.short_help) == (name, entry.short_help)
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(entry.short_help in said for entry in COMMANDS.values())


def test_each_subcommand_is_described_on_the_commands_page() -> None:
    """`use` is described where the guide for services says how the client finds its stack."""
    page = (Path(__file__).parents[3] / "docs/command.md").read_text(encoding="utf-8")
    operators = page.partition("## For operators")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?) \|", operators, re.MULTILINE)
    described = {*re.findall(r"^## ([a-z]+)$", page, re.MULTILINE), *re.findall(r"`([a-z]+)", " ".join(cells))}
    assert described == COMMANDS.keys() - {"use"}


def test_the_help_of_each_subcommand_fits_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shells_complete_it(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/command.md describes this. The answer to the shell is click's own."""
    monkeypatch.setenv("_DARKROOM_COMPLETE", f"{shell}_source")
    monkeypatch.setattr(BashComplete, "_check_version", staticmethod(lambda: None))
    with pytest.raises(SystemExit):
        run([])
    assert "_DARKROOM_COMPLETE" in capsys.readouterr().out
    monkeypatch.setenv("_DARKROOM_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "darkroom thr")
    monkeypatch.setenv("COMP_CWORD", "thr" if shell == "fish" else "1")
    with pytest.raises(SystemExit):
        run([])
    assert "threads" in capsys.readouterr().out


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("darkroom 0.")


def test_wrong_use_is_2_and_what_is_not_reached_is_3_each_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["unknown"]) == 2
    assert run(["use", "--stack", "local:x", "local:x"]) == 2
    assert run(["use"]) == 3
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "No stack is named. Name one: `darkroom use NAME`" in said


def test_what_a_command_raises_decides_the_exit_code() -> None:
    assert (Failed.exit_code, TimedOut.exit_code) == (1, 4)


def test_options_of_all_commands_stand_before_or_behind_the_subcommand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_STACK", "third")
    for words in (["--json", "--stack", "shop", "use"], ["use", "--json", "--stack", "shop"]):
        assert run(words) == 0
        assert json.loads(capsys.readouterr().out) == {"stack": "shop", "region": None, "profile": None}


def test_names_of_strangers_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    family = "\U0001f469\u200d\U0001f467"
    Given().tell({}, f"a\x1b[2Jb {family}")
    Given(as_json=True).tell({"a": "\u202eb"})
    assert capsys.readouterr().out == f'a\\u001b[2Jb {family}\n{{"a": "\\u202eb"}}\n'


def test_the_help_of_batch_shows_a_line_and_that_pictures_are_not_uploaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["batch", "--help"]) == 0
    said = capsys.readouterr().out
    assert '{"custom_id": "a", "instruction": "make it night", "images": ["a.jpg"]}\n' in said
    assert "custom_id,instruction,images\n" in said
    assert "Pictures are not uploaded" in said


def test_the_help_of_forget_announces_its_wait(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forget", "--help"]) == 0
    assert "waits for a minute" in " ".join(capsys.readouterr().out.split())
    assert LEASE_SECONDS == 60
