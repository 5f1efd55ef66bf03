"""A request in an uploaded file, or in a line of a batch file; or every fault that it has."""

from darkroom.domain import keys
from darkroom.domain.request import Request, bucket_faults, json_object, of_form
from darkroom.domain.request_schema import Body, Folder, Line, RequestRules, validated
from darkroom.errors import FieldFault, Rejected, invalid
from darkroom.streaming import charsets

FILE_REMEDY = "Mend the fields that are named and upload the file again; nothing was started or paid."
LINE_REMEDY = "Mend this line and upload the file again; lines that have their outcome are not paid again."


def of_file(text: str, *, folder: Folder, thread_id: str, request_id: str, rules: RequestRules) -> Request:
    """The request in an uploaded file; `thread_id` and `request_id` hold where it names none. Raises Rejected."""
    valid = validated(Body, json_object(text, FILE_REMEDY), FILE_REMEDY, folder=folder, options=rules.options)
    if faults := bucket_faults(valid, rules.buckets):
        raise invalid(faults, FILE_REMEDY)
    return of_form(valid, valid.thread_id or thread_id, valid.request_id or request_id)


def of_line(line: bytes, *, folder: Folder, stem: str, rules: RequestRules) -> Request:
    """The request in a line of a batch file, by default in the thread `<stem>/<custom_id>`. Raises Rejected."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise invalid([FieldFault("body", charsets.told(line))], LINE_REMEDY) from error
    valid = validated(Line, json_object(text, LINE_REMEDY), LINE_REMEDY, folder=folder, options=rules.options)
    if faults := bucket_faults(valid, rules.buckets):
        raise invalid(faults, LINE_REMEDY)
    return of_form(valid, valid.thread_id or keys.thread_of(f"{stem}/{valid.custom_id}"), valid.custom_id)


def custom_id(line: bytes) -> str | None:
    """The id of a faulty line, if there is nothing wrong with that."""
    try:
        document = json_object(line.decode(), LINE_REMEDY)
        asked = {"instruction": "-", "custom_id": document.get("custom_id")}
        return validated(Line, asked, LINE_REMEDY).custom_id
    except (UnicodeDecodeError, Rejected):
        return None
