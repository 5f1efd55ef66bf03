"""A door in a process with little memory and no rights: `python -m tests.fuzz.confined DOOR MEGABYTES`.

The bytes come from standard input, and the result goes to standard output.
"""

import resource
import sys
from pathlib import Path

from tests.fuzz import doors


def main(name: str, megabytes: int) -> None:
    door = doors.BY_NAME[name]
    for seed in door.seeds():
        doors.checked(door, seed)  # loads lazy imports
    data = sys.stdin.buffer.read()
    taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + megabytes * 1_000_000,) * 2)
    doors.forbid_deeds()
    print(type(doors.checked(door, data)).__name__)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
