"""A sample that uses Powertools: Tracer, Parser, `@idempotent`. Only its start is measured."""

import os
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser
from aws_lambda_powertools.utilities.parser.models import SqsModel

logger, tracer = Logger(), Tracer()
s3, sqs, secrets = boto3.client("s3"), boto3.client("sqs"), boto3.client("secretsmanager")
persistence = DynamoDBPersistenceLayer(table_name=os.environ["THREADS_TABLE"])


class Order(BaseModel):
    thread_id: str
    request_id: str
    instruction: str
    images: list[str]


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@event_parser(model=SqsModel)
@idempotent(persistence_store=persistence, config=IdempotencyConfig(event_key_jmespath="Records[0].body"))
def handler(event: SqsModel, context: Any) -> dict[str, Any]:  # noqa: ARG001 - as Lambda calls it
    for record in event.Records:
        order = Order.model_validate_json(str(record.body))
        requests.post(os.environ["IMAGE_API_URL"], json={"prompt": order.instruction}, timeout=300)
    return {"batchItemFailures": []}
