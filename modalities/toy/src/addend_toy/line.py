"""A straight line with known noise.

    y = intercept + slope t + n,      n ~ N(0, y_err^2)

With the design matrix A = (1, t) and the weights W = diag(y_err^-2), the likelihood of all rows is Gaussian in theta =
(intercept, slope), with mean (A' W A)^-1 A' W y and covariance (A' W A)^-1: whatever a network learns of it, the
answer is known.
"""

import numpy as np

from addend.modality import Columns, Drawing, Field, Modality, Points, Schema

TRUTH = {"toy.intercept": -0.3, "toy.slope": 0.7}
SEED = 20
ROWS = 20


class Toy(Modality):
    """Points scattered about a straight line."""

    name = "toy"
    title = "A straight line with known noise"
    parameters = ("toy.intercept", "toy.slope")
    schema = Schema(
        observables=(Field("y", "1", "ordinate", error="y_err"),),
        covariates=(
            Field("t", "1", "abscissa"),
            Field("y_err", "1", "standard deviation of the noise on y", positive=True, noise=True),
        ),
    )

    def covariates(self, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """t uniform on [-1, 1]; y_err log-uniform on [0.05, 1]."""
        return {"t": rng.uniform(-1.0, 1.0, n), "y_err": np.exp(rng.uniform(np.log(0.05), 0.0, n))}

    def simulate(
        self, theta: np.ndarray, covariates: Columns, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """y, given theta `(N, 2)` and N rows of covariates."""
        intercept, slope = theta.T
        return {
            "y": intercept
            + slope * covariates["t"]
            + covariates["y_err"] * rng.standard_normal(len(theta))
        }

    def read(self, table: Columns) -> dict[str, np.ndarray]:
        """The columns y, t and y_err of a table, as they are."""
        self.schema.check(table)
        return {name: np.asarray(table[name], dtype=np.float64) for name in self.schema.names}

    def sets(self) -> dict[str, dict[str, np.ndarray]]:
        """`line`: ROWS points drawn at TRUTH with SEED."""
        rng = np.random.default_rng(SEED)
        covariates = self.covariates(ROWS, rng)
        theta = np.tile([TRUTH[name] for name in self.parameters], (ROWS, 1))
        return {"line": self.simulate(theta, covariates, rng) | covariates}

    def figure(self, columns: Columns, theta: np.ndarray) -> Drawing:
        """The points about the line."""
        intercept, slope = theta.T[:, :, None]
        t = np.linspace(columns["t"].min(), columns["t"].max(), 2)
        points = Points(
            columns["t"],
            columns["y"],
            columns["y_err"],
            intercept + slope * columns["t"],
            t,
            intercept + slope * t,
        )
        return Drawing("A line with known noise", "$t$", "$y$", {"points": points})
