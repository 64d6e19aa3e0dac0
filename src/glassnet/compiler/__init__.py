"""Compilation of whole training steps: recorded once, fused into a few loop nests, run as one native function."""
