"""Pictures: of trainings, drawn by matplotlib (extra ``plots``), and of expressions, drawn here (``expression/``)."""

from glassnet.plots.bigram import bigram
from glassnet.plots.confusion import confusion
from glassnet.plots.embedding import embedding, principal_components
from glassnet.plots.figure import save_figure
from glassnet.plots.health import health, update_ratios
from glassnet.plots.layers import histograms, saturation
from glassnet.plots.training import curves, sweep

__all__ = [
    "bigram",
    "confusion",
    "curves",
    "embedding",
    "health",
    "histograms",
    "principal_components",
    "saturation",
    "save_figure",
    "sweep",
    "update_ratios",
]
