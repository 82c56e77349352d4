"""The score identities and N*: planted errors are found at their planted size, exact encoders are left in peace."""

import json

import numpy as np
import pytest
from calibration_oracles import ORACLES, allowed

from addend.calibration.centring import Centring, fit_centring, helps, residual_curl
from addend.calibration.score import (
    ScoreMoments,
    hotelling,
    information_ratio,
    pooled_p_value,
    pooled_ratio,
)
from addend.calibration.standing import require_trust, standing
from addend.calibration.trust import fused_bias, trust_size
from addend.errors import BeyondTrust, NotFinite, NotMergeable, TooFewSimulations


def planted(rng, cells=20, n=2000, b=0.0, sharpen=1.0, names=("theta",)):
    """psi = -sharpen (x - theta)^2 / 2 + b theta for x ~ N(theta, 1): J = sharpen^2, H = sharpen, score bias b."""
    grid, index = np.linspace(-1, 1, cells)[:, None], np.repeat(np.arange(cells), n)
    g = sharpen * rng.standard_normal((len(index), 1)) + b
    return ScoreMoments.measure(names, grid, index, g, np.full((len(index), 1, 1), -sharpen))


def test_a_planted_bias_of_five_percent_gives_a_trust_size_of_400():
    size = trust_size(planted(np.random.default_rng(1), n=40_000, b=0.05))
    print(f"N* = {size.value:.0f} [{size.low:.0f}, {size.high:.0f}], planted 400")
    assert abs(size.value / 400 - 1) < 0.2
    assert size.low < 400 < size.high
    assert 0.8 < np.median(size.local) / 400 < 1.25


@pytest.mark.parametrize("b", [0.02, 0.05, 0.2])
def test_the_lower_bound_is_below_the_truth_in_95_percent_of_cases(b):
    rng, trials = np.random.default_rng(2), 300
    sizes = [trust_size(planted(rng, cells=3, n=500, b=b)) for _ in range(trials)]
    over, under = sum(s.low > b**-2 for s in sizes), sum(s.high < b**-2 for s in sizes)
    worst = sum(s.worst_low > b**-2 for s in sizes)
    print(
        f"b = {b}: bounds fail {over} and {under} times in {trials}, for all cells at once {worst} times"
    )
    assert max(over, under, worst) <= allowed(trials, 0.05)


def test_an_exact_psi_is_trusted_as_far_as_the_simulations_reach():
    small, large = (trust_size(planted(np.random.default_rng(3), n=n)) for n in (500, 50_000))
    assert large.low > 20 * small.low
    assert np.isfinite(large.low)


def test_the_noise_of_the_score_does_not_count_as_bias():
    """With p = 3 and few simulations the plain b' J^{-1} b is nearly all noise; debiased it averages to zero."""
    rng, sizes = np.random.default_rng(4), []
    for _ in range(400):
        g = rng.standard_normal((50, 3)) @ np.diag([1.0, 10.0, 0.1])
        moments = ScoreMoments.measure(
            "abc", np.zeros((1, 3)), np.zeros(50, int), g, np.zeros((50, 3, 3))
        )
        size = moments.bias[0] @ np.linalg.inv(moments.J[0]) @ moments.bias[0]
        sizes.append(50 * size * 45 / 49 - 3)
    assert abs(np.mean(sizes)) < 4 * np.std(sizes) / np.sqrt(400)


def test_hotelling_keeps_its_false_alarm_rate():
    rng, trials = np.random.default_rng(5), 400
    mix = rng.standard_normal((3, 3))
    g = rng.standard_normal((trials * 60, 3)) @ mix
    index = np.repeat(np.arange(trials), 60)
    p = hotelling(
        ScoreMoments.measure("abc", np.zeros((trials, 3)), index, g, np.zeros((len(g), 3, 3)))
    )
    alarms = int((p < 0.05).sum())
    print(f"{alarms} false alarms in {trials} at 5 %")
    assert alarms <= allowed(trials, 0.05)
    assert alarms >= trials * 0.05 - (allowed(trials, 0.05) - trials * 0.05)


