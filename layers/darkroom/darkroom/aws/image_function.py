"""The picture normalizer behind Lambda. Pictures need much memory, which only that function pays for, while it runs."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from darkroom.aws.errors import translate_aws_errors
from darkroom.domain.request_schema import ImageRef
from darkroom.errors import DarkroomError, Fault, TooManyPixels, Unavailable, Undecodable
from darkroom.pictures.renditions import SINGLE_COLOUR

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# By the result of a picture in the reply of `pictures.handler`.
_ERRORS: Mapping[str, Callable[[str], DarkroomError]] = {
    "unsupported_image": Undecodable,
    "image_too_large": TooManyPixels,
    "waits": partial(Unavailable, "aws"),
}


class LambdaNormalizer:
    """The picture normalizer of `domain.ports`. `client` is called when the first picture needs it."""

    def __init__(self, client: Callable[[], "LambdaClient"], function: str) -> None:
        self._client = client
        self._function = function

    def normalize(self, ref: ImageRef, most_bytes: int) -> None:
        """See `domain.ports.PictureNormalizer`."""
        order = {"bucket": ref.bucket, "key": ref.key, "version_id": ref.version_id, "most_bytes": most_bytes}
        self._result(order)

    def check(self, ref: ImageRef) -> bool:
        """See `domain.ports.PictureNormalizer`."""
        order = {"bucket": ref.bucket, "key": ref.key, "version_id": ref.version_id, "check": True}
        return self._result(order) == SINGLE_COLOUR

    def _result(self, order: Mapping[str, Any]) -> str:
        answer = self._answer(json.dumps(order))
        if error := _ERRORS.get(answer["became"]):
            raise error(answer["message"])
        return str(answer["became"])

    def _answer(self, order: str) -> dict[str, Any]:
        """Invoke the function. If it died, this picture may be the cause: a Fault, so that it counts as a strike."""
        with translate_aws_errors():
            said = self._client().invoke(FunctionName=self._function, Payload=order)
            answer = said["Payload"].read()
        if "FunctionError" in said:
            raise Fault(f"{self._function}: {json.loads(answer).get('errorType')}")
        return dict(json.loads(answer))
