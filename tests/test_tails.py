"""The tails that gates and intervals use are those of `scipy.stats`, which is too slow to import for each stage."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from addend.numerics import tails

P = np.array([1e-6, 0.025, 0.05, 0.3173, 0.5, 0.6827, 0.9545, 0.99])


@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 40])
def test_chi_square_is_that_of_scipy_stats(degrees):
    x = np.array([0, 1e-3, 0.5, 1, 2.3, 9, 100.0])
    assert tails.chi2_below(x, degrees) == pytest.approx(stats.chi2.cdf(x, degrees), rel=1e-13)
    assert tails.chi2_above(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-13)
    found = tails.chi2_quantile(P, degrees)
    assert found == pytest.approx(stats.chi2.ppf(P, degrees), rel=1e-13)


@pytest.mark.parametrize("trials", [1, 7.0, 400, 50_000])
@pytest.mark.parametrize("rate", [1e-3, 0.05, 0.5, 0.95])
def test_the_binomial_law_is_that_of_scipy_stats(trials, rate):
    assert (tails.binomial_quantile(P, trials, rate) == stats.binom.ppf(P, trials, rate)).all()
    k = np.unique(np.clip([-1.0, 0, trials * rate // 1, trials // 2, trials - 1], -1, trials))
    found = tails.binomial_above(k, trials, rate)
    assert found == pytest.approx(stats.binom.sf(k, trials, rate), rel=1e-9, abs=1e-300)


def test_pearsons_test_of_equal_counts_is_that_of_scipy_stats():
    counts = np.random.default_rng(1).integers(20, 60, 16)
    assert tails.uneven(counts) == pytest.approx(stats.chisquare(counts).pvalue, rel=1e-12)


def test_no_stage_imports_what_only_tests_and_tracing_need():
    modules = (
        f"addend.{m}" for m in ("stages.evaluate", "stages.calibrate", "stages.finetune", "cli")
    )
    said = f"import sys, {', '.join(modules)}; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
