"""The stand-in as a program: `python -m local.image_api --port 8080`."""

import argparse

from local.image_api.server import DEFAULT_KEY, StandInServer


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m local.image_api", description="Stand-in for the image API")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--key", default=DEFAULT_KEY)
    given = options.parse_args()
    server = StandInServer(given.port, given.key)
    print(f"stand-in for the image API at {server.url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
