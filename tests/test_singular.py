"""A model without information somewhere, and with two equal modes: y = b + a^2 t, promoted, and both modes reported.

At a = 0 the law does not feel a: the score's variance and the mean curvature vanish, the latter of a learned psi later than
the former. Curvature is judged elsewhere, and the gate says where it is not.
"""

import numpy as np
import pytest
import torch
from exact_line import encoder

from addend.calibration import Record, judge
from addend.calibration.conclusion import total
from addend.calibration.measure import PARTS, measure_part
from addend.calibration.score import ScoreMoments, pooled_ratio, uninformed
from addend.calibration.scores import score
from addend.heads import Flow
from addend.maximum import maximise
from addend.modality import Field, Modality, Schema
from addend.parameters import Parameter, ParameterSpace
from addend.scalar import Lazy
from addend.settings import EncoderCalibration
from addend.training import Rows, Training, fit

B, A = (Parameter(n, "1", f"the {n} of a square", -2.0, 2.0) for n in "ba")
SPACE = ParameterSpace((B, A))
SIGMA = 0.5
AMOUNT = EncoderCalibration(
    seed=7, expected=20, cells=32, simulations=12_800, datasets=1024, points=512
)
THRESHOLDS = {"trust": 1, "normalisation": 0.1, "coverage": 0.05, "curvature": 0.1}


class Square(Modality):
    """y = b + a^2 t + n, n ~ N(0, 0.5^2)."""

    name, title, parameters = "square", "A line whose slope is a square", ("b", "a")
    schema = Schema((Field("y", "1", "ordinate"),), (Field("t", "1", "abscissa"),))

    def covariates(self, n, rng):
        """t uniform on [0, 1]."""
        return {"t": rng.uniform(0, 1, n)}

    def simulate(self, theta, covariates, rng):
        """y at theta `(N, 2)`."""
        noise = SIGMA * rng.standard_normal(len(theta))
        return {"y": theta[:, 0] + theta[:, 1] ** 2 * covariates["t"] + noise}

    def read(self, table):
        """As it is."""
        return dict(table)

    def sets(self):
        """None."""
        return {}


@pytest.fixture(scope="module")
def learned():
    """An encoder trained for some seconds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng, square, n = np.random.default_rng(1), Square(), 60_000
    theta, c = SPACE.draw(n, rng), square.covariates(n, rng)
    y, t, phi = (
        torch.from_numpy(a).float().reshape(n, -1)
        for a in (square.simulate(theta, c, rng)["y"], c["t"], theta)
    )
    head = Flow([{"link": "identity", "error": None, "present": None}], 1, 2, [0], components=2)
    rows, held = Rows(y, t, phi).split()
    fit(head, rows, Training(0, (1500, 300, 500), (512,) * 3, (0.01, 0.003, 0.001)), held=held)
    return encoder(head.double().requires_grad_(False), square, SPACE)


def raw_ratio(moments: ScoreMoments) -> np.ndarray:
    """The variance of a's score over its curvature `(K,)`, wherever it is."""
    return moments.J[:, 1, 1] / np.maximum(moments.H[:, 1, 1], 1e-12)


@pytest.mark.slow
def test_curvature_is_judged_where_information_is_and_the_gate_says_where_it_is_not(learned):
    """One cell on the singular line. False alarm: the ratio over the others errs by 2 %, a fifth of what is allowed."""
    cells = np.array([[0.0, 1e-3], [-1.0, -1.5], [1.0, 1.5], [0.5, -1.0], [0.0, 1.0]])
    moments, _ = score(learned, Square(), cells, 4000, np.random.default_rng(2))
    print("score variance over curvature of a", raw_ratio(moments), "pooled", pooled_ratio(moments))
    assert uninformed(moments).tolist() == [1, 0, 0, 0, 0]
    assert abs(raw_ratio(moments)[0] - 1) > 0.5 and abs(pooled_ratio(moments) - 1) < 0.1
    found = judge(Record("square", SPACE.names, 20, True, {"score": moments}), {"curvature": 0.1})
    assert found.passed and "not judged in 1 directions in 1 of 5 cells" in found.checks[0].sentence


@pytest.mark.slow
def test_a_modality_with_two_equal_modes_is_promoted_and_both_are_reported(learned):
    record = total([measure_part(learned, Square(), AMOUNT, part) for part in range(PARTS)])
    found = judge(record, THRESHOLDS)
    print(found.reason, *(c.sentence for c in found.checks), sep="\n")
    assert found.passed
    rng, n = np.random.default_rng(3), 100
    c = Square().covariates(n, rng)
    x = Square().simulate(np.tile([0.0, 1.2], (n, 1)), c, rng)
    modes = maximise(Lazy(learned, {**x, **c})).modes
    print([mode.theta.tolist() for mode in modes])
    assert len(modes) == 2
    assert sorted(np.sign([float(mode.theta[1]) for mode in modes])) == [-1, 1]
    assert abs(abs(float(modes[0].theta[1])) - 1.2) < 0.5 > abs(abs(float(modes[1].theta[1])) - 1.2)
