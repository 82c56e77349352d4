"""Where N stands to N*: the one place that says so.

within      N <= N*/10: the bias is a third of an error at most, and needs no mention
marked      up to N*: theta_hat may be off by up to an error
beyond      above N*: refused, unless the fusion allows it
corrected   theta_hat is locally calibrated, whose error does not grow with the bias
unknown     N* was not measured
"""

from typing import Literal

from ..errors import BeyondTrust

MARGIN = 10
"""How many times N the trust size must be before the bias needs no mention."""
Standing = Literal["corrected", "unknown", "within", "marked", "beyond"]


def standing(n: float, trust: float | None, corrected: bool = False) -> Standing:
    """Where N stands to N*; a locally calibrated theta_hat is "corrected", whatever N is."""
    if corrected:
        return "corrected"
    if trust is None:
        return "unknown"
    if n <= trust / MARGIN:
        return "within"
    return "marked" if n <= trust else "beyond"


def require_trust(n: int, trust: float | None, name: str, where: str = "at theta_hat") -> Standing:
    """`standing`, but raise `BeyondTrust` rather than return "beyond"; `where` says of which theta the trust size is."""
    found = standing(n, trust)
    if found == "beyond":
        raise BeyondTrust(
            f"'{name}' is asked to sum {n:,} observations, expected at most its trust size of {trust:,.0f} {where}",
            "switch local calibration on in params.yaml, train a better encoder, or say that theta_hat may be biased",
        )
    return found
