"""The Lambda function `on_request`: handles a batch of messages, and reports the unfinished ones to Lambda."""

from typing import TYPE_CHECKING, Any

from darkroom.bootstrap import on_request

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Handle an SQS event with `ReportBatchItemFailures`."""
    left = on_request.request_batch(event, context.get_remaining_time_in_millis).work()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
