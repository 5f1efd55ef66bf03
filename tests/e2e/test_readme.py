"""The lines of README and of the pages in `docs/` do what those pages say."""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from local.demo.__main__ import PHOTO
from local.stack.home import TOOLS
from tests.e2e import lines, operating, s3fs
from tests.e2e.conftest import Stack
from tests.e2e.road import Doors, eventually, photo

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs/runbook.md"  # has a test of its own
PAGES = [str(page) for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]) if page != RUNBOOK]
BLOCKS = lines.marked(*PAGES)
SHOWN = lines.shown(*PAGES)
ITS_OPTIONS = "the pages' lines have its options"
ITS_OUTPUTS = "the pages show what its models answer"
MUG, BLUE_MUG = "shop/mug", "shop/blue mug + 茶"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's folder: a photo, the demo's photo, drafts, a folder of photos, and the SDK for JavaScript."""
    here = tmp_path_factory.mktemp("reader")
    for file in ("photo.jpg", "demo/source.jpg", "drafts/car.jpg"):
        (here / file).parent.mkdir(exist_ok=True)
        shutil.copy(PHOTO, here / file)
    (here / "drafts" / "car.txt").write_text("now red", encoding="utf-8")
    (here / "drafts" / "plan.pdf").write_bytes(b"%PDF-1.7")
    (here / "toys").mkdir()
    (here / "toys" / "car.jpg").write_bytes(photo())
    (here / "toys" / "car.txt").write_text("加上边框", encoding="utf-8")
    (here / "node_modules").symlink_to(TOOLS / "aws-sdk-js" / "node_modules")
    return here


def run(name: str, stack: Stack, folder: Path, variables: Mapping[str, str] = lines.NO_VARIABLES) -> str:
    """Run a block. Where its page shows an output, the block prints that."""
    if name not in SHOWN:
        return lines.run(BLOCKS[name], stack, folder, variables)
    printed = lines.run(BLOCKS[name], stack, folder, variables, has_remarks=True)
    assert without_figures(printed) == without_figures(SHOWN[name])
    return printed


def turn(stack: Stack, thread: str, number: int) -> dict[str, Any]:
    """A turn's `result.json`, as soon as it exists."""

    def look() -> dict[str, Any] | None:
        bucket, prefix = stack.env["RESULTS_BUCKET"], f"threads/{thread}/{number:05d}-"
        listed = stack.aws.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        keys = [item["Key"] for item in listed if item["Key"].endswith("/result.json")]
        return dict(json.loads(stack.aws.s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read())) if keys else None

    return eventually(look)


def said(result: dict[str, Any]) -> Sequence[object]:
    return result["status"], result["mode"], result["parent_turn"], result["instruction"]


def without_figures(output: str) -> str:
    """An output without the parts that differ: sizes, seconds, times, a provider's ids, a day's calls, the release."""
    differ = r"\d+×\d+|[\d.]+ s\b|\b(now|\d+ min ago)$|(?<=request id: )\w+|(?<=^calls today   )\d+|(?<=release )[\d.]+"
    return re.sub(differ, "…", output, flags=re.MULTILINE)


@pytest.mark.nebula(ITS_OUTPUTS)
def test_the_quick_start_goes_from_a_photo_to_two_turns(stack: Stack, folder: Path) -> None:
    run("use", stack, folder)
    run("first-command", stack, folder)
    assert said(turn(stack, "first/house", 2)) == ("succeeded", "conversation", 1, "Add a white frame")
    assert (folder / "first-house-2.png").read_bytes().startswith(b"\x89PNG")
    run("first-look", stack, folder)
    files = run("first-results", stack, folder).split()
    assert sorted(file.relative_to(folder).as_posix() for file in (folder / "first").rglob("*.*")) == files


