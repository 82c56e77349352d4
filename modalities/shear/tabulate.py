"""The table of convergence spectra that the package ships: `python tabulate.py src/addend_shear/spectrum.json`.

Needs camb (2.0.5), which nothing else of Addend does. In flat LambdaCDM with h = 0.7, n_s = 0.965, a baryon fraction of 0.157
and massless neutrinos, with the matter power of Mead et al. (HMcode-2020, arXiv:2009.01858) and Limber's projection (LoVerde &
Afshordi, arXiv:0809.5112):

    C_l = int dchi [q(chi) / chi]^2 P((l + 1/2) / chi, z),   q = 3/2 Om (H0/c)^2 (1 + z) chi int_z dz_s n(z_s) (1 - chi / chi_s)

log C_l is kept at multipoles evenly spaced in log l, as Chebyshev coefficients in log Om and log sigma8.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

H, NS, BARYONS, AS = 0.7, 0.965, 0.157, 2e-9
C_H0 = 2997.92458
"""c / H0 in Mpc/h."""
OM, SIGMA8 = (0.045, 0.75), (0.38, 1.25)
NODES = (13, 7)
L = np.geomspace(20.0, 3000.0, 24)
Z0, ALPHA, BETA = 0.64, 2.0, 1.5
"""n(z) ~ z^2 exp(-(z / z0)^1.5) of mean redshift 0.96 (Smail et al. 1995)."""
_X, _W = np.polynomial.legendre.leggauss(120)
ZMAX = 4.0


def spectra(om: float, sigma8: list[float]) -> np.ndarray:
    """log C_l `(len(sigma8), len(L))` of one Om."""
    import camb  # here, since nothing else of Addend needs it

    p = camb.CAMBparams()
    p.set_cosmology(H0=100 * H, ombh2=BARYONS * om * H**2, omch2=(1 - BARYONS) * om * H**2, mnu=0.0)
    p.InitPower.set_params(As=AS, ns=NS)
    p.set_matter_power(redshifts=list(np.linspace(0, ZMAX, 40)[::-1]), kmax=30.0)
    p.NonLinear = camb.model.NonLinear_both
    p.NonLinearModel.set_params(halofit_version="mead2020")
    p.WantCls, p.DoLensing = False, False
    results = camb.get_results(p)
    own = results.get_sigma8_0()
    z = 0.5 * ZMAX * (1 + _X)
    dz = 0.5 * ZMAX * _W
    e = np.sqrt(om * (1 + z) ** 3 + 1 - om)
    chi = np.array([_distance(om, end) for end in z])
    n = z**ALPHA * np.exp(-((z / Z0) ** BETA))
    n = n / (n * dz).sum()
    beyond = np.where(chi[None, :] > chi[:, None], 1 - chi[:, None] / chi[None, :], 0.0)
    q = 1.5 * om / C_H0**2 * (1 + z) * chi * (beyond * n * dz).sum(1)
    found = []
    for s in sigma8:
        scaled = camb.InitialPowerLaw(As=AS * (s / own) ** 2, ns=NS)
        results.power_spectra_from_transfer(scaled)
        power = results.get_matter_power_interpolator(
            nonlinear=True, hubble_units=True, k_hunit=True, extrap_kmax=200.0
        )
        k = (L[:, None] + 0.5) / chi[None, :]
        p_k = np.stack([power.P(a, k[:, i]) for i, a in enumerate(z)], axis=1)
        found.append(np.log(((q / chi) ** 2 * C_H0 / e * dz * p_k).sum(1)))
    return np.array(found)


def _distance(om: float, z: float) -> float:
    """Comoving, Mpc/h."""
    t = 0.5 * z * (1 + _X)
    return C_H0 * 0.5 * z * (_W / np.sqrt(om * (1 + t) ** 3 + 1 - om)).sum()


def nodes(low: float, high: float, n: int) -> np.ndarray:
    """Chebyshev nodes in the logarithm."""
    x = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    return np.exp(0.5 * (np.log(low) + np.log(high)) + 0.5 * x * (np.log(high) - np.log(low)))


def transform(n: int) -> np.ndarray:
    """Values at the nodes to coefficients."""
    j, k = np.arange(n) + 0.5, np.arange(n)[:, None]
    return np.where(k == 0, 1.0, 2.0) / n * np.cos(np.pi * k * j / n)


def main(path: Path) -> None:
    """Tabulate, hold the table to fresh spectra, and write it."""
    om, sigma8 = nodes(*OM, NODES[0]), nodes(*SIGMA8, NODES[1])
    values = np.array([spectra(a, list(sigma8)) for a in om])
    a = np.einsum("ij,jkl,mk->iml", transform(NODES[0]), values, transform(NODES[1]))
    rng, worst = np.random.default_rng(1), 0.0
    held = []
    for _ in range(8):
        one = float(np.exp(rng.uniform(*np.log(OM))))
        s = np.exp(rng.uniform(*np.log(SIGMA8), 3))
        exact = spectra(one, list(s))
        x = 2 * (np.log(one) - np.log(OM[0])) / np.log(OM[1] / OM[0]) - 1
        y = 2 * (np.log(s) - np.log(SIGMA8[0])) / np.log(SIGMA8[1] / SIGMA8[0]) - 1
        t, u = (
            np.polynomial.chebyshev.chebvander(v, n - 1)
            for v, n in ((np.array([x]), NODES[0]), (y, NODES[1]))
        )
        off = np.abs(np.einsum("i,ikl,jk->jl", t[0], a, u) - exact).max()
        worst = max(worst, float(off))
        held.append({"Om": one, "sigma8": s.tolist(), "log C": exact.round(6).tolist()})
    print(f"off by {worst:.2g} in log C_l at {len(held)} held-out Om")
    said = {
        "camb": version("camb"), "Om": OM, "sigma8": SIGMA8, "l": L.tolist(), "error": worst,
        "coefficients": a.round(8).tolist(), "held_out": held[:3],
    }  # fmt: skip
    path.write_text(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
