"""The dialects of the stand-in. Each module translates a dialect to and from `Generation`."""

from local.image_api.dialect import Dialect
from local.image_api.dialects.gemini import GEMINI
from local.image_api.dialects.nebula import NEBULA
from local.image_api.dialects.openai import OPENAI

# If several share a path, the last one takes the calls that the others do not.
DIALECTS: tuple[Dialect, ...] = (OPENAI, NEBULA, GEMINI)
