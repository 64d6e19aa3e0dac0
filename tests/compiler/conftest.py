"""What the tests of compiled steps share."""

from functools import partial

import pytest


@pytest.fixture
def quickly(monkeypatch):
    """Let XLA compile without optimising, for programs that run once."""
    jax = pytest.importorskip("jax")
    options = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    monkeypatch.setattr(jax, "jit", partial(jax.jit, compiler_options=options))
