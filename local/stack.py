"""The stack on this machine, brought up, taken down, heard: `python -m local.stack up|down|logs|env`."""

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local import aws, deploy, emulator, env_file, image_api_process, logs, parameters
from local.choice import choose
from local.home import HOMES, REPOSITORY, Home, Trouble, existing, require_tools

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The stack that somebody asks for. What is not said is the template's default, whatever ran before."""

    port: int | None = None
    image_api_url: str | None = None
    image_api_key: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    homes: Path = HOMES


def up(wanted: Wanted, say: Say) -> dict[str, str]:
    """Bring it up, or up to date. The environment to use it with, once it is ready."""
    require_tools()
    home = choose(wanted.homes, wanted.port, say)
    with _alone(home):
        return _up(home, wanted, say)


def down(homes: Path, port: int | None, say: Say) -> None:
    """Stop the stack on `port`, or every one. What they remember stays."""
    chosen = [home for home in existing(homes) if port in (None, home.port)]
    stopped = [home for home in chosen if _stop(home)]
    for home in stopped:
        say(f"Stopped the stack on port {home.port}. What it remembers stays; `make up` goes on from there.")
    if not stopped:
        say("Nothing was running.")


def _up(home: Home, wanted: Wanted, say: Say) -> dict[str, str]:
    if not emulator.running(home):
        say(f"Starting the emulator of AWS on port {home.port} …")
    emulator.start(home)
    known = aws.clients(home.endpoint)
    url, key = _image_api(home, wanted, say)
    values = _values(wanted, url)
    if not deploy.is_deployed(home, deploy.fingerprint(values), known):
        _deploy(home, values, known, say)
    outputs = deploy.outputs(known)
    deploy.put_key(outputs, key, known)
    deploy.wait_until_ready(outputs, known)
    env = env_file.environment(home, outputs, url)
    env_file.write(home, env)
    return env


def _deploy(home: Home, values: Mapping[str, str], known: aws.Clients, say: Say) -> None:
    # Before anything is read: what changes meanwhile is deployed the next time.
    mark = deploy.fingerprint(values)
    if not deploy.exists(known) and deploy.has_buckets(known):
        _start_afresh(home, say)
    say("Building …")
    deploy.build(home)
    say("Deploying …")
    deploy.deploy(home, values, mark, known)


def _start_afresh(home: Home, say: Say) -> None:
    """A crash during the first deployment leaves buckets without a stack; nothing can be deployed then."""
    aside = home.folder / f"state-lost-{int(time.time())}"
    emulator.stop(home)
    home.state.rename(aside)
    say(f"The last run ended before the stack was complete. Starting afresh; what is left of it is in {aside}")
    emulator.start(home)


def _image_api(home: Home, wanted: Wanted, say: Say) -> tuple[str, str]:
    """Where the image API is, and its key."""
    given = wanted.image_api_url
    # `source .local/env` leaves the stand-in's own address in the shell: that asks for nothing else.
    if not given or given in {image_api_process.address(each) for each in existing(home.homes)}:
        return image_api_process.start(home), image_api_process.KEY
    image_api_process.stop(home)
    if not wanted.image_api_key:
        say("No IMAGE_API_KEY is given, so the image API is told that there is none.")
    return given, wanted.image_api_key or "none"


def _values(wanted: Wanted, image_api_url: str) -> dict[str, str]:
    ours = {
        "ImageApiUrl": image_api_url,
        # On this machine everything speaks http, to itself alone.
        "RequireTls": "false",
    }
    return parameters.complete(REPOSITORY / "template.yaml", {**wanted.parameters, **ours})


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One `up` or `down` of a stack at a time."""
    home.folder.mkdir(parents=True, exist_ok=True)
    with (home.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stop(home: Home) -> bool:
    with _alone(home):
        return any([emulator.stop(home), image_api_process.stop(home)])


def _follow(homes: Path, port: int | None, say: Say) -> None:
    env = env_file.read(homes, port)
    home = Home(homes, env_file.port_of(env))
    if not emulator.running(home):
        raise Trouble(f"The stack on port {home.port} is not running. `make up` starts it.")
    logs.follow(home, (env["ON_UPLOAD_FUNCTION"], env["ON_REQUEST_FUNCTION"]), say)


def _tell(homes: Path, env: Mapping[str, str], say: Say) -> None:
    port = env_file.port_of(env)
    say(
        f"""
The stack is up.

  endpoint   {env["AWS_ENDPOINT_URL"]}
  uploads    s3://{env["UPLOADS_BUCKET"]}
  results    s3://{env["RESULTS_BUCKET"]}
  requests   {env["REQUESTS_QUEUE_URL"]}
  image API  {env["IMAGE_API_URL"]}

  source {os.path.relpath(env_file.path(homes, None))}    and plain `aws` commands talk to it
  make logs PORT={port}    what the functions say
  make down PORT={port}    stops it; what it remembers stays
"""
    )


def _arguments(words: list[str]) -> argparse.Namespace:
    # Through the environment nothing needs to be quoted on its way from make to here.
    default = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "logs", "env"])
    parser.add_argument("--port", default=default("PORT"), help="the port of the stack")
    parser.add_argument("--image-api-url", default=default("IMAGE_API_URL"), help="the real image API")
    parser.add_argument("--image-api-key", default=default("IMAGE_API_KEY"), help="and its key")
    parser.add_argument("--parameters", default=default("PARAMETERS", ""), help="Name=value Other='two words'")
    parser.add_argument("--homes", type=Path, default=HOMES, help="the folder that holds the stacks' folders")
    return parser.parse_args(words)


def _wanted(arguments: argparse.Namespace, homes: Path, port: int | None) -> Wanted:
    given = parameters.parse(arguments.parameters)
    return Wanted(
        port=port,
        image_api_url=given.pop("ImageApiUrl", None) or arguments.image_api_url,
        image_api_key=arguments.image_api_key,
        parameters=given,
        homes=homes,
    )


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Trouble(f"PORT={text} is no port.")
    return int(text)


def _run(arguments: argparse.Namespace, say: Say) -> None:
    homes, port = arguments.homes.absolute(), _port(arguments.port)
    if arguments.command == "up":
        _tell(homes, up(_wanted(arguments, homes, port), say), say)
    elif arguments.command == "down":
        down(homes, port, say)
    elif arguments.command == "logs":
        _follow(homes, port, say)
    else:
        say("\n".join(f"{name}={value}" for name, value in env_file.read(homes, port).items()))


def main() -> int:
    try:
        _run(_arguments(sys.argv[1:]), lambda text: print(text, flush=True))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever listened, such as `head`, has heard enough; nothing more can be said at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
