"""A break anywhere at the edge of our clients loses nothing, and pays nothing twice without need."""

import pytest

from tests.figures import Figures
from tests.guarantees.clients_edge.modes import MODES
from tests.guarantees.clients_edge.sweep import AWS_BREAKS, sweep
from tests.guarantees.clients_edge.world import World

QUICK = ("text to image", "image to image, by an upload", "a turn that is judged again")  # both functions, and no call
EVERY = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in MODES]


@pytest.mark.parametrize("name", EVERY)
def test_wherever_a_process_dies_the_request_ends_as_promised(swept_world: World, name: str, figures: Figures) -> None:
    swept = sweep(swept_world, MODES[name], ["dies"])
    figures.tell(f"{name}: {swept}")
    assert bool(swept.paid_twice) == bool(MODES[name].calls), "the calls whose answers are lost are not among them"


@pytest.mark.parametrize(
    "name", [pytest.param("image to image, by an upload", marks=pytest.mark.slow), "text to image, without a limit"]
)
def test_whichever_call_to_aws_fails_the_request_ends_as_promised(
    swept_world: World, name: str, figures: Figures
) -> None:
    """This uses the mode with the most AWS calls, and the one whose ledger writes are no transactions."""
    figures.tell(f"{name}: {sweep(swept_world, MODES[name], AWS_BREAKS)}")


@pytest.mark.torture
@pytest.mark.parametrize("name", MODES)
def test_in_every_mode_too(swept_world: World, name: str, figures: Figures) -> None:
    figures.tell(f"{name}: {sweep(swept_world, MODES[name], AWS_BREAKS)}")
