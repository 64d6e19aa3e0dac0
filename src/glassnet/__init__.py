"""glassnet: build, train and see into neural networks."""

from glassnet.engine import *  # noqa: F403
