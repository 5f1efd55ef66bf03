"""The choice of a command's stack, its storage, and the stacks on this machine that a checkout knows."""

import json
from pathlib import Path

import pytest

from darkroom_client.command import run
from darkroom_client.commands import use
from darkroom_client.errors import Invalid, Unreachable
from darkroom_client.stacks import checkout, choice
from darkroom_client.stacks.choice import Choice
from darkroom_client.stacks.outputs_cache import OutputsCache


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a person outside any checkout."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "local/stack").mkdir(parents=True)
    (root / "local/stack/lifecycle.py").touch()
    (root / "template.yaml").touch()
    return root


def test_the_one_that_is_named_goes_before_the_environments_and_that_before_what_is_remembered(
    home: dict[str, str],
) -> None:
    choice.remember(Choice("shop", "eu-west-1", "work"), home)
    assert choice.find("other", home | {"DARKROOM_STACK": "third"}) == Choice("other")
    assert choice.find(None, home | {"DARKROOM_STACK": "third"}) == Choice("third")
    assert choice.find(None, home) == Choice("shop", "eu-west-1", "work")


def test_the_remembered_one_keeps_its_region_when_it_is_named(home: dict[str, str]) -> None:
    choice.remember(Choice("shop", "eu-west-1", "work"), home)
    assert choice.find("shop", home).region == "eu-west-1"


def test_a_checkout_that_is_remembered_serves_all_of_its_stacks(home: dict[str, str]) -> None:
    choice.remember(Choice("local", repository="/a/checkout"), home)
    assert choice.find("local:4600", home) == Choice("local:4600", repository="/a/checkout")


def test_without_any_it_is_said_how_to_name_one(home: dict[str, str]) -> None:
    with pytest.raises(Unreachable, match="darkroom use NAME"):
        choice.find(None, home)


def test_in_a_checkout_whose_stack_was_brought_up_it_is_that_one(home: dict[str, str], repository: Path) -> None:
    named = home | {"DARKROOM_REPO": str(repository)}
    with pytest.raises(Unreachable):
        choice.find(None, named)
    (repository / ".local").mkdir()
    (repository / ".local/env").touch()
    assert choice.find(None, named) == Choice("local")


@pytest.mark.parametrize("said", ["not json", "[]", '{"unknown": 1}'])
def test_what_was_remembered_and_cannot_be_read_is_as_if_nothing_were(home: dict[str, str], said: str) -> None:
    path = Path(home["XDG_CONFIG_HOME"]) / "darkroom/stack.json"
    path.parent.mkdir(parents=True)
    path.write_text(said, encoding="utf-8")
    assert choice.remembered(home) is None


def test_where_nothing_can_be_written_down_the_way_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable, match="Name the stack with DARKROOM_STACK"):
        choice.remember(Choice("shop"), {"XDG_CONFIG_HOME": str(tmp_path / "file")})


def test_a_local_one_is_named_with_its_port() -> None:
    assert (Choice("local").is_local, Choice("local").port) == (True, None)
    assert (Choice("local:4600").is_local, Choice("local:4600").port) == (True, 4600)
    assert not Choice("localhost").is_local


@pytest.mark.parametrize("name", ["local:x", "local:70000", "local:0", "local:²"])
def test_what_is_no_port_is_told(name: str) -> None:
    with pytest.raises(Invalid, match="local:4600"):
        _ = Choice(name).port


def test_a_checkout_is_found_from_below(repository: Path) -> None:
    below = repository / "local/stack"
    assert checkout.find({}, below) == repository
    assert checkout.find({}, repository.parent) is None


def test_a_checkout_named_from_the_working_folder_is_found_from_any_other(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.parent)
    assert checkout.find({"DARKROOM_REPO": repository.name}) == repository


def test_what_is_no_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="is no checkout of Darkroom"):
        checkout.needed({"DARKROOM_REPO": str(tmp_path)})


def test_outside_a_checkout_both_ways_to_name_it_are_told(home: dict[str, str]) -> None:
    with pytest.raises(Unreachable, match=r"Go into the checkout, or name its folder with DARKROOM_REPO=…"):
        checkout.needed(home)


def test_outside_a_checkout_one_that_is_named_or_remembered_serves(
    home: dict[str, str], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_there = r"no stack on port 4955\. `make up PORT=4955` starts one"
    with pytest.raises(Unreachable, match=not_there):
        Choice("local:4955", repository=str(repository)).open()
    monkeypatch.setenv("DARKROOM_REPO", str(repository))
    with pytest.raises(Unreachable, match=not_there):
        Choice("local:4955").open()


def test_a_stack_on_aws_forgets_no_checkout(
    home: dict[str, str], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    choice.remember(Choice("local", repository=str(repository)))
    monkeypatch.setattr(use, "_version", lambda _: "0.1")
    assert run(["use", "shop", "--region", "eu-west-1"]) == 0
    assert choice.remembered() == Choice("shop", "eu-west-1", repository=str(repository))
    assert choice.repository() == repository
    with pytest.raises(Unreachable, match=r"no stack on port 4955\."):
        Choice("local:4955").open()


def test_outputs_are_cached_for_their_stack_alone(home: dict[str, str]) -> None:
    OutputsCache("shop", "eu-west-1", None, environ=home).write({"A": "1"})
    assert OutputsCache("shop", "eu-west-1", None, environ=home).read() == {"A": "1"}
    assert OutputsCache("shop", "us-east-1", None, environ=home).read() is None


@pytest.mark.parametrize("said", ["", "{", '{"A": 1}', "[]"])
def test_a_cache_that_cannot_be_read_is_none(home: dict[str, str], said: str) -> None:
    cache = OutputsCache("shop", environ=home)
    cache.write({"A": "1"})
    (file,) = Path(home["XDG_CACHE_HOME"]).rglob("*.json")
    file.write_text(said, encoding="utf-8")
    assert cache.read() is None


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    OutputsCache("shop", environ={"XDG_CACHE_HOME": str(tmp_path / "file")}).write({"A": "1"})


def test_the_file_is_for_people_too(home: dict[str, str]) -> None:
    choice.remember(Choice("shop"), home)
    known = json.loads((Path(home["XDG_CONFIG_HOME"]) / "darkroom/stack.json").read_text(encoding="utf-8"))
    assert known == {"name": "shop", "region": None, "profile": None, "repository": None}
