"""Scalar functions of theta as values: they have a zero and a +, and are called, differentiated and aligned by name."""

from .base import Scalar, Sum, Zero
from .forms import Constraint, Fixed, Function, Scaled, constraints
from .jet import Jet, Slope
from .lazy import Lazy
from .psi import Psi
from .reduced import Reduced, Statistic
from .tabulated import Tabulated, tabulate

__all__ = [
    "Constraint",
    "Fixed",
    "Function",
    "Jet",
    "Lazy",
    "Psi",
    "Reduced",
    "Scalar",
    "Scaled",
    "Slope",
    "Statistic",
    "Sum",
    "Tabulated",
    "Zero",
    "constraints",
    "tabulate",
]
