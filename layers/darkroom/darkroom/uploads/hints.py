"""The errors and hints for uploaders whose upload led to nothing, in words for people who know no AWS."""

from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.domain import upload
from darkroom.domain.upload import FOLDER_INSTRUCTION, Upload
from darkroom.errors import NO_KEY_OF_ITS_OWN, Code, Rejected

TEXT = "Write what you want into a plain text file (.txt) instead, and upload that."


@dataclass(frozen=True, slots=True)
class Family:
    """A sort of files: its description, the hint, its endings, and whether a text may belong to such a file."""

    what: str
    hint: str
    extensions: str
    may_have_a_text: bool = True


FAMILIES = (
    Family(
        "a camera's raw file",
        "Export the photo as JPEG in the program that shows it, and upload that.",
        ".dng .raw .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .pef .srw .x3f .3fr .iiq .erf .mrw .kdc .dcr",
    ),
    Family(
        "a picture of a kind that the image API does not take",
        "Open it, save or export it as JPEG or PNG, and upload that.",
        ".jp2 .j2k .jpx .jxl .jxr .ico .icns .tga .pcx .ppm .pgm .pbm .pnm .exr .hdr .dds .apng .cur .wbmp .qoi .mpo",
    ),
    Family(
        "a drawing program's own file",
        "Export the picture as PNG (File, Export), and upload that.",
        ".psd .psb .xcf .kra .clip .procreate .afphoto .afdesign .sketch .fig .indd .svg .svgz .ai .eps .cdr .emf .wmf",
    ),
    Family(
        "a film",
        "Stop it where it shows what you want, make a screenshot, and upload that. A live photo needs no film.",
        ".mp4 .mov .m4v .avi .mkv .webm .wmv .mpg .mpeg .3gp .mts .m2ts .flv .ogv",
    ),
    Family("a sound", TEXT, ".mp3 .m4a .wav .aac .ogg .oga .opus .flac .amr .wma .caf"),
    Family(
        "a document",
        "Copy its words into a plain text file (.txt); save a picture in it as PNG or JPEG (a screenshot will do). "
        "Then upload that.",
        ".pdf .doc .docx .odt .rtf .pages .ppt .pptx .odp .key .epub .html .htm .eml .msg",
    ),
    Family(
        "a spreadsheet",
        "Save it as CSV in UTF-8, with a first row such as custom_id,instruction,images, and upload that: each further "
        "row is a request.",
        ".xls .xlsx .xlsm .ods .numbers .tsv",
    ),
    Family(
        "a text, but no plain one by its name",
        "Save it as plain text with the ending .txt, and upload that.",
        ".text .md .markdown .log .yaml .yml .xml .toml .textclipping",
        may_have_a_text=False,
    ),
    Family(
        "an archive", "Unpack it, and upload what is in it.", ".zip .rar .7z .tar .gz .tgz .bz2 .xz .zst .cbz .dmg .iso"
    ),
    Family(
        "a file that a camera or a program keeps beside its photos",
        "It is not needed: the photo is enough. You can leave it where it is.",
        ".aae .xmp .thm .lrv .pp3 .lrcat .ini .db .lnk .url .webloc .plist .bak .ithmb",
        may_have_a_text=False,
    ),
)
_NO_ENDING = Family(
    "a file without an ending", "Give a photo the ending .jpg or .png, a text the ending .txt, and upload it again.", ""
)
_OTHER = Family(
    "of a kind that is not known here",
    "Upload a photo (.jpg, .png, .webp, .heic …) and, beside it, what you want in a text file of the same name (.txt).",
    "",
)


def unsupported(arrived: Upload) -> Rejected:
    """The error for a file whose name is neither a photo's nor a text's."""
    family = _family(arrived)
    return Rejected("unsupported_file", f"{arrived.name!r} is {family.what}", hint=family.hint)


def may_have_a_text(other: Upload) -> bool:
    """Whether a text of the same name may belong to such a file: not to a text, nor to a camera's side file."""
    return _family(other).may_have_a_text


def is_known(extension: str) -> bool:
    """Whether files with this ending are known and unsupported."""
    return extension.lower() in _by_extension()


def _family(of: Upload) -> Family:
    extension = of.extension.lower()
    return _by_extension().get(extension, _OTHER) if extension else _NO_ENDING


def _by_extension() -> Mapping[str, Family]:
    return {extension: family for family in FAMILIES for extension in family.extensions.split()}


def empty(arrived: Upload) -> Rejected:
    """The error for a file that stayed empty."""
    hint = "Its upload broke off, or the file is empty on your side too. Upload it again when something is in it."
    code: Code = "unsupported_image" if arrived.kind == "photo" else "invalid_request"
    return Rejected(code, f"the file {arrived.name!r} is empty", hint=hint)


def unreadable(name: str) -> Rejected:
    """The error for a file that exists and cannot be read."""
    return Rejected("unreadable", f"the file {name!r} is there, and may not be read", hint=NO_KEY_OF_ITS_OWN)


