"""Files from people's own programs, through the deployed stack: odd names, broken pictures, tables.

`field/` holds the files that only a program can make, and its README names the programs. Everything is uploaded in two
rounds, because each waits out the grace; the tests look at the results afterwards.
"""

import io
import json
import unicodedata
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image as Pillow
from PIL import ImageChops, ImageOps

from local.image_api.dialect import Made
from tests.e2e.clients import Rclone
from tests.e2e.conftest import BringUp
from tests.e2e.provider import Provider, provider
from tests.e2e.road import Road, photo
from tests.e2e.test_uploads import come_to_rest, requests, told

pytestmark = pytest.mark.slow

FILES = Path(__file__).parent / "field"
PICTURES = {path.name: path.read_bytes() for path in sorted(FILES.iterdir()) if path.suffix not in (".csv", ".md")}
TABLES = {path.name: path.read_bytes() for path in sorted(FILES.glob("*.csv"))}
WHOLE = ("samsung.jpg", "samsung-beyond.jpg", "no-trailer.gif")  # every decoder opens these unchanged
SCENE = Path(__file__).parents[2] / "local" / "demo" / "lake-house.jpg"  # the source of all pictures
GRID = (8, 6)
TOLERANCE = 30  # of 256, for the mean of any field; an upside-down picture or missing rows give over 70
GRACE_SECONDS = 30  # even a busy machine announces a folder within this time
ANSWER = "please answer with "
MAC, ELSEWHERE = unicodedata.normalize("NFD", "café"), unicodedata.normalize("NFC", "café")

# One folder for each case: the photo, its text, and their thread.
PAIRS: Mapping[str, tuple[str, str, str]] = {
    "windows hides endings": ("mug.jpg", "mug.jpg.txt", "mug"),
    "windows hides them twice": ("mug.jpg", "mug.txt.txt", "mug"),
    "photo of a mac": (f"{MAC}.jpg", f"{ELSEWHERE}.txt", ELSEWHERE),
    "text of a mac": (f"{ELSEWHERE}.jpg", f"{MAC}.txt", ELSEWHERE),
    "camera's capitals": ("IMG_1.JPG", "img_1.txt", "IMG_1"),
    "saved by a browser": ("photo.jfif", "photo.txt", "photo"),
    "saved by an old program": ("photo.jpe", "photo.txt", "photo"),
    "saved from a feed": ("photo.jpg_large", "photo.txt", "photo"),
}
# Files beside `nas/_instruction.txt` that no person uploaded on purpose.
NOISE = (
    "@eaDir/photo.jpg/SYNOFILE_THUMB_XL.jpg", "@eaDir/SYNOINDEX_MEDIA_INFO", "#recycle/old.jpg", "$RECYCLE.BIN/old.jpg",
    ".thumbnails/photo.jpg", "__MACOSX/photo.jpg", "__MACOSX/._photo.jpg", "._photo.jpg", ".DS_Store", "Thumbs.db",
    "desktop.ini", "~$letter.txt", "next.jpg.crdownload", "next.jpg.partial", "next.jpg.part",
)  # fmt: skip
MISNAMED = ("_instructions.txt", "instruction.txt", "_instruction.TXT", "_Instruction.txt")
STRAYS = ("notes.txt", "README.txt")
AMBIGUOUS = ("IMG_2.JPG", "img_2.png", "Img_2.txt")


@dataclass(frozen=True)
class Field:
    """A stack with all the uploads, under a prefix of its own."""

    road: Road
    api: Provider
    prefix: str

    def key(self, path: str) -> str:
        return f"{self.prefix}/{path}"

    def error(self, path: str) -> dict[str, str]:
        """The single error for its uploader."""
        (found,) = self.road.keys(f"rejected/uploads/{self.key(path)}/")
        return dict((self.road.document(found) or {})["error"])

    def is_silent(self, path: str) -> bool:
        """Whether the upload led to nothing, not even an error."""
        key = self.key(path)
        return not self.road.keys(f"rejected/uploads/{key}") and not self.road.keys(f"threads/{key}")


@pytest.fixture(scope="module")
def api() -> Iterator[Provider]:
    def write(words: str, picture: bytes) -> Made:
        return Made((PICTURES[words.removeprefix(ANSWER)] if words.startswith(ANSWER) else picture,))

    with provider("sk-field") as started:
        started.write = write
        yield started


@pytest.fixture(scope="module")
def field(bring_up: BringUp, api: Provider, tmp_path_factory: pytest.TempPathFactory) -> Field:
    """Upload everything, and wait until it has come to rest."""
    parameters = {"PairingGraceSeconds": str(GRACE_SECONDS)}
    road = Road(bring_up(image_api_url=api.url, image_api_key=api.key, parameters=parameters), api)
    field = Field(road, api, f"field-{uuid.uuid4().hex[:6]}")
    first_round(field, tmp_path_factory.mktemp("folder"))
    come_to_rest(road)
    second_round(field)
    come_to_rest(road)
    return field


