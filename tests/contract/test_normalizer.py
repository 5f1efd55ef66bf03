"""The normalizer's contract, kept by the normalizer itself and by its client through Lambda; and errors of Lambda."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from PIL import Image as Pillow

from darkroom.aws.image_function import LambdaNormalizer
from darkroom.aws.s3 import S3Objects
from darkroom.domain.ports import PictureNormalizer
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import Fault, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures.handler import Normalizer
from darkroom.pictures.renditions import Renditions
from functions.on_picture import app as on_picture
from tests.contract.conftest import Results
from tests.fakes.image_api import png
from tests.invocation import CONTEXT
from tests.pictures.making import photographed, saved, scene
from tests.unit.samples import opened
from tests.unit.servers import Exchange, Script, Server, answering, http, unused_port

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REF = ImageRef("uploads", "scan.tif")
SCAN = photographed("TIFF", scene())
DIED = {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: 1 Error: Runtime exited: signal: killed"}
Answer = Callable[[Script], LambdaNormalizer]


def invoked(exchange: Exchange) -> None:
    """Lambda with our function behind it."""
    exchange.read()
    assert exchange.request_line.startswith("POST /2015-03-31/functions/on-picture/invocations ")
    exchange.send(http(200, json.dumps(on_picture.handler(json.loads(exchange.body), CONTEXT)).encode()))


def failed(**error: str) -> Script:
    """Lambda with a function that fails."""
    return answering(http(200, json.dumps(error).encode(), x_amz_function_error="Unhandled"))


def through_lambda(url: str) -> LambdaNormalizer:
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    return LambdaNormalizer(lambda: boto3.client("lambda", endpoint_url=url, config=once), "on-picture")


@pytest.fixture
def lambda_that(aws: None) -> Iterator[Answer]:
    servers: list[Server] = []

    def answers(script: Script) -> LambdaNormalizer:
        servers.append(Server(script).__enter__())
        return through_lambda(servers[-1].url)

    yield answers
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture(params=["here", "through Lambda"])
def developer(
    request: pytest.FixtureRequest, results: Results, s3: "S3Client", lambda_that: Answer
) -> PictureNormalizer:
    return Normalizer(S3Objects(s3), "spool") if request.param == "here" else lambda_that(invoked)


def test_a_picture_becomes_what_may_be_sent(developer: PictureNormalizer, s3: "S3Client") -> None:
    s3.put_object(Bucket="uploads", Key=REF.key, Body=SCAN)
    sha256 = hashlib.sha256(SCAN).hexdigest()
    image = Renditions(S3Objects(s3), developer, "spool").of(REF, sha256, 7_000_000)
    assert (image.media_type, image.sha256) == ("image/png", sha256)
    assert opened(image.data).size == (96, 64)
    kept = s3.get_object(Bucket="spool", Key=f"renditions/{sha256}/7000000")
    assert (kept["ContentType"], kept["Metadata"]) == ("image/png", {"media-type": "image/png"})


def test_a_version_of_a_picture_is_that_version(developer: PictureNormalizer, s3: "S3Client") -> None:
    version = s3.put_object(Bucket="uploads", Key=REF.key, Body=SCAN)["VersionId"]
    s3.put_object(Bucket="uploads", Key=REF.key, Body=b"replaced")
    developer.normalize(ImageRef(REF.bucket, REF.key, version), 7_000_000)
    (kept,) = s3.list_objects_v2(Bucket="spool")["Contents"]
    assert kept["Key"] == f"renditions/{hashlib.sha256(SCAN).hexdigest()}/7000000"


def test_what_is_developed_twice_stays_as_it_was_first(developer: PictureNormalizer, s3: "S3Client") -> None:
    s3.put_object(Bucket="uploads", Key=REF.key, Body=SCAN)
    developer.normalize(REF, 7_000_000)
    (first,) = s3.list_objects_v2(Bucket="spool")["Contents"]
    developer.normalize(REF, 7_000_000)
    (second,) = s3.list_objects_v2(Bucket="spool")["Contents"]
    assert first == second


def test_where_there_is_no_picture_any_more_nothing_is_made(developer: PictureNormalizer, s3: "S3Client") -> None:
    with pytest.raises(Unavailable, match="the picture is gone"):
        developer.normalize(REF, 7_000_000)
    assert "Contents" not in s3.list_objects_v2(Bucket="spool")
    with pytest.raises(Unavailable, match="aws"):
        Renditions(S3Objects(s3), developer, "spool").of(REF, "0" * 64, 7_000_000)


def test_a_broken_picture_is_named_in_the_same_words(developer: PictureNormalizer, s3: "S3Client") -> None:
    s3.put_object(Bucket="uploads", Key=REF.key, Body=SCAN[:300])
    with pytest.raises(Undecodable, match="the picture is broken, or not all of it is there"):
        developer.normalize(REF, 7_000_000)


def test_so_is_one_of_too_many_pixels(developer: PictureNormalizer, s3: "S3Client") -> None:
    large = bytearray(png(kind="BMP"))
    large[18:26] = (11_000).to_bytes(4, "little") * 2
    s3.put_object(Bucket="uploads", Key=REF.key, Body=bytes(large))
    with pytest.raises(TooManyPixels, match="121,000,000 pixels are over 100,000,000"):
        developer.normalize(REF, 7_000_000)


@pytest.mark.parametrize(("answer", "is_single_colour"), [(scene(), False), (Pillow.new("RGB", (9, 9)), True)])
def test_a_picture_of_an_answer_is_looked_at_and_nothing_of_it_is_kept(
    developer: PictureNormalizer, s3: "S3Client", answer: Pillow.Image, is_single_colour: bool
) -> None:
    data = saved(answer, "PNG")
    sha256 = hashlib.sha256(data).hexdigest()
    assert Renditions(S3Objects(s3), developer, "spool").check(data, sha256) is is_single_colour
    (kept,) = s3.list_objects_v2(Bucket="spool")["Contents"]
    assert kept["Key"] == f"doubtful/{sha256}"
    assert s3.get_object(Bucket="spool", Key=kept["Key"])["Body"].read() == data


def test_one_that_is_not_all_there_is_named_in_the_same_words(developer: PictureNormalizer, s3: "S3Client") -> None:
    photo = saved(scene(), "JPEG")
    cut = photo[: len(photo) * 2 // 3] + b"\xff\xd9"
    for data in (SCAN[:300], cut):
        with pytest.raises(Undecodable, match="the picture is broken, or not all of it is there"):
            Renditions(S3Objects(s3), developer, "spool").check(data, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "script",
    [
        answering(http(429, b"{}", x_amzn_errortype="TooManyRequestsException")),
        answering(http(500, b"{}", x_amzn_errortype="ServiceException")),
        answering(http(502, b"{}", x_amzn_errortype="EC2ThrottledException")),
        answering(http(200, b'{"became"', length=100)),
        answering(b""),
        answering(http(200, b'{"became": "waits", "message": "GetObject: SlowDown"}')),
    ],
)
def test_what_passes_waits(lambda_that: Answer, script: Script) -> None:
    with pytest.raises(Unavailable) as caught:
        lambda_that(script).normalize(REF, 7_000_000)
    assert caught.value.cause == "aws"


def test_lambda_out_of_reach_waits(aws: None) -> None:
    with pytest.raises(Unavailable):
        through_lambda(f"http://127.0.0.1:{unused_port()}").normalize(REF, 7_000_000)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (failed(**DIED), "on-picture: Runtime.ExitError"),
        (failed(errorType="Sandbox.Timedout", errorMessage="a secret"), "on-picture: Sandbox.Timedout"),
        (failed(errorMessage="2026-11-22 Task timed out after 120.00 seconds"), "on-picture: None"),
        (answering(http(403, b"{}", x_amzn_errortype="AccessDeniedException")), "Invoke: AccessDeniedException"),
        (answering(http(404, b"{}", x_amzn_errortype="ResourceNotFound")), "Invoke: ResourceNotFound"),
    ],
)  # fmt: skip
def test_a_function_that_died_over_the_picture_or_may_not_be_called_is_a_strike(
    lambda_that: Answer, script: Script, said: str
) -> None:
    with pytest.raises(Fault) as caught:
        lambda_that(script).normalize(REF, 7_000_000)
    assert str(caught.value) == said
    with pytest.raises(Fault):
        lambda_that(script).check(REF)


def test_a_client_is_not_made_before_a_picture_needs_it() -> None:
    def client() -> None:
        raise AssertionError

    LambdaNormalizer(client, "on-picture")  # type: ignore[arg-type]
