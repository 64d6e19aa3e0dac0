"""Data sets, their splits and mini-batches, and the readers of files."""

from glassnet.data.batches import Batches, batches
from glassnet.data.catalog import DatasetInfo, available, load
from glassnet.data.columns import read_columns
from glassnet.data.dataset import Dataset, Split, from_arrays
from glassnet.data.encoder import TableEncoder
from glassnet.data.idx import read_idx
from glassnet.data.language import read_text
from glassnet.data.permutation import permutation
from glassnet.data.split import split_indices
from glassnet.data.tables import read_table
from glassnet.data.text import Vocabulary, contexts, read_lines

__all__ = [
    "Batches",
    "Dataset",
    "DatasetInfo",
    "Split",
    "TableEncoder",
    "Vocabulary",
    "available",
    "batches",
    "contexts",
    "from_arrays",
    "load",
    "permutation",
    "read_columns",
    "read_idx",
    "read_lines",
    "read_table",
    "read_text",
    "split_indices",
]
