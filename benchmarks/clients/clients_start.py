"""The minimum for a handler of this kind: the four clients of boto3, and `requests`."""

import boto3
import requests

session = boto3.Session()
for service in ("s3", "dynamodb", "sqs", "secretsmanager"):
    session.client(service)
requests.Session()
