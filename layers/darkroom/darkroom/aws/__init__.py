"""AWS behind the ports: S3, SQS and Lambda, with DynamoDB in a room of its own."""
