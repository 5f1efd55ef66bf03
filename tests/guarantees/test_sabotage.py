"""The proof is proven: without any one safeguard it goes red, with the right message."""

import pytest

from darkroom.domain.outcome import DEFAULT_DIALECT
from tests.figures import Figures
from tests.guarantees.memory.sabotage import SABOTAGES, Sabotage
from tests.guarantees.memory.world import World


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_a_sabotage_is_noticed(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch, figures: Figures) -> None:
    monkeypatch.setattr(World, "dialect", DEFAULT_DIALECT)  # some need a refusal that is free
    sabotage.takes_out(monkeypatch)
    with pytest.raises(AssertionError, match=sabotage.says):
        sabotage.proof()
    figures.count("sabotages that were noticed", sabotage.name, 1)
