"""All faults, in the order of their families."""

import faults_of_data  # noqa: F401  # declares them
import faults_of_training  # noqa: F401
from fault import FAULTS

__all__ = ["FAULTS"]
