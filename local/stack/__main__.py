"""The stack as a program: `python -m local.stack up|down|logs|env`. The environment brings the options of `make`.

PORT, IMAGE_API_URL, IMAGE_API_KEY and PARAMETERS come that way, so that nothing has to be quoted between make and here.
DARKROOM_HOMES sets another folder than `.local` for the stacks, as the client's `testing` needs it.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local.stack import emulator, env_file, logs, parameters
from local.stack.home import HOMES, Home, Trouble
from local.stack.lifecycle import Say, Wanted, down, up


def _run(command: str, given: Mapping[str, str], say: Say) -> None:
    port = _port(given.get("PORT"))
    homes = Path(given.get("DARKROOM_HOMES") or HOMES)
    if command == "up":
        _tell(homes, up(_wanted(given, port, homes), say), say)
    elif command == "down":
        down(homes, port, say)
    elif command == "logs":
        _follow(homes, port, say)
    else:
        say("\n".join(f"{name}={value}" for name, value in env_file.read(homes, port).items()))


def _wanted(given: Mapping[str, str], port: int | None, homes: Path) -> Wanted:
    values = parameters.parse(given.get("PARAMETERS", ""))
    return Wanted(
        port=port,
        image_api_url=values.pop("ImageApiUrl", None) or given.get("IMAGE_API_URL"),
        image_api_key=given.get("IMAGE_API_KEY"),
        parameters=values,
        homes=homes,
    )


def _port(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Trouble(f"PORT={text} is not a port.")
    return int(text)


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
  make down PORT={port}    stops it; its data stays
"""
    )


def _follow(homes: Path, port: int | None, say: Say) -> None:
    env = env_file.read(homes, port)
    home = Home(homes, env_file.port_of(env))
    if not emulator.running(home):
        raise Trouble(f"The stack on port {home.port} is not running. {env_file.elsewhere(homes)}")
    logs.follow(home, (env["ON_UPLOAD_FUNCTION"], env["ON_REQUEST_FUNCTION"], env["ON_PICTURE_FUNCTION"]), say)


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    options.add_argument("command", choices=["up", "down", "logs", "env"])
    try:
        _run(options.parse_args().command, os.environ, lambda text: print(text, flush=True))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe, so nothing more is written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