@pytest.mark.nebula(ITS_OPTIONS)
@pytest.mark.slow
def test_uploads_and_messages_by_the_plain_cli_and_a_look_at_the_thread(stack: Stack, folder: Path) -> None:
    run("upload", stack, folder)
    assert said(turn(stack, MUG, 1)) == (
        "succeeded", "image_to_image", None, "Make it night, please, and let it snow",
    )  # fmt: skip
    assert said(turn(stack, BLUE_MUG, 1)) == ("succeeded", "image_to_image", None, "把景色换成夜色下雪的场景")

    run("use", stack, folder)
    run("batch", stack, folder)
    assert said(turn(stack, "shop/mugs/snow", 1)) == ("succeeded", "image_to_image", None, "In the snow")
    run("table", stack, folder)
    run("lines", stack, folder)
    for file, total in (("mugs.jsonl", 2), ("cups.csv", 2), ("dusk.jsonl", 1)):
        assert eventually(partial(Doors(stack).document, f"batches/shop/{file}.manifest.json")) == {
            "total": total, "succeeded": total, "failed": 0,
        }  # fmt: skip

    run("text", stack, folder)
    assert said(turn(stack, MUG, 2)) == ("succeeded", "conversation", 1, "Im Café, bei Sonnenuntergang, bitte")

    run("message", stack, folder)
    assert said(turn(stack, MUG, 3)) == ("succeeded", "conversation", 1, "改成水彩画, mit Rahmen")
    assert turn(stack, MUG, 3)["request_id"] == "order-4711-1"
    assert said(turn(stack, BLUE_MUG, 2)) == ("succeeded", "conversation", 1, "Add a white frame")

    back = json.loads(run("back", stack, folder))
    assert (back["source"], back["thread"]) == (f"s3://{stack.env['UPLOADS_BUCKET']}/shop/mug.jpg", MUG)
    assert back["request"] == turn(stack, MUG, 1)["request_id"]

    rows = [line.split("\t") for line in run("look", stack, folder).splitlines() if line[:1].isdigit()]
    assert [row[:3] for row in rows] == [["1", "None", "succeeded"], ["2", "1", "succeeded"], ["3", "1", "succeeded"]]
    assert sorted(file.name for file in (folder / "mug").rglob("*.*")) == [*["image.png"] * 3, *["result.json"] * 3]


@pytest.mark.slow
def test_the_boto3_lines_wait_for_their_outcomes(stack: Stack, folder: Path) -> None:
    told = run("boto3", stack, folder).splitlines()
    assert told[0].startswith("succeeded [{")
    assert told[1] == "succeeded"
    thread = "活动/瓶子, été"
    assert turn(stack, thread, 1)["instruction"] == "Un coucher de soleil, s'il vous plaît"
    assert said(turn(stack, thread, 2)) == ("succeeded", "conversation", 1, "加上边框")


@pytest.mark.slow
def test_the_clients_lines_hold_a_conversation(stack: Stack, folder: Path) -> None:
    assert run("use", stack, folder).startswith("darkroom, release ")
    told = run("client", stack, folder).splitlines()
    assert told[0] == "1 night.png"
    assert told[1].startswith("unknown_parent: ")
    assert told[2:] == ["succeeded make it night", "failed add a white frame"]
    assert (folder / "night.png").read_bytes().startswith(b"\x89PNG")
    thread = turn(stack, "campaign/mug", 1)
    assert thread["metadata"] == {"order": "4714"}


@pytest.mark.nebula(ITS_OPTIONS)
@pytest.mark.slow
def test_the_commands_lines_hold_conversations(stack: Stack, folder: Path) -> None:
    run("use", stack, folder)
    run("quick", stack, folder)
    assert said(turn(stack, "shop/jug", 2)) == ("succeeded", "conversation", 1, "Add a white frame")
    for file in run("fetch", stack, folder).split():
        assert (folder / file).is_file()
    run("error", stack, folder)
    run("send", stack, folder)
    run("dry-run", stack, folder)
    run("reply", stack, folder)
    assert said(turn(stack, "pottery/vase", 3)) == ("succeeded", "conversation", 1, "mirror it")
    run("refused", stack, folder)
    run("threads", stack, folder)
    run("show", stack, folder)
    files = run("get", stack, folder).splitlines()
    for file in ("pottery-vase-1.png", "pottery-vase-2.png", "mirrored.png", files[0]):
        assert (folder / file).read_bytes().startswith(b"\x89PNG")
    run("cost", stack, folder)
    run("failed-line", stack, folder)
    run("check", stack, folder)


