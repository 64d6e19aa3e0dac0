"""Small steps compiled as if they were large."""

from glassnet.compiler import blocks, passes, phases


def make_large(monkeypatch):
    """As if every step were large, and every block worth it."""
    monkeypatch.setattr(phases, "STEP_WORK", 0)
    monkeypatch.setattr(phases, "STATEMENT_WORK", 0)
    monkeypatch.setattr(blocks, "ROWS", 1)
    monkeypatch.setattr(passes, "LEAST_ROWS", 1)
