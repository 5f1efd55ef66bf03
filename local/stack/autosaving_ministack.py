"""ministack as a program that saves its state every few seconds. Runs in ministack's own environment.

On its own, ministack saves its state when it is stopped, but not when it is killed. Tables and queues would then go
back to the last stop, and the buckets, which are files, would not.
"""

import logging
import threading
import time
from collections.abc import Callable

from ministack import app
from ministack.core import persistence

_SECONDS = 5.0
_State = dict[str, Callable[[], object]]
_turn = threading.Lock()


def _save(services: _State) -> None:
    # One at a time: two would write the same temporary file.
    with _turn:
        persistence.save_all(services)


def _save_again_and_again() -> None:
    while True:
        time.sleep(_SECONDS)
        _save(app._build_persistence_save_dict())


def main() -> None:
    logging.getLogger("persistence").setLevel(logging.WARNING)
    app.save_all = _save
    threading.Thread(target=_save_again_and_again, name="save", daemon=True).start()
    app.main()


if __name__ == "__main__":
    main()
