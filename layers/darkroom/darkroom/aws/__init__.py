"""AWS behind the ports: S3, SQS, Lambda, and DynamoDB in a room of its own."""
