"""A consumer's own stack, as the guide has it: a queue that hears of every outcome."""

import uuid
from typing import Any

from tests.e2e import lines
from tests.e2e.conftest import Stack

TEMPLATE = lines.marked("docs/guide-services.md")["consumer.yaml"].text


def queue(stack: Stack) -> str:
    """The URL of a new queue."""
    known: Any = stack.aws.cloudformation
    name = f"consumer-{uuid.uuid4().hex[:8]}"
    parameters = [{"ParameterKey": "ResultsBucket", "ParameterValue": stack.env["RESULTS_BUCKET"]}]
    known.create_stack(StackName=name, TemplateBody=TEMPLATE, Parameters=parameters)
    known.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    return str(known.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"])
