"""Hypothesis for every test: the same examples on every run, and no complaint about a slow machine.

To look further than CI does: `pytest --hypothesis-profile=exploring`.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "darkroom",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("exploring", settings.get_profile("darkroom"), derandomize=False, max_examples=2000)
settings.load_profile("darkroom")
