"""Asks for a picture and waits for it: `python producer.py mug.jpg "make it night" order-4711`.

Run again with the same order it pays nothing: the request's id is the order's, and its outcome is there already.
"""

import sys
from pathlib import Path

from darkroom_client import Darkroom, Failed, TimedOut


def main(photo: str, words: str, order: str) -> int:
    room = Darkroom.from_environment()
    turn = room.send(f"orders/{order}", words, images=[photo], request_id=order, metadata={"order": order})
    try:
        result = turn.wait(timeout=300)
    except TimedOut as still_open:
        print(f"{still_open} Ask again later with the same order.", file=sys.stderr)
        return 4
    except Failed as failed:
        print(f"{failed.code}: {failed.message}. {failed.hint or ''}", file=sys.stderr)
        return 1
    target = Path(f"{order}{Path(result.images[-1].name).suffix}")
    print(f"turn {result.turn}: {result.images[-1].save(target)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
