"""The largest accepted inputs in little memory, each in a process of its own, which can tell its peak."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from darkroom.batches import batch_file
from tests.pictures.making import saved, scene

ROOT = Path(__file__).parents[2]
PEAK = """
import re, sys
from pathlib import Path
from darkroom.pictures import inspect, normalize, repair
from darkroom.providers.dialects.nebula import NEBULA

def tell():
    print(int(re.search("VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1]) // 1000)

data = Path(sys.argv[1]).read_bytes()
inspect.inspect(data, lambda data: False)  # on_picture decodes what is doubtful
tell()
assert inspect.bare(data, NEBULA.limits) is None
normalize.normalized(data, 7_000_000)
tell()
repair.read_whole(data)
tell()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak")
@pytest.mark.parametrize(
    ("options", "inspected", "sent_in", "checked"),
    [({}, 120, 400, 600), ({"progressive": True}, 450, 600, 900)],
    ids=["baseline", "progressive"],
)
def test_a_hundred_megapixels_take_little_memory(
    tmp_path: Path, options: dict[str, bool], inspected: int, sent_in: int, checked: int
) -> None:
    """Decoded it has 400 MB. For a progressive one the decoder keeps all coefficients, 300 MB."""
    path = tmp_path / "large.jpg"
    path.write_bytes(saved(scene(size=(10_000, 10_000)), "JPEG", quality=90, **options))
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    first, second, third = map(int, done.stdout.split())
    assert first <= inspected
    assert second <= sent_in
    assert third <= checked


def test_the_most_lines_are_worked_through_in_little_memory() -> None:
    """The file alone has 300 MB."""
    command = [sys.executable, "-m", "tests.fuzz.largest_batch"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["failed"] == batch_file.MAX_LINES
    assert told["last"].startswith("line 50000: body: is not JSON")
    assert told["megabytes"] < 150
