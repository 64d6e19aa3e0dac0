"""Probes: what gathers evidence from glassnet's data, networks and looks."""
