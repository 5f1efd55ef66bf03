"""The dialects of the stand-in. Each module translates a dialect to and from `Generation`."""

from local.image_api.dialect import Call, Dialect
from local.image_api.dialects.gemini import GEMINI
from local.image_api.dialects.nebula import NEBULA
from local.image_api.dialects.openai import OPENAI

# If several share a path, the last one takes the calls that the others do not.
DIALECTS: tuple[Dialect, ...] = (OPENAI, NEBULA, GEMINI)


def dialect_of(call: Call) -> Dialect:
    """The dialect of a call at one of their paths."""
    return next(each for each in DIALECTS if each.path.fullmatch(call.path) and each.is_own(call))
