"""Brings the stack on this machine up, and takes it down."""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.stack import aws, deploy, emulator, env_file, parameters, ports, stand_in
from local.stack.home import HOMES, REPOSITORY, Home, existing, require_tools

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The stack to bring up. A parameter that is not given has the template's default, whatever ran before."""

    port: int | None = None
    image_api_url: str | None = None
    image_api_key: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    homes: Path = HOMES
    emulator: str = emulator.PROGRAM


def up(wanted: Wanted, say: Say) -> dict[str, str]:
    """Bring the stack up, or up to date. Return its environment once it is ready."""
    require_tools()
    _values(wanted, "")  # reports a misspelt parameter before anything is started
    home = ports.choose(wanted.homes, wanted.port, say)
    with _alone(home):
        return _up(home, wanted, say)


def down(homes: Path, port: int | None, say: Say) -> None:
    """Stop the stack on `port`, or every one. Their data stays."""
    chosen = [home for home in existing(homes) if port in (None, home.port)]
    stopped = [home for home in chosen if _stop(home)]
    for home in stopped:
        say(f"Stopped the stack on port {home.port}. Its data stays; `make up` goes on from there.")
    if not stopped:
        say(
            "Nothing was running."
            if port is None
            else f"Nothing was running on port {port}. {env_file.elsewhere(homes)}"
        )


def _up(home: Home, wanted: Wanted, say: Say) -> dict[str, str]:
    if not emulator.running(home):
        say(f"Starting the emulator of AWS on port {home.port} …")
    emulator.start(home, wanted.emulator)
    known = aws.clients(home.endpoint)
    url, key = _image_api(home, wanted, say)
    values = _values(wanted, url)
    if not deploy.is_deployed(home, deploy.fingerprint(values), known):
        _deploy(home, wanted, values, known, say)
    outputs = deploy.outputs(known)
    deploy.put_key(outputs, key, known)
    deploy.wait_until_ready(outputs, known)
    if deploy.is_paused(outputs, known):
        say(f"It is paused, and calls nothing: .venv/bin/darkroom resume --stack local:{home.port}")
    env = env_file.environment(home, outputs, url)
    env_file.write(home, env)
    return env


def _deploy(home: Home, wanted: Wanted, values: Mapping[str, str], known: aws.Clients, say: Say) -> None:
    # Computed before any file is read: sources that change meanwhile are deployed the next time.
    mark = deploy.fingerprint(values)
    named = {*wanted.parameters, *(["ImageApiUrl"] if wanted.image_api_url else [])}
    if changes := parameters.taken_back(deploy.last_parameters(home), values, named):
        say(f"Not given this time, and therefore back to the default: {', '.join(changes)}.")
    if not deploy.exists(known) and deploy.has_buckets(known):
        _start_afresh(home, wanted, say)
    # One at a time on this machine: a build would remove the files that another deployment is packing.
    with _locked(HOMES / "deploy.lock"):
        say("Building …")
        deploy.build(home)
        say("Deploying …")
        deploy.deploy(home, values, mark, known)


def _start_afresh(home: Home, wanted: Wanted, say: Say) -> None:
    """Move the state aside: a crash in the first deployment left buckets without a stack, which blocks the next."""
    aside = home.folder / f"state-lost-{int(time.time())}"
    emulator.stop(home)
    home.state.rename(aside)
    say(f"The last run ended before the stack was complete. Starting afresh; its remains are in {aside}")
    emulator.start(home, wanted.emulator)


def _image_api(home: Home, wanted: Wanted, say: Say) -> tuple[str, str]:
    """The address of the image API, and its key."""
    given = wanted.image_api_url
    # `source .local/env` leaves the stand-in's own address in the shell, which means the default.
    if not given or given in {stand_in.address(each) for each in existing(home.homes)}:
        return stand_in.start(home), stand_in.KEY
    stand_in.stop(home)
    if not wanted.image_api_key:
        say("IMAGE_API_KEY is not given, so the image API gets the key `none`.")
    return given, wanted.image_api_key or "none"


def _values(wanted: Wanted, image_api_url: str) -> dict[str, str]:
    ours = {
        "ImageApiUrl": image_api_url,
        # On this machine everything speaks http, and only to this machine.
        "RequireTls": "false",
    }
    return parameters.complete(REPOSITORY / "template.yaml", {**wanted.parameters, **ours})


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One `up` or `down` of a stack at a time."""
    with _locked(home.folder / "lock"):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of this file, so that other processes wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stop(home: Home) -> bool:
    with _alone(home):
        return any([emulator.stop(home), stand_in.stop(home)])
