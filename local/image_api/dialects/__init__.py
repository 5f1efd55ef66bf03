"""The dialects that the stand-in speaks: a module each, which translates to and from its own `Generation`."""

from local.image_api.dialect import Dialect
from local.image_api.dialects.gemini import GEMINI
from local.image_api.dialects.nebula import NEBULA
from local.image_api.dialects.openai import OPENAI

# Of those that share a path the last takes what the others do not.
DIALECTS: tuple[Dialect, ...] = (OPENAI, NEBULA, GEMINI)
