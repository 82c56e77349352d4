"""`report`: everything that was found, as summary.json for machines and one page for people; both go to MLflow."""

import json
from importlib.metadata import version

import numpy as np
from scipy.stats import chi2

from .. import places, shards
from ..fusion.terms import Terms, read_terms
from ..fusion.trust import trust_of
from ..registry import Registry
from ..report import SCHEMA_VERSION, Curves, key_figures, read_curves, sentence, write_fusion
from ..report.panels import panels
from .register import commit

SHOWN = (
    "parameter",
    "unit",
    "theta_hat",
    "posterior",
    "interval_68",
    "interval_95",
    "profile_68",
    "neyman_68",
)
PACKAGES = (
    "addend",
    "torch",
    "zuko",
    "numpy",
    "scipy",
    "emcee",
    "getdist",
    "zarr",
    "mlflow",
    "dvc",
)


def report(fusion: str) -> None:
    """Write the report of a fusion and log it."""
    terms = read_terms(fusion)
    fit = json.loads((places.fusion(fusion, "fit") / "fit.json").read_text())
    curves = read_curves(places.fusion(fusion, "fit") / "curves.npz")
    calibration = json.loads(
        (places.fusion(fusion, "calibration") / "calibration.json").read_text()
    )
    summary = summarise(fusion, terms, fit, calibration)
    observations = {
        m: shards.read_set(places.fusion(fusion, "observations") / m).columns for m in terms.used
    }
    drawn = Curves(curves.posterior, curves.profiles, panels(terms, fit, curves, observations))
    write_fusion(places.report(fusion), summary, drawn)
    kept = ("theta_hat", "posterior_mean", "posterior_std")
    figures = {f"{p}.{k}": b[k] for p, b in summary["parameters"].items() for k in kept}
    params = {**summary["provenance"]["params"], "commit": commit() or "none"}
    Registry(root=places.ROOT).log_fusion(fusion, params, figures, places.report(fusion))
    show(fusion)


def show(fusion: str) -> None:
    """Print theta_hat with intervals, and where the page is."""
    summary = json.loads((places.report(fusion) / "summary.json").read_text())
    rows = [{k: row[k] for k in SHOWN} for row in key_figures(summary)]
    widths = {k: max(len(k), *(len(r[k]) for r in rows)) for k in rows[0]}
    print(f"\n{fusion}: {sentence(summary)}\n")
    for row in ({k: k for k in widths}, *rows):
        print("  " + "  ".join(row[k].ljust(w) for k, w in widths.items()).rstrip())
    for warning in summary["warnings"]:
        print(f"\n  ! {warning}")
    print(f"\n{places.report(fusion) / 'index.html'}\n")


def summarise(fusion: str, terms: Terms, fit: dict, calibration: dict) -> dict:
    """summary.json, as docs/summary.md says."""
    settings = places.fusion_settings(fusion)
    truth = settings.get("truth")
    extra = calibration.get("summary", {})
    parameters = {
        p: {**b, **_truth(b, truth, p), **extra.get("parameters", {}).get(p, {})}
        for p, b in fit["parameters"].items()
    }
    dropped = [m for m, f in terms.facts.items() if f["dropped"] is not None]
    return {
        "schema_version": SCHEMA_VERSION, "fusion": fusion, "mock": truth is not None, "parameters": parameters,
        "covariance": {**fit["covariance"], "sandwich": extra.get("sandwich")}, "correlation": fit["correlation"],
        "modalities": {m: _modality(terms, m, fit, extra) for m in terms.facts},
        "leave_one_out": fit["leave_one_out"], "tension": fit["tension"], "terms": fit["terms"], "modes": fit["modes"],
        "sampling": {k: fit["sampling"][k] for k in ("method", "samples", "effective")},
        "warnings": [*_warnings(terms, fit), *extra.get("warnings", [])], "dropped": dropped,
        "truth": _closure(fit, truth), "calibration": calibration.get("blocks"),
        "provenance": _provenance(fusion, terms, settings),
    }  # fmt: skip


def _modality(terms: Terms, name: str, fit: dict, extra: dict) -> dict:
    facts = terms.facts[name]
    said = fit["modalities"].get(
        name, {"identified": [], "parameters": {}, "weight": {}, "pull": {}}
    )
    trust = trust_of(terms, name)
    return {
        "title": terms.encoders[name].manifest["title"] if name in terms.encoders else name,
        "set": facts["set"], "n": facts["n"], "dropped": facts["dropped"], "encoder": facts["encoder"],
        "trust_size": trust, "n_over_trust": facts["n"] / trust if trust else None,
        **said, **extra.get("modalities", {}).get(name, {}),
    }  # fmt: skip


def _truth(block: dict, truth: dict | None, name: str) -> dict:
    if truth is None:
        return {}
    pull = (
        (block["theta_hat"] - truth[name]) / block["curvature_std"]
        if block["curvature_std"]
        else None
    )
    return {"truth": float(truth[name]), "pull": pull}


def _closure(fit: dict, truth: dict | None) -> dict | None:
    if truth is None or fit["covariance"]["curvature"] is None:
        return None
    names = fit["covariance"]["parameters"]
    off = np.array([fit["parameters"][p]["theta_hat"] - truth[p] for p in names])
    statistic = float(off @ np.linalg.solve(np.array(fit["covariance"]["curvature"]), off))
    return {"chi2": statistic, "dof": len(names), "p_value": float(chi2.sf(statistic, len(names)))}


def _warnings(terms: Terms, fit: dict) -> list[str]:
    found = [
        f"The modality {m} is not in this result: {f['dropped']}."
        for m, f in terms.facts.items()
        if f["dropped"]
    ]
    found += [
        f"theta_hat lies on a bound of the support of {p}."
        for p, b in fit["parameters"].items()
        if b["at_boundary"]
    ]
    if len(fit["modes"]) > 1:
        found.append(
            f"S has {len(fit['modes'])} local maxima within six nats; one number with an error does not describe it."
        )
    blind = [p for p in fit["parameters"] if p not in fit["identified"]]
    if blind:
        found.append(
            f"The data do not identify {', '.join(blind)}: what is said of it is mostly its prior."
        )
    if not fit["converged"] or not fit["sampling"]["reached"]:
        found.append("The fit or the sampler stopped before it had converged.")
    return found


def _provenance(fusion: str, terms: Terms, settings: dict) -> dict:
    return {
        "commit": None, "packages": {p: version(p) for p in PACKAGES}, "seeds": {"fusion": settings.get("seed", 0)},
        "params": settings, "encoders": {m: terms.facts[m]["encoder"]["digest"] for m in terms.used},
        "shards": {m: terms.facts[m]["shards"] for m in terms.used}, "command": f"dvc repro report@{fusion}",
    }  # fmt: skip
