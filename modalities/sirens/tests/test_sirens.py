"""The sirens keep the contract; their waveform, detectors, selection and likelihood are what the model card states."""

from pathlib import Path

import numpy as np
import pytest
import torch
from addend_sirens import Sirens, bessel, detectors, exact, population, waveform
from addend_sirens.distance import Distance, luminosity
from addend_sirens.marginal import REACH, Marginal, reference
from addend_sirens.sirens import Embed, latents, weighing
from scipy.integrate import quad
from scipy.special import i0e

from addend.errors import BadField, BadTable, NegativeError, NotFinite
from addend.parameters import read_agreement
from addend.testing.modality import check_modality

HOST = {"z": 0.12, "z_err": 0.001, "longitude": 0.7, "latitude": 0.3}


def events(n):
    """So many detected events, each at a theta of its own `(n, 2)`, and what f_m makes of them."""
    torch.set_num_threads(1)
    modality, rng = Sirens(), np.random.default_rng(21)
    theta = np.stack([rng.uniform(50, 90, n), rng.uniform(0.05, 0.7, n)], 1)
    columns = modality.covariates(n, rng)
    columns |= modality.simulate(theta, columns, rng)
    x, c = (torch.from_numpy(part(columns)) for part in (modality.schema.x, modality.schema.c))
    with torch.no_grad():
        z, e, _ = Embed()(x, c)
    return columns, theta, z, e


@pytest.fixture(scope="module")
def few():
    """Five."""
    return events(5)


@pytest.fixture(scope="module")
def drawn():
    """2000."""
    return events(2000)


def test_contract():
    check_modality(Sirens(), read_agreement(Path(__file__).parents[3]))


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ((0.7, 0.3), [(0.0250055, -0.438104, 0.00860546), (0.2562351, 0.4323659, 0.00828606)]),
        ((3.9, -1.1), [(0.1325523, -0.3217689, 0.00731123), (-0.1389488, 0.1756228, 0.00378381)]),
        ((5.5, 0.9), [(-0.4924429, -0.5422479, -0.01445408), (0.6950347, 0.3516195, -0.01635611)]),
    ],
)
def test_detectors_answer_as_lalsuite_says(place, found):
    """F+, Fx and the delay of H1 and L1 from LALSuite 7.26 (`ComputeDetAMResponse`, `TimeDelayFromEarthCenter`).

    It rotates the Earth by its sidereal time and adds no more: 2e-6 s is what its time of arrival moves.
    """
    plus, cross, delay = detectors.response(*(torch.tensor([a]).double() for a in place))
    for k, (p, c, late) in enumerate(found):
        assert float(plus[0, k]) == pytest.approx(p, abs=1e-6)
        assert float(cross[0, k]) == pytest.approx(c, abs=1e-6)
        assert float(delay[0, k]) == pytest.approx(late, abs=2e-6)