def nothing_said(arrived: Upload, metadata: Mapping[str, str]) -> Rejected:
    """The error for a photo without words. If a metadata name is nearly the right one, the hint says so first."""
    misspelt = next((name for name in metadata if _is_nearly_instruction(name)), None)
    meant = f"Its metadata has {misspelt!r}: did you mean 'instruction'? " if misspelt else ""
    return Rejected(
        "needs_instruction",
        f"there is no instruction for the photo {arrived.name!r}",
        hint=f"{meant}Write what you want into a plain text file named {_text_name(arrived)!r} and put it beside the "
        f"photo; that still starts it. For all photos of a folder: put {FOLDER_INSTRUCTION!r} into it; within "
        "a day that starts them, later upload them again.",
    )


def ambiguous(arrived: Upload) -> Rejected:
    """The error for a photo or a text with more than one possible partner beside it."""
    return Rejected(
        "invalid_request",
        f"more than one file beside {arrived.name!r} has a similar name, so it goes with none",
        hint="Give the photo and its text the very same name but for the ending (mug.jpg, mug.txt), and upload both.",
    )


def named_like_a_turn(name: str) -> Rejected:
    """The error for metadata that names a thread like a turn's folder."""
    return Rejected(
        "invalid_request",
        f"the metadata 'thread-id' is {name!r}, and a segment of it has the form of a turn's folder (00001-1a2b3c4d)",
        hint="Give the thread another name, and upload it again.",
        param="thread-id",
    )


def stray(arrived: Upload, photo: Upload) -> Rejected:
    """The error for a text without a photo, in a folder with photos without a text."""
    return Rejected(
        "invalid_request",
        f"{arrived.name!r} belongs to no photo, and beside it lies {photo.name!r}, which has no text: nothing was made",
        hint=f"For that photo: name the text {_text_name(photo)!r}. For all photos of the folder: name it "
        f"{FOLDER_INSTRUCTION!r}. For a picture from words alone: put it into a folder without such photos, or into "
        "threads/, in a folder of its own.",
    )


def of_no_photo(arrived: Upload, other: Upload) -> Rejected:
    """The error for a text named after a file that is not supported."""
    return Rejected(
        "invalid_request",
        f"{arrived.name!r} is named after {other.name!r}, which is not a photo that is taken here: nothing was made",
        hint="Save or export that file as JPEG or PNG, and upload it under the same name. "
        f"Then save the text again, as {_text_name(other)!r}. For a picture from words alone: give the text "
        "another name, or put it into threads/, in a folder of its own.",
    )


def copied_result(arrived: Upload) -> Rejected:
    """The error for a picture from the results that was uploaded beside words meant for many photos."""
    return Rejected(
        "needs_instruction",
        f"the picture {arrived.name!r} was made here, so the words of its folder do not apply to it",
        hint=f"To edit it: write what you want into a plain text file named {_text_name(arrived)!r} beside it, or "
        "upload it again with an 'instruction' or a 'thread-id' in its metadata.",
    )


def _is_nearly_instruction(name: str) -> bool:
    letters = "".join(filter(str.isalpha, name.lower()))
    return name != "instruction" and any(upload.is_near(letters, wanted) for wanted in upload.INSTRUCTION_NAMES)


def said_in_vain(arrived: Upload, unusable: Rejected) -> Rejected:
    """The error for a photo whose words exist and cannot be used."""
    return Rejected(
        "needs_instruction",
        f"the instruction for the photo {arrived.name!r} cannot be used: {unusable.message}",
        hint=f"{unusable.hint} Or write what you want into a plain text file named {_text_name(arrived)!r}, beside the "
        "photo; that still starts it.",
        param=unusable.param,
    )


def text_of_a_photo(key: str, unusable: Rejected) -> Rejected:
    """The error for a photo's text, with the text's name. A folder's words start nothing by themselves."""
    name = key.rpartition("/")[2]
    hint = f"{unusable.hint} Then upload the photo again." if name == FOLDER_INSTRUCTION else unusable.hint
    return Rejected(unusable.code, f"{name!r}: {unusable.message}", hint=hint, param=unusable.param)


def _text_name(arrived: Upload) -> str:
    return f"{arrived.stem.rpartition('/')[2]}.txt"


def for_all_folders(arrived: Upload) -> Rejected:
    """The error for a folder's instruction that would apply to other people's folders."""
    return Rejected(
        "unsupported_file",
        f"{arrived.key!r} would apply to the folders of others, and this stack keeps folders apart",
        hint=f"Put {FOLDER_INSTRUCTION} into each folder whose photos it is for.",
    )


def decomposed(arrived: Upload) -> Rejected:
    """The error for a file in a folder whose threads would be those of another folder."""
    return Rejected(
        "invalid_request",
        f"the first folder of {arrived.key!r} has letters in parts (not in Unicode's form NFC), so its threads would "
        "be those of the folder that looks the same, and this stack keeps folders apart",
        hint="Rename the folder, so that its name has composed letters (NFC) or plain ones (cafe). Upload it again.",
    )


def misnamed(arrived: Upload) -> Rejected:
    """The error for a misspelt folder instruction: keys are exact, so it would never be read."""
    return Rejected(
        "unsupported_file",
        f"{arrived.name!r} is not {FOLDER_INSTRUCTION!r}, and would never be read",
        hint=f"Did you mean {FOLDER_INSTRUCTION!r}, for all photos of its folder? Rename it so, in small letters, and "
        "upload it again. A text for one photo has the name of that photo.",
    )
