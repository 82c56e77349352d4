"""The toy modality keeps the contract, and its shipped line has the posterior that algebra gives."""

from pathlib import Path

import numpy as np
import pytest
from addend_toy import Toy
from addend_toy.line import TRUTH
from scipy.stats import chi2

from addend.errors import NegativeError
from addend.parameters import read_agreement
from addend.testing.modality import check_modality

ROOT = Path(__file__).parents[3]


def test_contract():
    check_modality(Toy(), read_agreement(ROOT))


def test_exact_estimate_of_the_shipped_line_is_compatible_with_its_truth():
    """Mahalanobis distance squared below the 0.999 quantile of chi2(2): a false alarm once in a thousand seeds."""
    columns = Toy().read(Toy().sets()["line"])
    design = (
        np.stack([np.ones_like(columns["t"]), columns["t"]], axis=1) / columns["y_err"][:, None]
    )
    estimate, *_ = np.linalg.lstsq(design, columns["y"] / columns["y_err"], rcond=None)
    shift = design @ (estimate - [TRUTH[name] for name in Toy.parameters])
    print(
        f"estimate {estimate}, distance squared {shift @ shift:.2f}, band {chi2.ppf(0.999, 2):.2f}"
    )
    assert shift @ shift < chi2.ppf(0.999, 2)


def test_error_that_is_not_positive_is_refused():
    with pytest.raises(NegativeError, match="y_err"):
        Toy().read(Toy().sets()["line"] | {"y_err": np.full(20, -1.0)})
