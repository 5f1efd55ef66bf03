"""Takes every outcome that its queue announces: `python consumer.py QUEUE_URL`.

An outcome may come twice. Handling it twice must give the same result: here a file is written again.
"""

import sys

from darkroom_client import Darkroom


def main(queue_url: str) -> None:
    room = Darkroom.from_environment()
    for outcome in room.outcomes(queue_url=queue_url):
        order = outcome.outcome.metadata.get("order", "unknown")
        if outcome.error:
            print(f"{order}: {outcome.error.code}: {outcome.error.message}", flush=True)
            continue
        image = outcome.images[-1]
        print(f"{order}: {image.save(f'consumed-{order}-{image.name}')}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