def first_round(field: Field, folder: Path) -> None:
    files: dict[str, bytes] = {}
    for case, (picture, text, _) in PAIRS.items():
        files |= {f"{case}/{picture}": photo(), f"{case}/{text}": f"{case}.".encode()}
    files |= {f"nas/{name}": photo() for name in (*NOISE, "photo.jpg")} | {"nas/_instruction.txt": b"paint the nas."}
    for name in MISNAMED:
        files |= {f"beside {name}/photo.jpg": photo(), f"beside {name}/{name}": b"paint what is misnamed."}
    for name in STRAYS:
        files |= {f"beside {name}/photo.jpg": photo(), f"beside {name}/{name}": b"paint what is stray."}
    files |= {f"ambiguous/{name}": photo() for name in AMBIGUOUS} | {"ambiguous/Img_2.txt": b"paint either."}
    files |= {f"late/IMG_{number}.jpg": photo() for number in range(3)}
    files |= {f"tables/{name}": data for name, data in TABLES.items()}
    files |= {"tables/mug.jpg": photo(), "tables/my mug.jpg": photo()}
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    Rclone(field.road).sync(folder, field.prefix)
    field.road.upload(field.key("misspelt.jpg"), photo(), instrution="paint what is misspelt.")
    field.road.upload(field.key("again.jpg"), photo("red"), instruction="paint it at first.")
    for name, data in PICTURES.items():
        field.road.upload(field.key(f"pictures/{name}/{name}"), data, instruction=f"keep {name}.")
        field.road.send(f"{field.prefix}-answers/{name}", {"instruction": ANSWER + name})


def second_round(field: Field) -> None:
    road = field.road
    road.upload(field.key("late/_instruction.txt"), "paint those that waited.")
    made = road.turn(field.key("nas/photo"), 1)["images"][0]
    copy = f"s3://{road.stack.env['UPLOADS_BUCKET']}/{field.key('nas/copied back.png')}"
    road.cli("s3", "cp", f"s3://{made['bucket']}/{made['key']}", copy)
    for key in road.keys(f"threads/{field.key('again')}/"):
        road.stack.aws.s3.delete_object(Bucket=road.stack.env["RESULTS_BUCKET"], Key=key)
    road.upload(field.key("again.jpg"), photo("blue"), instruction="paint it again.")
    for name in PICTURES:
        road.send(f"{field.prefix}-answers/{name}", {"instruction": f"go on with {name}."})


# Names.


@pytest.mark.parametrize("case", PAIRS)
def test_a_photo_and_its_text_are_one_request(field: Field, case: str) -> None:
    picture, _, thread = PAIRS[case]
    assert requests(field.road, f"{field.key(case)}/{thread}") == [(f"{case}.", [picture])]
    assert len(field.api.calls(f"{case}.")) == 1
    assert field.road.keys(f"rejected/uploads/{field.key(case)}/") == []


def test_what_programs_leave_beside_photos_is_neither_paid_nor_told(field: Field) -> None:
    assert requests(field.road, field.key("nas/photo")) == [("paint the nas.", ["photo.jpg"])]
    assert len(field.api.calls("paint the nas.")) == 1
    assert [path for path in NOISE if not field.is_silent(f"nas/{path}")] == []


@pytest.mark.parametrize("name", MISNAMED)
def test_a_near_miss_of_a_folders_instruction_is_told_and_not_paid(field: Field, name: str) -> None:
    error = field.error(f"beside {name}/{name}")
    assert error["code"] == "unsupported_file"
    assert "Did you mean '_instruction.txt'" in error["hint"]
    assert field.error(f"beside {name}/photo.jpg")["code"] == "needs_instruction"
    assert field.api.calls("misnamed") == []


@pytest.mark.parametrize("name", STRAYS)
def test_a_text_beside_a_photo_without_one_is_told_and_not_paid(field: Field, name: str) -> None:
    error = field.error(f"beside {name}/{name}")
    assert error["code"] == "invalid_request"
    assert "'photo.txt'" in error["hint"]
    assert field.error(f"beside {name}/photo.jpg")["code"] == "needs_instruction"
    assert field.api.calls("stray") == []


def test_where_more_than_one_may_be_meant_each_is_told(field: Field) -> None:
    codes = {name: told(field.road, field.key(f"ambiguous/{name}")) for name in AMBIGUOUS}
    assert codes.pop("Img_2.txt") == ["invalid_request"]
    assert set(map(tuple, codes.values())) == {("needs_instruction",)}
    assert field.api.calls("paint either") == []


def test_metadata_under_a_name_that_is_nearly_right_is_named(field: Field) -> None:
    error = field.error("misspelt.jpg")
    assert error["code"] == "needs_instruction"
    assert "'instrution': did you mean 'instruction'?" in error["hint"]


def test_words_that_come_last_start_the_photos_of_their_folder(field: Field) -> None:
    for number in range(3):
        name = f"IMG_{number}"
        assert told(field.road, field.key(f"late/{name}.jpg")) == ["needs_instruction"]
        assert requests(field.road, field.key(f"late/{name}")) == [("paint those that waited.", [f"{name}.jpg"])]
    assert len(field.api.calls("paint those that waited.")) == 3


