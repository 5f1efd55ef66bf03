"""The table of dialects: each is found under its own name, and a cold start loads only the stack's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from darkroom.domain.outcome import DEFAULT_DIALECT
from darkroom.providers.dialect_table import DIALECTS, NAMES
from darkroom.providers.dialects.nebula import NEBULA
from local.stack.parameters import read_template
from tests.unit.bootstrap.test_settings import REQUEST, UPLOAD

ROOT = Path(__file__).parents[3]
WIRED = """
import sys
from darkroom.bootstrap import on_request, on_upload
from darkroom.bootstrap.settings import UploadSettings, read
import os
on_request._turns(); on_upload._rules(read(UploadSettings, os.environ))
print(*sys.modules)
"""


def test_each_dialect_stands_under_its_own_name() -> None:
    assert [name for name, dialect in DIALECTS.items() if dialect.name != name] == []


def test_what_names_no_dialect_is_in_the_first_one() -> None:
    assert DIALECTS[DEFAULT_DIALECT] is NEBULA
    assert NAMES[0] == DEFAULT_DIALECT


def test_a_name_that_is_not_in_the_table_is_no_dialect() -> None:
    """This holds even if there is a module with that name."""
    assert "nebula_reply" not in DIALECTS
    assert DIALECTS.get("nebula_reply") is None


def test_the_parameter_offers_what_the_table_has() -> None:
    declared = read_template(ROOT / "template.yaml")["Parameters"]["ImageApiDialect"]
    assert (declared["AllowedValues"], declared["Default"]) == (list(NAMES), DEFAULT_DIALECT)


@pytest.mark.parametrize("name", NAMES)
def test_a_cold_start_loads_the_dialect_of_the_stack_alone(name: str) -> None:
    environ = {**REQUEST, **UPLOAD, "IMAGE_API_DIALECT": name, "AWS_DEFAULT_REGION": "eu-west-1"}
    command, env = [sys.executable, "-c", WIRED], {**os.environ, **environ}
    told = subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    folder = "darkroom.providers.dialects."
    loaded = {each.removeprefix(folder) for each in told if each.startswith(folder)}
    assert name in loaded
    assert loaded & set(NAMES) == {name}
