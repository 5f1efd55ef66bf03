"""The table of dialects: each is found under its own name, and the first is the one of what names none."""

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.providers.dialect_table import DIALECTS
from darkroom.providers.nebula import NEBULA


def test_each_dialect_stands_under_its_own_name() -> None:
    assert [name for name, dialect in DIALECTS.items() if dialect.name != name] == []


def test_what_names_no_dialect_is_in_the_first_one() -> None:
    assert DIALECTS[DEFAULT_DIALECT] is NEBULA
