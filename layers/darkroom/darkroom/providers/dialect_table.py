"""The table of dialects: the one place that lists them. A new provider is a module beside this one, and a row here."""

from collections.abc import Mapping

from darkroom.providers.dialect import Dialect
from darkroom.providers.nebula import NEBULA

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (NEBULA,)}
