"""Networks that are often wanted, and what can be done with them."""

from glassnet.models.mlp import character_mlp, mlp
from glassnet.models.sampling import sample

__all__ = ["character_mlp", "mlp", "sample"]
