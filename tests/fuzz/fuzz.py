"""The fuzzer: searches for bytes that break a promise at a door, guided by code coverage (atheris).

python -m tests.fuzz.fuzz --seconds 20 --seed 1 [DOOR …]      keeps findings in `.local/fuzz/found`
python -m tests.fuzz.fuzz --again .local/fuzz/found/picture-crash-…   needs no atheris
"""

import argparse
import importlib.util
import re
import secrets
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUND = ROOT / ".local/fuzz/found"
CORPUS = ROOT / ".local/fuzz/corpus"
MAX_BYTES = 8192
HANG_SECONDS = 30
MEGABYTES = 2048
FOLLOWED = ("darkroom", "PIL", "email", "json", "urllib", "http", "urllib3")  # their coverage guides the search

sys.path[:0] = [str(ROOT), str(ROOT / "layers/darkroom"), str(ROOT / "client")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("doors", nargs="*", metavar="DOOR")
    parser.add_argument("--seconds", type=int, default=20, help="for each door")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31 - 1) + 1)
    parser.add_argument("--again", type=Path, help="an input that was kept")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.again:
        return again(chosen.again)
    if not importlib.util.find_spec("atheris"):
        print(
            "The fuzzer, atheris, has no build for this Python on this machine: "
            "it needs Linux on x86_64 and a Python from 3.11 to 3.14.",
            file=sys.stderr,
        )
        return 2
    if chosen.inside:
        return inside(chosen.inside, chosen.seconds, chosen.seed)
    return every(chosen.doors, chosen.seconds, chosen.seed)


def every(names: Iterable[str], seconds: int, seed: int) -> int:
    """Run a process for each door, one after the other. Return how many of them broke."""
    from tests.fuzz.doors import BY_NAME

    print(f"seed: {seed}, {seconds} s a door (make fuzz SECONDS={seconds} SEED={seed} looks again)")
    print(f"{'door':14}{'executions':>12}{'edges':>8}{'features':>10}  found", flush=True)
    return min(100, sum(not _is_sound(name, seconds, seed) for name in names or BY_NAME))


def _is_sound(name: str, seconds: int, seed: int) -> bool:
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.fuzz",
        "--inside",
        name,
        "--seconds",
        str(seconds),
        "--seed",
        str(seed),
    ]
    before = set(_kept(name))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    said = done.stdout + done.stderr
    found = sorted(set(_kept(name)) - before)
    figures = [_last(pattern, said) for pattern in (r"executed_units: (\d+)", r"cov: (\d+)", r"ft: (\d+)")]
    verdict = "nothing" if done.returncode == 0 else f"exit {done.returncode}"
    print("{:14}{:>12}{:>8}{:>10}  {}".format(name, *figures, verdict), flush=True)
    if done.returncode:
        print(said[-6000:])
        for path in found:
            print(f"kept: {path}\nagain: {RUN_AGAIN} {path}")
    return done.returncode == 0


RUN_AGAIN = ".venv/bin/python -m tests.fuzz.fuzz --again"


def _kept(name: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in FOUND.glob(f"{name}-*")]


def _last(pattern: str, said: str) -> str:
    return str((re.findall(pattern, said) or ["?"])[-1])


def inside(name: str, seconds: int, seed: int) -> int:
    """Fuzz one door in this process. Does not return."""
    import atheris

    with atheris.instrument_imports(include=list(FOLLOWED), enable_loader_override=False):
        from tests.fuzz import doors
    door = doors.BY_NAME[name]
    corpus = CORPUS / name
    for folder in (FOUND, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    for stale in corpus.iterdir():
        stale.unlink()  # otherwise a seed would not repeat its run
    for number, data in enumerate(door.seeds()):
        (corpus / f"seed-{number:02d}").write_bytes(data)
        with suppress(Exception):  # the fuzzer tries it again
            doors.checked(door, data)  # loads lazy imports
    doors.forbid_deeds()
    limits = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={MAX_BYTES}", f"-timeout={HANG_SECONDS}",
              f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=1"]  # fmt: skip
    atheris.Setup([sys.argv[0], *limits, str(corpus)], lambda data: doors.checked(door, data) and None)
    atheris.Fuzz()
    return 0


def again(path: Path) -> int:
    """Run a kept input again. Return the result."""
    from tests.fuzz.doors import BY_NAME, checked

    print(repr(checked(BY_NAME[path.name.partition("-")[0]], path.read_bytes())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