def test_a_result_that_was_copied_back_is_told_and_not_paid(field: Field) -> None:
    error = field.error("nas/copied back.png")
    assert error["code"] == "needs_instruction"
    assert "'copied back.txt'" in error["hint"]
    assert field.road.keys(f"threads/{field.key('nas/copied back')}/") == []


def test_a_name_whose_results_were_deleted_starts_anew(field: Field) -> None:
    (result,) = field.road.results(field.key("again"))
    assert (result["turn"], result["status"], codes_of(result)) == (2, "succeeded", ["restarted"])
    (call,) = field.api.calls("paint it again.")
    assert len(call.pictures) == 1


# Pictures.


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_viewers_show_is_sent_upright_and_whole(field: Field, name: str) -> None:
    result = field.road.turn(field.key(f"pictures/{name}/{name.rpartition('.')[0]}"), 1)
    assert result["error"] is None
    (call,) = field.api.calls(f"keep {name}.")
    (picture,) = call.pictures
    with strictly_opened(picture) as sent:
        assert not sent.getexif()
        assert furthest_from_scene(sent) <= TOLERANCE


@pytest.mark.parametrize("name", PICTURES)
def test_one_that_is_paid_is_published_repaired_and_goes_on(field: Field, name: str) -> None:
    thread = f"{field.prefix}-answers/{name}"
    first, second = field.road.results(thread)
    assert [first["error"], second["error"]] == [None, None]
    assert codes_of(first) == ([] if name in WHOLE else ["repaired"])
    assert first["cost"]["paid_calls"] == len(field.api.calls(ANSWER + name)) == 1
    (image,) = first["images"]
    found = field.road.stack.aws.s3.get_object(Bucket=image["bucket"], Key=image["key"])["Body"].read()
    with strictly_opened(found) as published:
        assert furthest_from_scene(ImageOps.exif_transpose(published)) <= TOLERANCE
    (call,) = field.api.calls(f"go on with {name}.")
    with strictly_opened(call.pictures[-1]) as sent:
        assert furthest_from_scene(sent) <= TOLERANCE


def codes_of(result: Mapping[str, list[dict[str, str]]]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


def strictly_opened(data: bytes) -> Pillow.Image:
    """Open it strictly: every checksum must be right, and every part in its place."""
    Pillow.open(io.BytesIO(data)).verify()
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return picture


def furthest_from_scene(picture: Pillow.Image) -> int:
    """The largest difference between the picture and the scene, in any field and channel."""
    with Pillow.open(SCENE) as scene:
        fields = [each.convert("RGB").resize(GRID, Pillow.Resampling.BOX) for each in (picture, scene)]
    return max(highest for _, highest in ImageChops.difference(*fields).getextrema())  # type: ignore[misc]


# Tables.

ASKED = {  # for each row: its words, its pictures, the shape and the order
    "SKU 12/3": ('Write "Hello, lake" on it;\nthen frame it', ["mug.jpg"], {"size": "1:1"}, {"order": "4711"}),
    "4711": ("Mach es grün und verschneit", [], {}, {}),
    "杯子-1": ("把景色换成夜色下雪的场景", ["mug.jpg", "my mug.jpg"], {"size": "16:9"}, {}),
}


ITS_OPTIONS = "the tables have its options"
IN_OTHER_ENCODINGS = ("libreoffice-windows.csv", "libreoffice-unicode.csv")


def answers(field: Field, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in field.road.text(f"batches/{field.key(f'tables/{name}')}.out").splitlines()]


def asked(field: Field, uri: object) -> tuple[str, list[str], dict[str, str], dict[str, str]]:
    """The request of a row, from its result."""
    result = field.road.document(str(uri).removeprefix("s3://").partition("/")[2]) or {}
    sources = [source["key"].rpartition("/")[2] for source in result["sources"]]
    return result["instruction"], sources, result["options"], result["metadata"]


@pytest.mark.nebula(ITS_OPTIONS)
@pytest.mark.parametrize("name", [name for name in TABLES if name not in IN_OTHER_ENCODINGS])
def test_a_spreadsheets_rows_are_asked_as_they_were_typed(field: Field, name: str) -> None:
    """A spreadsheet turns a shape such as 16:9 into a time of day."""
    rows = answers(field, name)
    assert [(row["custom_id"], row["status"]) for row in rows] == [(row, "succeeded") for row in ASKED]
    assert {str(row["custom_id"]): asked(field, row["result"]) for row in rows} == ASKED


@pytest.mark.nebula(ITS_OPTIONS)
def test_rows_whose_letters_the_encoding_does_not_have_fail_alone(field: Field) -> None:
    fine, umlauts, lost = answers(field, "libreoffice-windows.csv")
    assert asked(field, fine["result"]) == ASKED["SKU 12/3"]
    assert "row 3: body: is not in UTF-8; it looks like Windows-1252" in str(umlauts["error"])
    assert "row 5: body: the words are nothing but question marks" in str(lost["error"])
    assert field.api.calls("??") == []


def test_a_table_in_utf_16_is_told_as_a_whole(field: Field) -> None:
    error = field.error("tables/libreoffice-unicode.csv")
    assert error["code"] == "invalid_request"
    assert "save it as UTF-8" in error["message"]
