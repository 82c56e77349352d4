"""Simulations on a Sobol' sequence: each row as random as ever, their means far less so."""

from pathlib import Path

import numpy as np
import pytest
from addend_toy.line import Toy
from scipy.special import ndtr
from scipy.stats import kstest

from addend.errors import BadSetting
from addend.parameters import read_agreement
from addend.sobol import (
    BLOCK,
    COLUMNS,
    ORDINARY,
    Deviates,
    Served,
    served,
    simulate,
    twice,
)

ROOT = Path(__file__).resolve().parent.parent
N = 2**13
POINTS = BLOCK // 2


@pytest.mark.parametrize("row", [300, 301])
def test_a_row_follows_the_law(row):
    """One row of 2000 sequences, and its columns against each other: a false alarm in 10^6 each."""

    def drawn(k):
        rng = Deviates.sequence([1, k], BLOCK)
        return np.append(
            rng.uniform(-1, 1, (BLOCK, 1))[row // 2],
            rng.mirrored().standard_normal((2 * BLOCK, 2))[row],
        )

    rows = np.array([drawn(k) for k in range(2000)])
    assert kstest(rows[:, 0], "uniform", (-1, 2)).pvalue > 1e-6 and all(
        kstest(c, "norm").pvalue > 1e-6 for c in rows.T[1:]
    )
    assert (np.abs(np.corrcoef(rows.T) - np.eye(3)) < 5 / 2000**0.5).all()


@pytest.mark.parametrize("start", [0, 7 * POINTS])
def test_every_block_covers_each_column_and_each_rectangle_of_a_plane_evenly(start):
    rng = Deviates.sequence([2], N, start)
    blocks = np.stack(
        [rng.random(N), ndtr(rng.standard_normal(N)), rng.uniform(3, 4, N) - 3]
    ).reshape(3, -1, POINTS)
    assert (np.sort((POINTS * blocks).astype(int), axis=2) == np.arange(POINTS)).all()
    rectangle = (16 * blocks[0]).astype(int) * 8 + (8 * blocks[1]).astype(int)
    assert (np.sort(rectangle, axis=1) == np.arange(POINTS)).all()


def test_noise_comes_in_mirrored_pairs():
    z, u = (
        Deviates.sequence([3], N).mirrored().standard_normal((2 * N, 3)),
        Deviates.sequence([3], N).mirrored().random((2, 2 * N)),
    )
    assert np.allclose(z[1::2], -z[::2], atol=1e-6) and np.allclose(
        u[:, 1::2], 1 - u[:, ::2], atol=1e-15
    )
    assert twice(np.arange(3)).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_mean_over_theta_and_noise_has_little_error():
    """Of x^2, x = theta + noise in three columns each: a hundredth of the variance of independent rows, 32 times repeated."""

    def error(theta, noise):
        return ((theta + noise) ** 2).sum(1).mean() - 4

    def even(k):
        rng = Deviates.sequence([3, k], N)
        return error(
            twice(rng.uniform(-1, 1, (N, 3))), rng.mirrored().standard_normal((3, 2 * N)).T
        )

    def independent(k):
        rng = np.random.default_rng([3, k])
        return error(rng.uniform(-1, 1, (2 * N, 3)), rng.standard_normal((2 * N, 3)))

    variances = [np.square([one(k) for k in range(32)]).mean() for one in (even, independent)]
    print(f"{variances[1] / variances[0]:.0f} times less")
    assert variances[0] < variances[1] / 100


def test_a_sequence_goes_on_where_an_earlier_part_ended():
    whole, parts = (
        Deviates.sequence([4], 4 * BLOCK),
        [Deviates.sequence([4], 2 * BLOCK, start) for start in (0, 2 * BLOCK)],
    )
    assert np.allclose(
        whole.random((4 * BLOCK, 5)),
        np.concatenate([p.random((2 * BLOCK, 5)) for p in parts]),
        atol=2e-9,
    )


def test_noise_takes_other_coordinates_than_theta():
    rng = Deviates.sequence([5], N)
    assert abs(np.corrcoef(twice(rng.random(N)), rng.mirrored().random(2 * N))[0, 1]) < 0.01


def test_other_draws_are_numpys():
    rng = Deviates.sequence([5], BLOCK)
    assert np.ndim(rng.random()) == 0 and rng.standard_normal(3).shape == (3,)
    assert rng.poisson(3.0, BLOCK).shape == (BLOCK,) and rng.random((BLOCK, COLUMNS + 1)).shape == (
        BLOCK,
        COLUMNS + 1,
    )
    assert rng.normal(5.0, np.full(BLOCK, 0.0)).tolist() == [5.0] * BLOCK


def test_every_draw_of_numpys_generators_is_served_or_listed():
    """A method that a later numpy adds must be put among the ordinary ones before it may go past the record."""
    offered = {name for name in dir(np.random.Generator) if not name.startswith("_")}
    even = {"random", "uniform", "standard_normal", "normal"}
    assert offered - {"bit_generator"} == set(ORDINARY) | even


def test_ordinary_draws_are_those_of_the_stream_beneath():
    rng, plain = Deviates.sequence([5], BLOCK), np.random.default_rng([5, 0])
    assert isinstance(rng, np.random.Generator)
    assert (rng.poisson(3.0, BLOCK) == plain.poisson(3.0, BLOCK)).all()
    assert (rng.integers(9, size=5) == plain.integers(9, size=5)).all()
    assert (rng.mirrored().permutation(9) == plain.permutation(9)).all()


class Counted(Toy):
    """A toy with a background, a count and two columns of single precision."""

    def simulate(self, theta, covariates, rng):
        rng.poisson(3.0, len(theta))
        rng.standard_normal((len(theta), 2), dtype=np.float32)
        return super().simulate(theta, covariates, rng)


@pytest.mark.parametrize(
    ("modality", "expected", "said"),
    [
        (Toy(), Served(5, ()), "5 of 5 columns of deviates from the design"),
        (
            Counted(),
            Served(5, ("poisson", "standard_normal", "standard_normal")),
            "5 of 8 columns of deviates from the design; ordinary random numbers for poisson, standard_normal",
        ),
    ],
)
def test_what_the_design_served_is_said(modality, expected, said):
    space = read_agreement(ROOT).subset(modality.parameters)
    assert served(modality, space) == expected and str(expected) == said


def test_the_same_seed_gives_the_same_rows_and_another_does_not():
    first, again, other = (Deviates.sequence([s], BLOCK).random((BLOCK, 2)) for s in (6, 6, 7))
    assert (first == again).all() and not (first == other).any()


def test_an_odd_number_of_rows_is_refused():
    with pytest.raises(BadSetting, match="pairs: 7"):
        simulate(None, None, 7, [1])