def test_curvature_ratio_is_one_for_exact_and_the_sharpening_for_wrong_widths():
    """The triptych: half as wide means sharpened four times."""
    for name, oracle in ORACLES.items():
        theta, rng = np.linspace(oracle.low, oracle.high, 5), np.random.default_rng(6)
        x = oracle.draw(theta, 20_000, rng)
        for sharpen in (1.0, 0.25, 4.0):
            g, h = (
                sharpen * oracle.score(x, theta[:, None]),
                sharpen * oracle.hessian(x, theta[:, None]),
            )
            moments = ScoreMoments.measure(
                ("theta",),
                theta[:, None],
                np.repeat(np.arange(5), 20_000),
                g.reshape(-1, 1),
                h.reshape(-1, 1, 1),
            )
            print(f"{name} sharpened {sharpen}: {pooled_ratio(moments):.3f}")
            assert abs(pooled_ratio(moments) / sharpen - 1) < 0.05
            assert pooled_p_value(moments) > 1e-4


def test_a_psi_without_curvature_is_called_overconfident_beyond_measure():
    flat = planted(np.random.default_rng(15), sharpen=1.0)
    flat = ScoreMoments(flat.names, flat.cells, flat.n, flat.gradient, flat.outer, -flat.hessian)
    assert pooled_ratio(flat) == pytest.approx(1e6)


def blind(rng, b=0.05, n=20_000):
    """x ~ N(log(H0 rd), 1): one identified direction of two, in units ten thousand times apart."""
    theta = np.array([[70.0, 1.5e-2], [60.0, 1.6e-2], [80.0, 1.4e-2]])
    index = np.repeat(np.arange(3), n)
    slope = (1 / theta)[index]
    u = rng.standard_normal((len(index), 1)) + b
    second = np.einsum("np,nq->npq", slope, slope)
    return ScoreMoments.measure(("H0", "rd"), theta, index, u * slope, -second)


def test_a_direction_in_which_psi_is_blind_is_left_out():
    moments = blind(np.random.default_rng(7), n=100_000)
    assert [len(r) for r in information_ratio(moments)] == [1, 1, 1]
    assert abs(pooled_ratio(moments) - 1) < 0.05
    assert abs(trust_size(moments).value / 400 - 1) < 0.25
    assert (hotelling(moments) < 1e-6).all()
    assert (hotelling(blind(np.random.default_rng(8), b=0.0)) > 1e-3).all()


def test_a_slope_that_no_data_put_there_earns_no_trust():
    moments = blind(np.random.default_rng(9))
    tilt = np.array([1.0, 0.0])
    tilted = ScoreMoments(
        moments.names, moments.cells, moments.n, moments.gradient + moments.n[:, None] * tilt,
        moments.outer + moments.gradient[:, :, None] * tilt + tilt[:, None] * moments.gradient[:, None, :]
        + moments.n[:, None, None] * np.outer(tilt, tilt), moments.hessian,
    )  # fmt: skip
    assert trust_size(tilted).value == trust_size(tilted).low == 0.0


def test_moments_merge_from_shards_to_the_same_numbers():
    rng = np.random.default_rng(10)
    cells, index = rng.random((4, 2)), rng.integers(0, 4, 1000)
    g, h = rng.standard_normal((1000, 2)), rng.standard_normal((1000, 2, 2))
    whole = ScoreMoments.measure("ab", cells, index, g, h)
    parts = sum(ScoreMoments.measure("ab", cells, index[i::7], g[i::7], h[i::7]) for i in range(7))
    again = ScoreMoments.from_dict(json.loads(json.dumps(parts.as_dict())))
    for name in ("bias", "J", "H"):
        assert np.allclose(getattr(whole, name), getattr(again, name), rtol=1e-10, atol=1e-12)
    assert np.isclose(trust_size(whole).low, trust_size(again).low, rtol=1e-9)
    json.dumps(trust_size(whole).as_dict(), allow_nan=False)


