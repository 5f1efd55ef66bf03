"""Names: thread ids, request ids, and the keys derived from them."""

import hashlib
import re
import unicodedata

THREAD_ID_BYTES = 256
# NFC shortens UTF-8 at most threefold, and takes quadratic time for letters with endless marks.
MAX_NAME_CHARACTERS = 3 * THREAD_ID_BYTES
_TURN_FOLDER = r"[0-9]{5,}-[0-9a-f]{8}"  # see `turn_prefix`
GROUP_CHARACTERS = r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}"  # the characters that SQS allows
LONG_KEY_BYTES = 800
SHORTENED_KEY_BYTES = 780
STATE = "state"  # the name of the object beside a turn's pictures that holds what the API wants back
_LENGTH = f"must be 1 to {THREAD_ID_BYTES} bytes of UTF-8"


def sha256(text: str) -> str:
    """Lowercase hex SHA-256 of the text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def thread_id(name: str) -> str:
    """The name as a thread id, in NFC. Raises ValueError with a sentence that explains the fault."""
    normal = _normal(name)
    if has_turn_folder(normal):
        raise ValueError("must not have a segment of the form `00001-1a2b3c4d`: a turn's folder is called so")
    return normal


def has_turn_folder(name: str) -> bool:
    """Whether a segment looks like a turn's folder, which would make the results look like another thread's."""
    return any(re.fullmatch(_TURN_FOLDER, segment) for segment in name.split("/"))


def _normal(name: str) -> str:
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValueError(_LENGTH)
    normal = unicodedata.normalize("NFC", name)
    if any(0xD800 <= ord(character) <= 0xDFFF for character in normal):
        raise ValueError("must be valid Unicode, but holds half of a surrogate pair")
    if not 1 <= len(normal.encode()) <= THREAD_ID_BYTES:
        raise ValueError(_LENGTH)
    if any(unicodedata.category(character) == "Cc" for character in normal):
        raise ValueError("must not contain control characters")
    if not {"", ".", ".."}.isdisjoint(normal.split("/")):
        raise ValueError("must not have an empty, `.` or `..` segment between its slashes")
    return normal


def thread_of(name: str) -> str:
    """The thread id for an upload's name: the name itself, or a hash where it is no valid id."""
    try:
        return thread_id(name)
    except ValueError:
        return _hashed(name)


def home_of(name: str) -> str:
    """The partition that keeps an upload's state. It is the upload's thread, with one exception: a name with a segment
    like a turn's folder is kept as it is. Such names were thread ids once, and their state must stay findable.
    """
    try:
        return _normal(name)
    except ValueError:
        return _hashed(name)


def _hashed(name: str) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"key-{digest[:32]}"


def is_hashed(thread: str) -> bool:
    """Whether a thread's id has the form of a hash, as `thread_of` makes it."""
    return re.fullmatch("key-[0-9a-f]{32}", thread) is not None


def message_group(thread: str) -> str:
    """The `MessageGroupId` that keeps this thread's messages in order."""
    return thread if re.fullmatch(GROUP_CHARACTERS, thread) else sha256(thread)


def turn_prefix(thread: str, turn: int, request_id: str) -> str:
    """The prefix of a turn's pictures and `result.json` in the results bucket."""
    return f"threads/{thread}/{turn:05d}-{sha256(request_id)[:8]}/"


def spool_key(thread: str, request_id: str, call: int) -> str:
    """The key of the raw answer to one paid call."""
    return f"{sha256(f'{len(thread)}:{thread}/{request_id}')}/{call}"


def rendition_key(sha256: str, most_bytes: int) -> str:
    """The key of a rendition: a picture with these bytes, converted for sending."""
    return f"renditions/{sha256}/{most_bytes}"


def doubtful_key(sha256: str) -> str:
    """The key of an answer's picture with these bytes, while it is decoded to see whether it is complete."""
    return f"doubtful/{sha256}"


def rejected_message_key(message_id: str) -> str:
    """The key of the `result.json` for a message that could not become a turn."""
    return f"rejected/messages/{message_id}/result.json"


def rejected_upload_key(key: str, etag: str) -> str:
    """The key of the `result.json` for an upload that could not become a request."""
    return f"rejected/uploads/{shortened(key)}/{sha256(etag)[:8]}/result.json"


def shortened(key: str) -> str:
    """An upload's key, shortened so that it fits into another key."""
    raw = key.encode()
    if len(raw) <= LONG_KEY_BYTES:
        return key
    return f"{raw[:SHORTENED_KEY_BYTES].decode(errors='ignore')}~{hashlib.sha256(raw).hexdigest()[:16]}"
