"""f_m as `pretrain` made it, with what it states of itself: nobody else states it by hand.

    module(x, c)  ->  z, e, log |det dz/dx|        [nats]

From there on every f_m takes one road: it is held to what it states, exported, and read by a head
as its layout says. A likelihood of z is one of x, up to c(x), where f_m is invertible; where
log|det| is given too, c(x) is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UnfitBackbone
from ..heads.laws import require_frozen_or_invertible, require_rowwise

ROWS = 64


@dataclass(frozen=True)
class Backbone:
    """One f_m.

    Arguments:
        module: x `(N, X)`, c `(N, C)` -> z `(N, z)`, e `(N, e)`, and log|det dz/dx| `(N,)` in nats
            or None; float64.
        z, e: How many features of the observables and of the covariates it makes.
        log_det: Whether it gives log|det|.
        invertible: Whether x is recovered from z and c, so that no information is lost. It is believed where
            log|det| comes with it and is that of the Jacobian, whose sign is one; else what is lost is measured.
        layout: How a head reads z and e, by the names of its arguments; None for plain numbers.
    """

    module: nn.Module
    z: int
    e: int
    log_det: bool
    invertible: bool
    layout: Mapping[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """What it states, as plain JSON; part of the encoder's manifest."""
        return {"z": self.z, "e": self.e, "log_det": self.log_det, "invertible": self.invertible}

    def read_as(self) -> dict[str, Any]:
        """How a head reads them: a mapping for each z, the number of e, those the location sees."""
        plain = {"link": "identity", "error": None, "present": None}
        return dict(
            self.layout
            or {
                "observables": [dict(plain) for _ in range(self.z)],
                "covariates": self.e,
                "location": list(range(self.e)),
            }
        )

    def require_fit(self, x: Tensor, c: Tensor) -> None:
        """Hold it to the laws, and to what it states, at observations x `(N, X)`, c `(N, C)`.

        Raises:
            UnboundedDensity: It can be trained, and shrinking z would raise the likelihood for ever.
            UnfitHead: What it makes of a row depends on the other rows.
            UnfitBackbone: Its sizes or its log|det| are not what it states.
        """
        x, c = x[:ROWS], c[:ROWS]
        require_frozen_or_invertible(self.module, counted=self.invertible and self.log_det)
        require_rowwise(self.module, x, c)
        self._require_sizes(x, c)
        if self.log_det:
            self._require_counted(x, c)

    def _require_sizes(self, x: Tensor, c: Tensor) -> None:
        with torch.no_grad():
            z, e, log_det = self.module(x, c)
        found = (tuple(z.shape[1:]), tuple(e.shape[1:]), log_det is not None)
        stated = ((self.z,), (self.e,), self.log_det)
        _require(found == stated, "z, e and log|det|", stated, found)
        read = self.read_as()
        layout = (len(read["observables"]), read["covariates"])
        _require(layout == (self.z, self.e), "the layout of z and e", (self.z, self.e), layout)
        X = x.shape[1]
        _require(self.z >= X or not self.invertible, "the z of an invertible f_m", X, self.z)
        _require(self.z == X or not self.log_det, "the z of an f_m with a log|det|", X, self.z)
        _require(
            self.invertible or not self.log_det, "log|det| of an f_m that loses x", "none", "one"
        )

    def _require_counted(self, x: Tensor, c: Tensor) -> None:
        """log|det| is that of the Jacobian, row by row."""
        x = x.detach().requires_grad_(True)
        z, _, log_det = self.module(x, c)
        rows = [torch.autograd.grad(column.sum(), x, retain_graph=True)[0] for column in z.T]
        sign, true = torch.linalg.slogdet(torch.stack(rows, 1).detach())
        off = float((true - log_det.detach()).abs().max())
        _require(off < 1e-6, "log|det|", "that of its Jacobian", f"{off:.2g} nats more or less")
        _require(
            len(sign.unique()) == 1, "the sign of the Jacobian of an invertible f_m", "one", "both"
        )


def _require(holds: bool, what: str, expected: object, found: object) -> None:
    if not holds:
        raise UnfitBackbone(
            f"{what} of the backbone: expected {expected}, found {found}",
            "mend the module, or what the Backbone states of it",
        )
