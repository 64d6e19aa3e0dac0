"""Settings that all tests share."""

from hypothesis import HealthCheck, settings

# Derandomised: the same examples on every run, so that a red suite is red again when it is run again.
settings.register_profile(
    "glassnet", deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("glassnet")
