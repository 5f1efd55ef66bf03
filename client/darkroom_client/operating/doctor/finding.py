"""The findings of the checks."""

from typing import Literal, NamedTuple

State = Literal[
    "ok",
    "broken",  # work does not go on, or not as it should
    "unwise",  # it works, and somebody should know
    "unknown",  # the caller may not see it, or nothing has shown it yet
]


class Finding(NamedTuple):
    """The finding of one check: its state in a sentence, and the way out if there is something to do."""

    name: str
    state: State
    said: str
    way_out: str = ""
