"""Networks that are often wanted, and what can be done with them."""

from glassnet.models.bigram import NGram, TableSize, bigram_network, table_growth
from glassnet.models.mlp import character_mlp, mlp
from glassnet.models.sampling import Samples, sample
from glassnet.models.scoring import character_losses
from glassnet.models.wavenet import DilatedLinear, dilated, wavenet

__all__ = [
    "DilatedLinear",
    "NGram",
    "Samples",
    "TableSize",
    "bigram_network",
    "character_losses",
    "character_mlp",
    "dilated",
    "mlp",
    "sample",
    "table_growth",
    "wavenet",
]
