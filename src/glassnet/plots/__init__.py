"""Pictures: of trainings, drawn by matplotlib (extra ``plots``), and of expressions, drawn here (``expression/``)."""

from glassnet.plots.confusion import confusion
from glassnet.plots.figure import save_figure
from glassnet.plots.health import health
from glassnet.plots.training import curves, sweep

__all__ = ["confusion", "curves", "health", "save_figure", "sweep"]
