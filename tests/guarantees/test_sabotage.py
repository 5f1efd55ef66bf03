"""The proof is proven: without any one safeguard it goes red, with the right message."""

import pytest

from tests.figures import Figures
from tests.guarantees.memory.sabotage import SABOTAGES, Sabotage


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_a_sabotage_is_noticed(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch, figures: Figures) -> None:
    sabotage.takes_out(monkeypatch)
    with pytest.raises(AssertionError, match=sabotage.says):
        sabotage.proof()
    figures.count("sabotages that were noticed", sabotage.name, 1)
