"""The record's own linear algebra against LAPACK's."""

import numpy as np
import pytest

from addend.numerics import linear


def symmetric(n, rank, rng):
    root = rng.standard_normal((n, rank)) * np.logspace(0, 3, n)[:, None]
    return root @ root.T


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (2, 2), (4, 4), (7, 7), (4, 2), (3, 1)])
def test_eigenvalues_and_projectors_are_those_of_lapack(n, rank):
    matrix = symmetric(n, rank, np.random.default_rng(n))
    values, vectors = linear.eigh(matrix)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(matrix), atol=1e-13 * values[-1])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-13)
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=1e-13 * values[-1])


def test_a_matrix_that_is_not_positive_has_its_negative_eigenvalues():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((5, 5))
    matrix = matrix + matrix.T
    np.testing.assert_allclose(linear.eigvalsh(matrix), np.linalg.eigvalsh(matrix), rtol=1e-12)


@pytest.mark.parametrize("zero", [np.zeros((3, 3)), np.eye(3), np.diag([0.0, 2.0, 0.0])])
def test_a_matrix_with_nothing_to_turn_stays_as_it_is(zero):
    values, vectors = linear.eigh(zero)
    assert np.array_equal(values, np.sort(np.diagonal(zero)))
    assert np.array_equal((vectors * values) @ vectors.T, zero)


@pytest.mark.parametrize("dependent", [False, True])
def test_least_squares_are_those_of_lapack_also_where_columns_depend_on_each_other(dependent):
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((40, 9)) * np.logspace(-3, 3, 9), rng.standard_normal((40, 2))
    if dependent:
        a[:, 4] = a[:, 2] + a[:, 3]
    expected = np.linalg.lstsq(a, b, rcond=1e-10)[0]
    np.testing.assert_allclose(linear.lstsq(a, b, 1e-10), expected, rtol=1e-8)
    np.testing.assert_allclose(linear.lstsq(a, b[:, 0], 1e-10), expected[:, 0], rtol=1e-8)


def test_products_and_covariances_are_numpy_s():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 5, 2))
    np.testing.assert_allclose(linear.product(a, b), a @ b, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(linear.applied(b[0], a), a @ b[0], rtol=1e-12, atol=1e-14)
    rows = rng.standard_normal((100, 3))
    np.testing.assert_allclose(linear.covariance(rows), np.cov(rows, rowvar=False), rtol=1e-12)


def test_of_too_few_equations_the_shortest_solution_is_found():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((6, 20)), rng.standard_normal(6)
    np.testing.assert_allclose(linear.lstsq(a, b, 1e-12), np.linalg.lstsq(a, b)[0], rtol=1e-9)
