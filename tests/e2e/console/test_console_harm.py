"""Malicious pictures: markup that is called a picture runs nothing, wherever it comes from."""

from pathlib import Path

import pytest

from darkroom_client.room import Darkroom
from tests.e2e.console.consoles import Console, thread_page
from tests.e2e.road import Road, photo

pytestmark = pytest.mark.slow

HTML = b"<!doctype html><title>harm</title><script>alert('harm')</script><img src=x onerror=alert('harm')>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
POLYGLOT = b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//<script>alert(3)</script>"
SECONDS = 120.0


@pytest.mark.parametrize(("harm", "media_type"), [(HTML, "text/html"), (SVG, "image/svg+xml"), (POLYGLOT, "text/html")])
def test_what_lies_where_a_picture_was_runs_nothing(
    console: Console, road: Road, room: Darkroom, thread: str, harm: bytes, media_type: str
) -> None:
    """A person with access to the bucket could put it there."""
    s3, at, colour = road.stack.aws.s3, f"{thread}/1/1", f"#{thread[-6:]}"  # no other test sends the same bytes
    made = room.send(thread, "a lighthouse", images=[photo(colour)]).wait(timeout=SECONDS).outcome
    places = [(each.bucket, each.key) for each in (made.images[0], made.sources[0])]
    before = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for bucket, key in places]
    for bucket, key in places:
        s3.put_object(Bucket=bucket, Key=key, Body=harm, ContentType=media_type)
    with console.entered(thread_page(thread)) as page:
        for kind in ("thumbnails", "previews", "pictures", "source-thumbnails", "source-previews", "sources"):
            page.goto(f"{console.origin}/{kind}/{at}")
            assert page.evaluate("document.title") != "harm"
            assert page.evaluate("document.contentType") in ("text/plain", "text/html", "image/gif", "image/webp")
            assert "<script>alert" not in page.evaluate("document.documentElement.innerHTML")
        assert page.notes().dialogs == ()
    for (bucket, key), body in zip(places, before, strict=True):  # the wall of later tests shows these pictures
        s3.put_object(Bucket=bucket, Key=key, Body=body)


@pytest.mark.parametrize(
    ("name", "harm"),
    [("photo.png", HTML), ("photo.svg", SVG), ("photo.jpg", SVG)],
    ids=["html as png", "svg", "svg as jpg"],
)
def test_what_is_dropped_and_no_picture_is_refused_with_its_reason(
    console: Console, road: Road, tmp_path: Path, name: str, harm: bytes, thread: str
) -> None:
    file = tmp_path / f"{thread}-{name}"
    file.write_bytes(harm)
    with console.entered() as page:
        page.drop("form[action='/send']", file)
        page.fill("form[action='/send'] [name=words]", f"make it night, {thread}")
        page.click("form[action='/send'] [type=submit]")
        page.read(f"{file.name} is no picture. Nothing was sent.")
        assert page.notes().dialogs == ()
    assert road.calls(thread) == []
