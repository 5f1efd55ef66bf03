"""Words as people save them, on the deployed stack, and the errors for words that cannot be read."""

import base64
import json
import uuid
from urllib.parse import unquote

import pytest

from tests.e2e.road import Road, photo

pytestmark = pytest.mark.slow

SNOW = "把景色换成夜色下雪的场景"


def metadata(road: Road, key: str) -> dict[str, str]:
    """The metadata as a person sees it, by the plain CLI."""
    bucket = road.stack.env["RESULTS_BUCKET"]
    found = road.cli("s3api", "head-object", "--bucket", bucket, "--key", key, "--query", "Metadata")
    return {name: unquote(value) for name, value in json.loads(found).items()}


def test_words_in_other_scripts_and_encodings_are_one_conversation_that_leads_back(road: Road) -> None:
    thread = f"茶 + mug/{uuid.uuid4().hex[:8]}"
    uploads = road.stack.env["UPLOADS_BUCKET"]
    road.upload(f"{thread}.jpg", photo(), instruction=f"=?UTF-8?B?{base64.b64encode(SNOW.encode()).decode()}?=")
    first = road.turn(thread, 1)
    assert first["instruction"] == SNOW
    for key in (first["images"][0]["key"], first["images"][0]["key"].rpartition("/")[0] + "/result.json"):
        assert metadata(road, key) == {
            "source": f"s3://{uploads}/{thread}.jpg", "thread": thread, "request": first["request_id"],
        }  # fmt: skip

    road.upload(f"{thread}.txt", "Été, bitte\r\nмного снега 👻\r\n".encode("utf-16"))
    assert road.turn(thread, 2)["instruction"] == "Été, bitte\nмного снега 👻"

    road.upload(f"{thread}.txt", "变成红色，谢谢".encode("gb18030"))
    told = road.rejected_upload(f"{thread}.txt")
    assert "it looks like GB18030" in told["error"]["message"]
    assert "Notepad" in told["error"]["hint"]

    road.upload(f"{thread}.txt", "变成红色，谢谢")
    assert road.turn(thread, 3)["instruction"] == "变成红色，谢谢"
    assert len(road.results(thread)) == 3


def test_whoever_finds_what_was_told_finds_the_upload(road: Road) -> None:
    key = f"海报/{uuid.uuid4().hex[:8]} 100%.psd"
    road.upload(key, "x")
    told = road.rejected_upload(key)
    assert "Export the picture as PNG" in told["error"]["hint"]
    assert (told["upload"]["bucket"], told["upload"]["key"]) == (road.stack.env["UPLOADS_BUCKET"], key)
    (place,) = road.keys(f"rejected/uploads/{key}/")
    assert metadata(road, place) == {"source": f"s3://{road.stack.env['UPLOADS_BUCKET']}/{key}"}
