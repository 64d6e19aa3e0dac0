"""Settings that all tests share."""

import pytest
from hypothesis import HealthCheck, settings

# Derandomised: the same examples on every run, so that a red suite is red again when it is run again.
settings.register_profile(
    "glassnet", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
# By hand, for as long as one likes: pytest tests/fuzz --hypothesis-profile=long
settings.register_profile(
    "long", parent=settings.get_profile("glassnet"), max_examples=10_000, derandomize=False, database=None
)
settings.load_profile("glassnet")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are saved under runs/ in the current directory unless told otherwise."""
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