@pytest.mark.slow
def test_an_operator_looks_after_it(stack: Stack, folder: Path) -> None:
    told = run("look_after", stack, folder)
    assert told.startswith("darkroom, release ")
    assert "Nothing is broken." in told
    eventually(lambda: operating.told(stack, "status").items() >= {"in_flight": 0, "waiting": 0}.items())
    run("status", stack, folder)


@pytest.mark.slow
def test_a_folder_goes_up_with_sync(stack: Stack, folder: Path) -> None:
    run("sync", stack, folder)
    assert said(turn(stack, "toys/car", 1)) == ("succeeded", "image_to_image", None, "加上边框")


@pytest.mark.slow
def test_rclone_sends_photos_and_folders(stack: Stack, folder: Path) -> None:
    run("rclone", stack, folder)
    assert said(turn(stack, "shop/cup", 1)) == ("succeeded", "image_to_image", None, "画成水彩画, bitte")
    assert said(turn(stack, "rclone/toys/car", 1)) == ("succeeded", "image_to_image", None, "加上边框")


@pytest.mark.slow
def test_with_s3fs_the_bucket_is_a_folder(stack: Stack, folder: Path) -> None:
    with s3fs.mounted(stack.env["UPLOADS_BUCKET"], folder / "probe", {**os.environ, **stack.env}):
        pass  # otherwise the test is skipped
    run("s3fs", stack, folder)
    assert said(turn(stack, "plate", 1)) == ("succeeded", "image_to_image", None, "Mirror it")


@pytest.mark.slow
def test_the_lines_of_javascript_bring_their_words(stack: Stack, folder: Path) -> None:
    run("js", stack, folder)
    assert said(turn(stack, "shop/teapot", 1)) == ("succeeded", "image_to_image", None, "Miroir, s'il te plaît")


@pytest.mark.slow
def test_a_rule_hears_of_an_outcome(stack: Stack, folder: Path) -> None:
    (folder / "consumer.yaml").write_text(BLOCKS["consumer.yaml"].text, encoding="utf-8")
    run("use", stack, folder)
    run("consume", stack, folder)
    outputs = stack.aws.cloudformation.describe_stacks(StackName="my-consumer")["Stacks"][0]["Outputs"]
    heard = run("hear", stack, folder, {"OUTCOMES_QUEUE_URL": outputs[0]["OutputValue"]})
    assert "shop/lighthouse succeeded" in heard.splitlines()


@pytest.mark.slow
def test_the_key_is_put_in_and_the_names_are_found(stack: Stack, folder: Path) -> None:
    secret = stack.env["IMAGE_API_KEY_SECRET_ARN"]
    secrets = stack.aws.secrets
    before = secrets.get_secret_value(SecretId=secret)
    (folder / "key.txt").write_text(before["SecretString"] + "\n", encoding="utf-8")
    run("key", stack, folder)
    after = secrets.get_secret_value(SecretId=secret)
    assert after["SecretString"].strip() == before["SecretString"]
    assert after["VersionId"] != before["VersionId"]


@pytest.mark.slow
def test_whoever_is_on_duty_hears_of_alarms(stack: Stack, folder: Path) -> None:
    assert stack.env["ALARMS_TOPIC_ARN"] in run("subscribe", stack, folder)


@pytest.mark.slow
def test_trouble_can_be_asked_for(stack: Stack, folder: Path) -> None:
    run("use", stack, folder)
    run("trouble", stack, folder)
    result = turn(stack, "shop/trouble", 1)
    assert (result["status"], result["attempts"], result["cost"]["paid_calls"]) == ("succeeded", 3, 1)
    with requests.Session() as session:
        session.trust_env = False
        calls = session.get(f"{stack.env['IMAGE_API_URL']}/_stand-in/calls", timeout=10).json()
    assert [call["status"] for call in calls if "red house" in json.dumps(call)] == [429, 429, 200]


@pytest.mark.slow
def test_every_block_is_marked_and_every_marked_block_is_run_here() -> None:
    """The exception is the block that asks questions: `sam deploy --guided`."""
    marked = {name for name, block in BLOCKS.items() if block.language != "yaml"}
    assert marked == set(re.findall(r'run\("([\w-]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert lines.unmarked(*PAGES) == ["sam build && sam deploy --guided\n"]
    assert SHOWN.keys() <= marked
