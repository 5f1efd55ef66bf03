"""The commands behind `make up` and `make down`: what they read, what they write, which processes they stop."""

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from darkroom_client.errors import Unreachable
from darkroom_client.stacks import checkout
from local.demo.__main__ import PHOTO as LAKE
from local.stack import aws, deploy, emulator, env_file, lifecycle, logs, parameters, ports, processes
from local.stack.home import REPOSITORY, Home, Trouble

TEMPLATE = REPOSITORY / "template.yaml"
OUTPUTS = {name: f"the {name}" for name in parameters.read_template(TEMPLATE)["Outputs"]}
# Its child holds the file until it ends, even after its parent's death.
SLEEPER = """
import fcntl, subprocess, sys
held = open("held", "w")
fcntl.flock(held, fcntl.LOCK_EX)
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[held.fileno()])
"""


def started(folder: Path) -> tuple[Path, int]:
    pid_file = folder / "sleeper.pid"
    processes.start([sys.executable, "-c", SLEEPER], pid_file, folder / "log", os.environ, folder)
    return pid_file, json.loads(pid_file.read_text())["pid"]


def is_held(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_emulators_memory_is_its_owners_alone_also_what_earlier_runs_left_open(tmp_path: Path) -> None:
    home = Home(tmp_path, 4702)
    secrets = home.state / "services" / "secretsmanager.json"
    secrets.parent.mkdir(parents=True)
    secrets.write_text("{}")
    secrets.chmod(0o644)
    emulator.make_folders(home)
    assert {mode(folder) for folder in (home.folder, home.state, home.state / "services", home.state / "s3")} == {0o700}
    assert mode(secrets) == 0o600


def test_what_a_started_process_writes_is_its_owners_alone(tmp_path: Path) -> None:
    program = "import pathlib, time; pathlib.Path('written').write_text('key'); time.sleep(60)"
    pid_file = tmp_path / "writer.pid"
    processes.start([sys.executable, "-c", program], pid_file, tmp_path / "log", os.environ, tmp_path)
    try:
        eventually((tmp_path / "written").exists)
        assert mode(tmp_path / "written") == 0o600
    finally:
        processes.stop(pid_file)


def test_parameters_are_quoted_as_in_a_shell() -> None:
    assert parameters.parse("""A=1 B='two words' C="雪 =" D=""") == {
        "A": "1",
        "B": "two words",
        "C": "雪 =",
        "D": "",
    }


@pytest.mark.parametrize("text", ["DailyCallLimit", "A='unfinished"])
def test_parameters_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(Trouble, match="PARAMETERS"):
        parameters.parse(text)


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    with pytest.raises(Trouble, match="there is no DailyLimit"):
        parameters.complete(TEMPLATE, {"DailyLimit": "5"})


def test_parameters_that_are_not_given_have_the_templates_defaults() -> None:
    values = parameters.complete(TEMPLATE, {"DailyCallLimit": "5"})
    assert (values["DailyCallLimit"], values["MaxPaidCalls"], values["DefaultInstruction"]) == ("5", "2", "")


def test_what_a_deployment_takes_back_unnamed_is_said_with_both_values() -> None:
    before = parameters.complete(TEMPLATE, {"DailyCallLimit": "5", "DefaultInstruction": "Make it night"})
    now = parameters.complete(TEMPLATE, {"MaxPaidCalls": "3"})
    assert parameters.taken_back(before, now, {"MaxPaidCalls"}) == [
        "DailyCallLimit=0 (was 5)", "DefaultInstruction='' (was 'Make it night')",
    ]  # fmt: skip
    assert parameters.taken_back(before, before, ()) == parameters.taken_back({}, now, ()) == []


def test_the_values_of_the_last_deployment_are_known(tmp_path: Path) -> None:
    home = Home(tmp_path, 4600)
    assert deploy.last_parameters(home) == {}
    home.folder.mkdir()
    (home.folder / "parameters.yaml").write_text('{"DefaultInstruction": "雪"}', encoding="utf-8")
    assert deploy.last_parameters(home) == {"DefaultInstruction": "雪"}


def test_whoever_asks_for_a_stack_that_is_not_there_hears_which_run(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"There is no stack on port 4711\. `make up` starts one\."):
        env_file.read(tmp_path, 4711)
    for port in (4702, 4703):
        Home(tmp_path, port).folder.mkdir()
    pid_file, _ = started(Home(tmp_path, 4702).folder)
    pid_file.rename(pid_file.with_name("ministack.pid"))
    try:
        with pytest.raises(Trouble, match=r"There is no stack on port 4711\. These run: PORT=4702\."):
            env_file.read(tmp_path, 4711)
        said: list[str] = []
        lifecycle.down(tmp_path, 4711, said.append)
        assert said == ["Nothing was running on port 4711. These run: PORT=4702."]
    finally:
        processes.stop(pid_file.with_name("ministack.pid"))


def test_the_client_reads_what_was_written_down_and_hears_which_stacks_there_are(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="There is no stack here yet"):
        checkout.variables(tmp_path)
    home = Home(tmp_path, 4702)
    home.folder.mkdir()
    env = env_file.environment(home, {**OUTPUTS, "ThreadsTable": "it's"}, "http://127.0.0.1:1")
    env_file.write(home, env)
    assert checkout.variables(tmp_path) == checkout.variables(tmp_path, 4702) == env
    with pytest.raises(Unreachable, match=r"There is no stack on port 4711\. There are: PORT=4702\."):
        checkout.variables(tmp_path, 4711)


@pytest.mark.parametrize(("photo", "begun"), [("nofile.jpg", []), ("local", []), (str(LAKE), ["up", "--photo"])])
def test_a_photo_that_is_not_there_is_told_before_anything_is_started(
    tmp_path: Path, photo: str, begun: list[str]
) -> None:
    """A program in place of Python prints its arguments."""
    listener = tmp_path / "listener.py"
    listener.write_text("import sys; print(sys.argv[3])", encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--silent", "--old-file=tools", "demo", f"PHOTO={photo}", f"RUN={sys.executable} {listener}"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == begun
    assert (done.returncode == 0) == bool(begun)
    assert begun or f"There is no file {photo}" in done.stderr


def python_with(folder: Path, *, pip: bool) -> Path:
    """A folder whose `python3` has pip or not, and prints what it installs."""
    folder.mkdir()
    (folder / "mkdir").symlink_to(str(shutil.which("mkdir")))
    program = folder / "python3"
    program.write_text(
        f'#!/bin/sh\n[ "$3" = --version ] && exit {int(not pip)}\necho "$0 $3"; exit 1\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return folder


def built_with(folder: Path, *path: Path) -> "subprocess.CompletedProcess[str]":
    """Build the layer without a uv on the path."""
    command = [str(shutil.which("make")), "build-DarkroomLayer", f"ARTIFACTS_DIR={folder}"]
    environ = {"PATH": os.pathsep.join(map(str, path))}
    layer = REPOSITORY / "layers" / "darkroom"
    return subprocess.run(command, cwd=layer, env=environ, capture_output=True, text=True, check=False)


def test_the_layer_is_installed_by_the_first_python_that_has_pip(tmp_path: Path) -> None:
    """After following the README, the first one on the path is that of `.venv`, which has no pip."""
    without, with_pip = python_with(tmp_path / "venv", pip=False), python_with(tmp_path / "system", pip=True)
    assert f"{with_pip}/python3 install" in built_with(tmp_path, without, with_pip).stdout


def test_where_nothing_can_install_the_layer_its_build_says_what_is_missing(tmp_path: Path) -> None:
    done = built_with(tmp_path, python_with(tmp_path / "venv", pip=False))
    assert done.returncode
    assert "put uv on the PATH, or a python3 that has pip" in done.stderr


def test_a_shell_reads_from_the_env_file_what_was_written(tmp_path: Path) -> None:
    home = Home(tmp_path, 4600)
    home.folder.mkdir()
    env = env_file.environment(home, {**OUTPUTS, "ThreadsTable": "it's $HOME `here`"}, "http://127.0.0.1:1")
    env_file.write(home, env)
    command = ["/bin/sh", "-c", f". '{tmp_path}/env' && env -0"]
    shell = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert {pair for pair in shell.stdout.split("\0") if pair} >= {f"{name}={value}" for name, value in env.items()}
    assert env_file.read(tmp_path) == env_file.read(tmp_path, 4600) == env


def test_the_stack_last_brought_up_keeps_its_port(tmp_path: Path) -> None:
    home = Home(tmp_path, ports.any_free())
    home.folder.mkdir()
    env_file.write(home, env_file.environment(home, OUTPUTS, "http://127.0.0.1:1"))
    assert ports.choose(tmp_path, None, print) == home


def test_nothing_of_a_real_account_reaches_the_local_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "SAM_CLI_CONTAINER"):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    environment = aws.environment("http://127.0.0.1:4566")
    assert "real" not in {value for name, value in environment.items() if name.startswith(("AWS_", "SAM_"))}
    assert aws.clients("http://127.0.0.1:4566").s3.meta.endpoint_url == "http://127.0.0.1:4566"


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    assert aws.unproxied({"https_proxy": "http://proxy", "NO_PROXY": "intranet"})["NO_PROXY"] == (
        "intranet,127.0.0.1,localhost"
    )
    assert aws.unproxied({"NO_PROXY": "intranet"}) == {}


def test_stopping_a_process_ends_what_it_started_too(tmp_path: Path) -> None:
    pid_file, _ = started(tmp_path)
    eventually(lambda: is_held(tmp_path / "held"))
    assert processes.running(pid_file)
    assert processes.stop(pid_file)
    assert not processes.running(pid_file)
    eventually(lambda: not is_held(tmp_path / "held"))
    assert not processes.stop(pid_file)


def test_a_process_that_merely_has_the_same_number_is_left_alone(tmp_path: Path) -> None:
    pid_file, pid = started(tmp_path)
    impostor = tmp_path / "impostor.pid"
    impostor.write_text(json.dumps({"pid": pid, "started": "long ago"}))
    assert not processes.running(impostor)
    assert not processes.stop(impostor)
    assert processes.running(pid_file)
    processes.stop(pid_file)


def test_a_structured_line_is_told_in_words() -> None:
    line = json.dumps({"level": "INFO", "message": "answered", "thread_id": "cat", "service": "on-request", "n": 1})
    assert logs.readable(0, "darkroom-on-request", line).endswith("on-request  INFO     answered  thread_id=cat  n=1")
    assert logs.readable(0, "darkroom-on-upload", "plain").endswith("on-upload   plain")


def test_a_name_in_a_log_line_does_nothing_to_the_terminal() -> None:
    """The name is in JSON, in a line of Lambda's own, or in an exception."""
    name = "a\x1b[2J\x9b\u2028\u202e\nb"
    line = json.dumps({"level": "INFO", "message": "upload taken", "key": name, "exception": f"Error:\n  {name}"})
    for told in (logs.readable(0, "darkroom-on-upload", line), logs.readable(0, "darkroom-on-upload", f"plain {name}")):
        assert not [each for each in told if each != "\n" and unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")]
    assert "key=a\\u001b[2J\\u009b\\u2028\\u202e\\u000ab\n" in logs.readable(0, "darkroom-on-upload", line)
