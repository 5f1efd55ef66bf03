"""Real upload clients against the deployed stack: each asks once, however often it sends the same."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from email.header import Header
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e import s3fs
from tests.e2e.clients import Boto3, Cli, Client, JavaScript, Rclone, S3fs, S3fsOnTheWire
from tests.e2e.road import Road, eventually, photo

pytestmark = pytest.mark.slow

NAME = "a b+茶 😀 #?%25&=;@$'(~)[x]^!"
QUEUES = ("upload-events", "requests.fifo")

CLIENTS: dict[str, Callable[[Road], Client]] = {
    "cli": Cli,
    "boto3": Boto3,
    "rclone": Rclone,
    "javascript": JavaScript,
    "s3fs-on-the-wire": S3fsOnTheWire,
}
with_any = pytest.mark.parametrize("client", [*CLIENTS, "s3fs"], indirect=True)
with_those_that_send_metadata = pytest.mark.parametrize(
    "client", [name for name in CLIENTS if not name.startswith("s3fs")], indirect=True
)


@pytest.fixture
def client(request: pytest.FixtureRequest, road: Road, tmp_path: Path) -> Iterator[Client]:
    if request.param != "s3fs":
        yield CLIENTS[request.param](road)
        return
    env = road.stack.env
    with s3fs.mounted(env["UPLOADS_BUCKET"], tmp_path / "bucket", {**os.environ, **env}) as folder:
        yield S3fs(folder)


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex[:12]


@with_those_that_send_metadata
def test_a_photo_brings_its_words_and_asks_once_in_parts_or_in_one(
    client: Client, road: Road, tmp_path: Path, mark: str
) -> None:
    """When S3 copies a multipart object, it joins the parts, and the entity tag changes."""
    small, large = tmp_path / "small.jpg", tmp_path / "large.png"
    small.write_bytes(photo())
    Image.frombytes("RGB", (1500, 1200), os.urandom(1500 * 1200 * 3)).save(large)
    plain, named = f"{mark}/plain", f"{mark}/{NAME}"
    said = {
        plain: f"Make it night, please: 50% off = {mark}",
        named: f"镜像 ❄️, s'il te plaît (*{mark}*)!",
    }
    client.put(small, f"{plain}.jpg", said[plain])
    client.put(large, f"{named}.png", said[named])
    first = {stem: road.turn(stem, 1) for stem in said}
    assert {stem: result["instruction"] for stem, result in first.items()} == said
    (source,) = first[named]["sources"]
    assert (source["key"], source["sha256"]) == (f"{named}.png", hashlib.sha256(large.read_bytes()).hexdigest())

    s3, bucket = road.stack.aws.s3, road.stack.env["UPLOADS_BUCKET"]
    in_parts = s3.head_object(Bucket=bucket, Key=f"{named}.png")
    client.touch(f"{named}.png")
    client.put(large, f"{named}.png", said[named])
    in_one = s3.put_object(
        Bucket=bucket,
        Key=f"{named}.png",
        Body=large.read_bytes(),
        Metadata={"instruction": Header(said[named], "utf-8").encode(linesep="")},
    )
    assert [tag.partition("-")[2] for tag in (in_parts["ETag"], in_one["ETag"])] == ['2"', ""]
    wait_until_quiet(road)
    assert turns(road, said) == dict.fromkeys(said, 1)
    assert len(road.calls(mark)) == len(said)


@with_any
def test_a_folder_asks_once_however_often_it_is_sent(client: Client, road: Road, tmp_path: Path, mark: str) -> None:
    folder, prefix = tmp_path / "Fotos", f"{mark}/Fotos été"
    said = {
        f"{prefix}/plain": f"paint it in oil, {mark}",
        f"{prefix}/{NAME}": f"画成水彩画，{mark}",
        f"{prefix}/below/deep": f"mirror it, {mark}",
    }
    (folder / "below").mkdir(parents=True)
    for stem, words in said.items():
        file = folder / f"{stem.removeprefix(prefix)[1:]}.jpg"
        file.write_bytes(photo())
        text = "_instruction.txt" if file.parent.name == "below" else f"{file.stem}.txt"
        file.with_name(text).write_text(words, encoding="utf-8")
    for noise in (".DS_Store", "Thumbs.db", "photo.jpg.part"):
        (folder / noise).write_bytes(b"noise")

    client.mark_folder(f"{prefix}/empty/")
    client.sync(folder, prefix)
    for stem, words in said.items():
        first = road.turn(stem, 1)
        assert (first["instruction"], first["sources"][0]["key"]) == (words, f"{stem}.jpg")

    for file in folder.rglob("*.*"):
        os.utime(file)
    client.sync(folder, prefix)
    for name in (f"{NAME}.jpg", f"{NAME}.txt"):
        client.touch(f"{prefix}/{name}")
        client.put(folder / name, f"{prefix}/{name}")
    wait_until_quiet(road)
    assert turns(road, said) == dict.fromkeys(said, 1)
    assert len(road.calls(mark)) == len(said)
    assert road.keys(f"rejected/uploads/{mark}/") == []

    (folder / "plain.txt").write_text(f"now at night, {mark}", encoding="utf-8")
    client.sync(folder, prefix)
    assert road.turn(f"{prefix}/plain", 2)["instruction"] == f"now at night, {mark}"


def turns(road: Road, threads: Iterable[str]) -> dict[str, int]:
    return {thread: len(road.results(thread)) for thread in threads}


def wait_until_quiet(road: Road) -> None:
    """Wait until a new upload has gone all the way through, and everything before it is done."""
    sentinel = f"sentinel-{uuid.uuid4().hex}"
    road.upload(f"{sentinel}.jpg", photo(), instruction="anything")
    road.turn(sentinel, 1)
    # Twice: a message on its way from one queue to the other can be missed by a single look at each.
    for _ in range(2):
        eventually(lambda: not any(name.endswith(QUEUES) for name in road.left()) or None)
