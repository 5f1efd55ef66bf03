"""What uploaders are told of what ended in nothing, and the way out: in words for people who know no AWS."""

from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.domain.upload import FOLDER_INSTRUCTION, Upload
from darkroom.errors import NO_KEY_OF_ITS_OWN, Code, Rejected

TEXT = "Write what you want into a plain text file (.txt) instead, and upload that."


@dataclass(frozen=True, slots=True)
class Family:
    """Files of one sort: what they are, the way out, and how their names end."""

    what: str
    hint: str
    extensions: str


FAMILIES = (
    Family(
        "a JPEG under another ending",
        "Give it the ending .jpg and upload it again.",
        ".jfif .jpe .jif .jfi .jpg_large .jpeg_large",
    ),
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
    ),
    Family(
        "an archive", "Unpack it, and upload what is in it.", ".zip .rar .7z .tar .gz .tgz .bz2 .xz .zst .cbz .dmg .iso"
    ),
    Family(
        "what a camera or a program keeps beside its photos",
        "It is not needed: the photo is enough. You can leave it where it is.",
        ".aae .xmp .thm .lrv .pp3 .lrcat .ini .db .lnk .url .webloc .plist .bak .ithmb",
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
    """Of a file that is no photo and no text by its name."""
    extension = arrived.extension.lower()
    family = _by_extension().get(extension, _OTHER) if extension else _NO_ENDING
    return Rejected("unsupported_file", f"{arrived.name!r} is {family.what}", hint=family.hint)


def _by_extension() -> Mapping[str, Family]:
    return {extension: family for family in FAMILIES for extension in family.extensions.split()}


def empty(arrived: Upload) -> Rejected:
    """Of a file that stayed empty."""
    hint = "Its upload broke off, or the file is empty on your side too. Upload it again when something is in it."
    code: Code = "unsupported_image" if arrived.kind == "photo" else "invalid_request"
    return Rejected(code, f"the file {arrived.name!r} is empty", hint=hint)


def unreadable(name: str) -> Rejected:
    """Of a file that is there and may not be read."""
    return Rejected("unreadable", f"the file {name!r} is there, and may not be read", hint=NO_KEY_OF_ITS_OWN)


def nothing_said(arrived: Upload) -> Rejected:
    """Of a photo without words."""
    return Rejected(
        "needs_instruction",
        f"nobody has said what to make of the photo {arrived.name!r}",
        hint=f"Write what you want into a plain text file named {_text_name(arrived)!r} and put it beside the photo; "
        f"that still starts it. For all photos of a folder: put {FOLDER_INSTRUCTION!r} into it, and upload them again.",
    )


def said_in_vain(arrived: Upload, unusable: Rejected) -> Rejected:
    """Of a photo whose words are there, and cannot be used."""
    return Rejected(
        "needs_instruction",
        f"what was said about the photo {arrived.name!r} cannot be used: {unusable.message}",
        hint=f"{unusable.hint} Or write what you want into a plain text file named {_text_name(arrived)!r}, beside the "
        "photo; that still starts it.",
        param=unusable.param,
    )


def text_of_a_photo(key: str, unusable: Rejected) -> Rejected:
    """Of a text that holds for a photo: its name, too. A folder's words start nothing themselves."""
    name = key.rpartition("/")[2]
    hint = f"{unusable.hint} Then upload the photo again." if name == FOLDER_INSTRUCTION else unusable.hint
    return Rejected(unusable.code, f"{name!r}: {unusable.message}", hint=hint, param=unusable.param)


def _text_name(arrived: Upload) -> str:
    return f"{arrived.stem.rpartition('/')[2]}.txt"


def for_all_folders(arrived: Upload) -> Rejected:
    """Of a folder's instruction that would hold for the folders of others."""
    return Rejected(
        "unsupported_file",
        f"{arrived.key!r} would hold for the folders of others, and this stack keeps folders apart",
        hint=f"Put {FOLDER_INSTRUCTION} into each folder whose photos it is for.",
    )


def misnamed(arrived: Upload) -> Rejected:
    """Of a folder's instruction: keys are exact, and this one would never be looked at."""
    return Rejected(
        "unsupported_file",
        f"{arrived.name!r} is not {FOLDER_INSTRUCTION!r}: its letters have to be small ones",
        hint=f"Rename it to {FOLDER_INSTRUCTION}, in small letters, and upload it again.",
    )