def test_what_cannot_be_merged_or_counted_is_named():
    rng = np.random.default_rng(11)
    with pytest.raises(NotMergeable):
        planted(rng, cells=3) + planted(rng, cells=4)
    with pytest.raises(TooFewSimulations):
        trust_size(planted(rng, n=3))
    with pytest.raises(NotFinite):
        planted(rng, b=np.nan)


def test_standing_warns_from_a_tenth_and_refuses_above():
    assert [standing(n, 400) for n in (40, 41, 400, 401)] == [
        "within",
        "marked",
        "marked",
        "beyond",
    ]
    assert standing(10**9, np.inf) == "within"
    with pytest.raises(BeyondTrust, match="toy"):
        require_trust(401, 400, "toy")


def test_one_biased_term_of_many_poisons_a_fusion():
    b, J = np.array([[0.05], [0.0]]), np.ones((2, 1, 1))
    size, noise = fused_bias(b, J, np.array([400.0, 400.0]), np.array([1e9, 1e9]))
    assert np.isclose(size, (400 * 0.05) ** 2 / 800)
    assert np.isclose(noise, 800**2 / 1e9 / 800 / 2)


def two_dimensional(rng, b, cells=30, n=4000):
    """Cells in the unit square at which x ~ N(theta, 1) and psi has the score bias `b(theta)`."""
    theta = rng.random((cells, 2))
    index = np.repeat(np.arange(cells), n)
    g = rng.standard_normal((len(index), 2)) + b(theta)[index]
    return ScoreMoments.measure(
        ("a", "b"), theta, index, g, np.broadcast_to(-np.eye(2), (len(index), 2, 2))
    )


def test_centring_removes_a_bias_that_is_a_gradient_and_says_so_when_it_is_not():
    gradient = lambda t: 0.3 * np.stack([t[:, 0] + t[:, 1], t[:, 0] - 2 * t[:, 1]], axis=1)  # noqa: E731
    curl = lambda t: 0.3 * np.stack([-t[:, 1] + 0.5, t[:, 0] - 0.5], axis=1)  # noqa: E731
    rng = np.random.default_rng(12)
    for b, left in ((gradient, 0.0), (curl, 0.3**2 / 6)):
        fit, audit = two_dimensional(rng, b), two_dimensional(rng, b)
        centring = Centring.from_dict(
            json.loads(json.dumps(fit_centring(fit, [0, 0], [1, 1]).as_dict()))
        )
        assert abs(residual_curl(centring, audit) - left) < 2e-3 + 0.3 * left
        assert helps(centring, audit) or b is curl


def test_centring_is_refused_to_encoders_that_need_none():
    rng, trials = np.random.default_rng(13), 60
    none = lambda t: np.zeros_like(t)  # noqa: E731
    chosen = 0
    for _ in range(trials):
        fit, audit = (two_dimensional(rng, none, cells=10, n=300) for _ in range(2))
        chosen += helps(fit_centring(fit, [0, 0], [1, 1]), audit)
    assert chosen <= allowed(trials, 0.05)


def test_centring_is_the_same_function_in_numpy_and_torch():
    torch = pytest.importorskip("torch")
    centring = Centring(("a", "b"), (0.0, -1.0), (1.0, 3.0), 2, (0.1, -0.2, 0.3, 0.4, -0.5))
    theta = np.random.default_rng(14).random((5, 2))
    t = torch.tensor(theta, requires_grad=True)
    value = centring(t)
    assert np.allclose(value.detach().numpy(), centring(theta), rtol=1e-12)
    assert np.allclose(
        torch.autograd.grad(value.sum(), t)[0].numpy(), centring.gradient(theta), rtol=1e-12
    )
