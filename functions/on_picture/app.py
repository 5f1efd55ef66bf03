"""The door for pictures: one that has to be developed before it is sent, asked for by `on_request`."""

from typing import TYPE_CHECKING, Any

from darkroom import picture_wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], _: "LambdaContext") -> dict[str, Any]:
    """Handles an order of `LambdaDeveloper`."""
    return picture_wiring.picture_orders().answer(event)
