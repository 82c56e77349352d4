"""A head with an exponential family distilled from it, which stands in for it in sums that are not too long.

psi is the teacher's. Of a sum of N observations up to `reach` the student's is as good, and a vector and a count are all that it
needs of them; how far it reaches was measured on rows that taught neither (`heads.distil.reach`).
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from .base import Build, Head
from .distil import distil, reach
from .exponential import Exponential
from .wrapped import Wrapped

MEMORY = 2**26
"""Values of psi that are held at once: of so many observations at so many nodes."""
Part = tuple[Tensor, Tensor, Tensor]


class Distilled(Wrapped):
    """A teacher and its student.

    Arguments:
        inner: The teacher.
        student: The exponential head that was fitted to it, which is kept in float64.

    Attributes:
        reach: The most observations whose sum the student may stand in for. Zero before it was measured.
    """

    kind = "distilled"
    reach: Tensor

    def __init__(self, inner: Head, student: Exponential):
        super().__init__(inner)
        self.student, self.normalised = student.double(), inner.normalised
        self.anchored = inner.anchored
        self.register_buffer("reach", torch.zeros((), dtype=torch.float64))

    @classmethod
    def fitted(
        cls,
        head: Head,
        rows: Part,
        held: Part,
        nodes: int,
        features: int,
        steps: int,
        most: int,
        seed: int,
    ) -> "Distilled":
        """A head with a student, fitted on at most so many rows and measured on those held out.

        Arguments:
            head: The trained teacher.
            rows, held: z, e and phi of simulations that taught the head, and of others.
            nodes, features, steps: Chebyshev nodes a coordinate, numbers kept of an observation, steps of the fit.
            most: Of the rows.
            seed: Of the choice of rows, the weights and the order.
        """
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        teacher, K = deepcopy(head).double(), rows[2].shape[1]
        few = max(1, min(most, MEMORY // nodes**K))
        chosen = torch.randperm(len(rows[0]), generator=generator)[:few]
        z, e = (part[chosen].double() for part in rows[:2])
        student = distil(teacher, z, e, [nodes] * K, features, steps=steps, generator=generator)
        made = cls(head, student)
        made.reach.fill_(reach(student, teacher, *(part.double() for part in held)))
        made.eval()
        return made

    @classmethod
    def from_config(cls, config: dict[str, Any], build: Build) -> "Distilled":
        """The head that `config` described, of a teacher and a student that `build` makes."""
        student = build(**config["student"])
        if not isinstance(student, Exponential):
            raise TypeError(f"a student is an exponential head, found {type(student).__name__}")
        return cls(build(**config["inner"]), student)

    def config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {**super().config(), "student": self.student.as_dict()}

    def forward(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """The teacher's psi `(*,)` in nats; z `(*, Z)`, e `(*, E)`, phi `(*, K)`."""
        psi: Tensor = self.inner(z, e, phi)
        return psi

    def pairs(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """The teacher's psi `(N,)`, row by row."""
        return self.inner.pairs(z, e, phi)

    def outer(self, z: Tensor, e: Tensor, phi: Tensor) -> Tensor:
        """The teacher's psi `(J, N)` of every theta with every observation."""
        return self.inner.outer(z, e, phi)

    def loss(
        self, z: Tensor, e: Tensor, phi: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The teacher's."""
        return self.inner.loss(z, e, phi, generator)
