"""The prices of AWS in US dollars, which turn measurements into money."""

from collections.abc import Mapping

STATED = (
    "List prices of us-east-1, without free tier, as of 2026-11: Lambda on arm64 $0.0000133334 a GB-second and $0.20 a "
    "million requests; S3 $0.005 a thousand PUT, $0.0004 a thousand GET and $0.023 a GB-month; DynamoDB on demand "
    "$0.625 a million write units and $0.125 a million read units; SQS FIFO $0.50 a million. The image API's own price "
    "is not in it, nor is the storage of the pictures themselves."
)
GB_SECOND = 0.0000133334
INVOCATION = 0.20e-6
PUT = 0.005e-3
GET = 0.0004e-3
STORED_GB_MONTH = 0.023
MONTH_DAYS = 365 / 12
WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
SQS_REQUEST = 0.50e-6


def lambda_cost(seconds: float, megabytes: int, invocations: float) -> float:
    """The cost of so many seconds at so much memory."""
    return seconds * megabytes / 1024 * GB_SECOND + invocations * INVOCATION


def storage_cost(size: float, days: int) -> float:
    """The cost of so many bytes in S3 for so many days."""
    return size / (1 << 30) * days / MONTH_DAYS * STORED_GB_MONTH


def calls_cost(calls: Mapping[str, int], read_units: float, write_units: float) -> float:
    """The cost of a function's calls, by operation. DynamoDB's cost goes by its units."""
    puts = calls.get("s3:PutObject", 0)
    gets = sum(n for name, n in calls.items() if name in ("s3:GetObject", "s3:HeadObject"))
    queue = sum(n for name, n in calls.items() if name.startswith("sqs:"))
    return puts * PUT + gets * GET + queue * SQS_REQUEST + read_units * READ_UNIT + write_units * WRITE_UNIT
