"""README's lines do what it says of them: each block that bears a mark is run against a stack of its own.

A mark is a comment before the block: `<!-- run: upload -->`; `<!-- file: consumer.yaml -->` for one that others read.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.stack.conftest import BringUp, Stack
from tests.stack.road import eventually, photo

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = {
    name: (language, text)
    for name, language, text in re.findall(r"<!-- (?:run|file): (\S+) -->\n```(\w+)\n(.*?)```", README, re.DOTALL)
}
MUG, BLUE_MUG = "shop/mug", "shop/blue mug + 茶"


@pytest.fixture(scope="module")
def stack(bring_up: BringUp) -> Stack:
    return bring_up()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader stands, with a photo at hand."""
    here = tmp_path_factory.mktemp("reader")
    (here / "photo.jpg").write_bytes(photo())
    return here


def shell(stack: Stack, folder: Path) -> dict[str, str]:
    """The environment of a reader who has sourced `.local/env`, and has the `aws` of the project."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return {**own, "PATH": path, "HOME": str(folder), "AWS_PAGER": "", **stack.env}


def run(name: str, stack: Stack, folder: Path) -> str:
    """Runs a block as it stands, and returns what it said."""
    language, text = BLOCKS[name]
    command = [sys.executable, "-c", text] if language == "python" else ["/bin/sh", "-euc", text]
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=shell(stack, folder), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def turn(stack: Stack, thread: str, number: int) -> dict[str, Any]:
    """A turn's `result.json`, as soon as it is there."""

    def look() -> dict[str, Any] | None:
        bucket, prefix = stack.env["RESULTS_BUCKET"], f"threads/{thread}/{number:05d}-"
        listed = stack.aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        keys = [item["Key"] for item in listed if item["Key"].endswith("/result.json")]
        return dict(json.loads(stack.aws.s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read())) if keys else None

    return eventually(look)


def said(result: dict[str, Any]) -> Sequence[object]:
    return result["status"], result["mode"], result["parent_turn"], result["instruction"]


def test_uploads_and_messages_by_the_plain_cli_and_a_look_at_the_thread(stack: Stack, folder: Path) -> None:
    run("upload", stack, folder)
    assert said(turn(stack, MUG, 1)) == (
        "succeeded", "image_to_image", None, "Make it night, please, and let it snow",
    )  # fmt: skip
    assert said(turn(stack, BLUE_MUG, 1)) == ("succeeded", "image_to_image", None, "把景色换成夜色下雪的场景")

    run("text", stack, folder)
    assert said(turn(stack, MUG, 2)) == ("succeeded", "conversation", 1, "Im Café, bei Sonnenuntergang, bitte")

    run("message", stack, folder)
    assert said(turn(stack, MUG, 3)) == ("succeeded", "conversation", 1, "改成水彩画, mit Rahmen")
    assert turn(stack, MUG, 3)["request_id"] == "order-4711-1"
    assert said(turn(stack, BLUE_MUG, 2)) == ("succeeded", "conversation", 1, "Add a white frame")

    rows = [line.split("\t") for line in run("look", stack, folder).splitlines() if line[:1].isdigit()]
    assert [row[:3] for row in rows] == [["1", "None", "succeeded"], ["2", "1", "succeeded"], ["3", "1", "succeeded"]]
    assert sorted(file.name for file in (folder / "mug").rglob("*.*")) == [*["image.png"] * 3, *["result.json"] * 3]


def test_the_boto3_lines_wait_for_their_outcomes(stack: Stack, folder: Path) -> None:
    told = run("boto3", stack, folder).splitlines()
    assert told[0].startswith("succeeded [{")
    assert told[1] == "succeeded"
    thread = "活动/瓶子, été"
    assert turn(stack, thread, 1)["instruction"] == "Un coucher de soleil, s'il vous plaît"
    assert said(turn(stack, thread, 2)) == ("succeeded", "conversation", 1, "加上边框")


def test_a_rule_hears_of_an_outcome(stack: Stack, folder: Path) -> None:
    (folder / "consumer.yaml").write_text(BLOCKS["consumer.yaml"][1], encoding="utf-8")
    heard = json.loads(run("consume", stack, folder).splitlines()[-1])
    assert heard["detail-type"] == "Object Created"
    prefix, _, name = heard["detail"]["object"]["key"].rpartition("/")
    assert (prefix.rpartition("/")[0], name) == ("threads/shop/lighthouse", "result.json")


def test_the_key_is_put_in_and_the_names_are_found(stack: Stack, folder: Path) -> None:
    secret = stack.env["IMAGE_API_KEY_SECRET_ARN"]
    secrets = stack.aws.secrets
    before = secrets.get_secret_value(SecretId=secret)
    (folder / "key.txt").write_text(before["SecretString"] + "\n", encoding="utf-8")
    run("key", stack, folder)
    after = secrets.get_secret_value(SecretId=secret)
    assert after["SecretString"].strip() == before["SecretString"]
    assert after["VersionId"] != before["VersionId"]


def test_trouble_can_be_asked_for(stack: Stack, folder: Path) -> None:
    run("trouble", stack, folder)
    result = turn(stack, "shop/trouble", 1)
    assert (result["status"], result["attempts"], result["cost"]["paid_calls"]) == ("succeeded", 3, 1)
    with requests.Session() as session:
        session.trust_env = False
        calls = session.get(f"{stack.env['IMAGE_API_URL']}/_stand-in/calls", timeout=10).json()
    assert [call["status"] for call in calls if "red house" in json.dumps(call)] == [429, 429, 200]


def test_every_block_is_marked_and_every_marked_block_is_run_here() -> None:
    """But the one that asks questions: `sam deploy --guided`."""
    marked = {name for name, (language, _) in BLOCKS.items() if language != "yaml"}
    assert marked == set(re.findall(r'run\("(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    unmarked = README.count("```sh\n") + README.count("```python\n") - len(marked)
    assert unmarked == README.count("sam deploy --guided\n```")
