"""The table of dialects: the one place that lists them. A new provider is a module in `dialects/`, and a name here."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from darkroom.providers.dialect import Dialect

NAMES = ("nebula", "gemini", "openai")


class _Table(Mapping[str, Dialect]):
    """Dialects by name. One is imported when it is looked up, so that a cold start imports only the stack's own."""

    def __getitem__(self, name: str) -> Dialect:
        if name not in NAMES:
            raise KeyError(name)
        found: Dialect = getattr(import_module(f"darkroom.providers.dialects.{name}"), name.upper())
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


DIALECTS: Mapping[str, Dialect] = _Table()