@pytest.mark.parametrize(
    ("masses", "bend", "size"),
    [
        ((33.0, 27.0), [-19.47401, -18.12332, -10.3602], [3.57412e-23, 9.92037e-24]),
        ((40.0, 24.0), [-18.22008, -16.9281, -9.66497], [3.67024e-23, 1.01872e-23]),
    ],
)
def test_the_inspiral_is_lalsuite_s_taylorf2_to_second_order(masses, bend, size):
    """The phase at 30, 40 and 50 Hz off the line through 20 and 60, which time and phase are; |h| at 20 and 60 Hz, 1 Gpc.

    LALSuite 7.26, `TaylorF2` with `PNPhaseOrder` 4, non-spinning; amplitudes to its rounding of a gigaparsec and G M_sun.
    """
    m1, m2 = masses
    mc, eta = (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2, m1 * m2 / (m1 + m2) ** 2
    f = np.array([20.0, 30, 40, 50, 60])
    psi = waveform.phase(f, np.array(mc), np.array(eta))
    off = psi - np.interp(f, f[[0, -1]], psi[[0, -1]])
    np.testing.assert_allclose(off[1:4], bend, atol=2e-3)
    made = np.abs(waveform.templates(np.array([mc]), np.array([eta]))[0])
    at = [np.flatnonzero(waveform.FREQUENCIES == each)[0] for each in (20.0, 60.0)]
    whitened = 2 * np.sqrt(waveform.STEP / detectors.noise(np.array([20.0, 60.0])))
    end = 1 / (6**1.5 * np.pi * mc * eta**-0.6 * waveform.SUN)
    tail = 1 / (1 + np.exp((np.array([20.0, 60.0]) - end) / waveform.TAPER))
    np.testing.assert_allclose(made[at] / whitened / tail, size, rtol=1e-3)


def test_whitened_strain_has_unit_noise_and_the_signal_its_ratio():
    """The variance of 2000 x 1024 samples of noise within 4.5 of its errors, false alarm 7e-6; power is kept to 1e-12."""
    made = waveform.templates(np.array([26.0]), np.array([0.245]))
    series = waveform.series(made)
    assert (series**2).sum() == pytest.approx(
        float(waveform.loudness(np.array([26.0]), np.array([0.245]))[0] ** 2)
    )
    np.testing.assert_allclose(waveform.modes(series), made, atol=1e-12)
    far = {k: np.full(2000, v) for k, v in HOST.items()}
    theta = np.tile([1e-3, 0.3], (2000, 1))  # so far that nothing is heard
    strain = Sirens().heard(theta, far, latents(2000, np.random.default_rng(1)))
    assert abs(strain.var() - 1) < 4.5 * np.sqrt(2 / strain.size)


def test_log_i0_is_that_of_scipy():
    x = np.concatenate([np.linspace(0, 50, 2001), np.geomspace(50, 1e4, 500)])
    found = bessel.log_i0(torch.from_numpy(x**2)).numpy()
    np.testing.assert_allclose(found, np.log(i0e(x)) + x, atol=1e-7)


@pytest.mark.parametrize("z", [0.05, 0.3])
def test_the_distance_is_the_integral(z):
    def slow(at):
        return 1 / np.sqrt(0.4 * (1 + at) ** 3 + 0.6)

    expected = detectors.LIGHT / 1e6 * (1 + z) / 70 * quad(slow, 0, z, epsabs=1e-12)[0]
    found = luminosity(*torch.tensor([z, 70.0, 0.4], dtype=torch.float64))
    assert float(found) == pytest.approx(expected, rel=1e-10)


def test_psi_is_the_chebyshev_series_at_the_distance(few):
    *_, z, e = few
    theta = torch.tensor([[70.0, 0.3]]).double().expand(5, 2)
    s = torch.log(luminosity(e[:, 0], *theta.T) / reference(e[:, 0])).numpy()
    t = (2 * s - sum(REACH)) / (REACH[1] - REACH[0])
    expected = [
        np.polynomial.chebyshev.chebval(a, [0, *c]) for a, c in zip(t, z.numpy(), strict=True)
    ]
    np.testing.assert_allclose(Distance()(z, e, theta), expected, atol=1e-9)


@pytest.mark.slow
def test_detection_is_as_frequent_as_stated():
    """6000 events, detected or not: (heard - P) weighted by how P's logarithm moves with ln d, which is the bias of the score.

    Within 4.5 of its own errors, false alarm 7e-6; a `LIFT` of 6 in the place of 3.5 is found by 2.5 of them.
    """
    modality, rng, n = Sirens(), np.random.default_rng(31), 6000
    theta = np.stack([rng.uniform(50, 90, n), rng.uniform(0.05, 0.7, n)], 1)
    columns = modality.covariates(n, rng)
    heard = (
        modality.loudest(modality.heard(theta, columns, latents(n, rng)), columns)
        >= population.THRESHOLD
    )
    z, z_err, longitude, latitude = (
        torch.from_numpy(columns[f.name]) for f in modality.schema.covariates
    )
    plus, cross, _ = detectors.response(longitude, latitude)
    marginal = Marginal()
    with torch.no_grad():
        curve = marginal.curve(marginal.selected(plus, cross, z, z_err))
        s = torch.log(luminosity(z, *torch.from_numpy(theta).T) / reference(z))[:, None]
        p, up, down = (marginal.curve.between(curve, s + d)[:, 0].numpy() for d in (0, 1e-3, -1e-3))
    p, slope = np.exp(p), (up - down) / 2e-3
    off = ((heard - p) * slope).sum() / np.sqrt((p * (1 - p) * slope**2).sum())
    print(f"off by {off:.2f} errors")
    assert 0.4 < p.mean() < 0.95 and abs(off) < 4.5


@pytest.mark.slow
def test_the_score_has_no_mean_under_the_simulator_s_own_law(drawn):
    """2000 events: d psi / d ln d_L at the truth, selection included, within 4.5 of its errors (false alarm 7e-6)."""
    _, theta, z, e = drawn
    at = torch.from_numpy(theta).requires_grad_(True)
    (gradient,) = torch.autograd.grad(Distance()(z, e, at).sum(), at)
    score = (gradient[:, 0] * at[:, 0]).detach().numpy()
    print(
        f"mean {score.mean():.3f} +- {score.std() / len(score) ** 0.5:.3f}, spread {score.std():.2f}"
    )
    assert score.std() > 1 and abs(score.mean()) < 4.5 * score.std() / len(score) ** 0.5


@pytest.mark.slow
def test_the_likelihood_of_a_distance_is_that_of_brute_force(drawn):
    """Of six events, before selection and peculiar velocity: rms over what is within 4.5 nat of the best below 0.12 nat each.

    Of ratios below 25, above which the angles of brute force are too few.
    """
    columns, *_ = drawn
    loud = Sirens().loudest(columns["strain"], columns)
    columns = {name: values[loud < 25][:6] for name, values in columns.items()}
    net = Embed()
    s = np.linspace(-0.5, 0.6, 23)
    z, _, longitude, latitude = (torch.from_numpy(columns[k]) for k in HOST)
    plus, cross, delay = detectors.response(longitude, latitude)
    with torch.no_grad():
        strain = torch.from_numpy(columns["strain"]).double()
        q, rho, variance = net.filters(strain, delay, weighing(plus, cross, z), z)
        heard = net.marginal.likely(q, rho, variance, plus, cross, z)
        curves = net.marginal.curve.between(
            net.marginal.curve(heard), torch.from_numpy(s).expand(6, -1)
        )
    for k, found in enumerate(curves.numpy()):
        host = {name: float(columns[name][k]) for name in HOST}
        true = exact.curve(columns["strain"][k], host, np.exp(s) * float(reference(z[k])))
        near = true > true.max() - 4.5
        off = (found - true)[near]
        print(f"event {k}: rms {off.std():.4f} nat")
        assert near.sum() > 3 and off.std() < 0.12


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda t: t | {"strain": t["strain"][:, :, :-1]}, BadField, "strain"),
        (lambda t: t | {"strain": t["strain"][:, :1]}, BadField, "strain"),
        (lambda t: t | {"strain": np.full_like(t["strain"], np.nan)}, NotFinite, "strain"),
        (lambda t: t | {"z": -t["z"]}, NegativeError, "z"),
        (lambda t: t | {"strain": t["strain"] * 0.01}, BadTable, "below the threshold"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_event_is_refused(few, change, error, said):
    columns, *_ = few
    table = {name: values[:4].copy() for name, values in columns.items()}
    Sirens().read(table)
    with pytest.raises(error, match=said):
        Sirens().read(change(table))


def test_a_host_that_nobody_hears_is_refused(monkeypatch):
    monkeypatch.setattr("addend_sirens.sirens.TRIES", 3)
    far = {k: np.array([v]) for k, v in (HOST | {"z": 0.3}).items()}
    with pytest.raises(BadTable, match="no event of 3 was detected"):
        Sirens().simulate(np.array([[1.0, 0.3]]), far, np.random.default_rng(1))
