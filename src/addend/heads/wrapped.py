"""A head around another: what it does not say for itself, the inner one says."""

from typing import Any

from .base import Build, Head


class Wrapped(Head):
    """A head that holds another.

    Arguments:
        inner: The other.
    """

    def __init__(self, inner: Head):
        super().__init__()
        self.inner = inner

    @property
    def whole(self) -> tuple[int, ...]:
        """As the inner head's."""
        return self.inner.whole

    @classmethod
    def from_config(cls, config: dict[str, Any], build: Build) -> Head:
        """The head that `config` described, around one that `build` makes."""
        return cls(**{**config, "inner": build(**config["inner"])})

    def config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {"inner": self.inner.as_dict()}

    def phases(self) -> list[Any]:
        """As the inner head's."""
        return self.inner.phases()

    def enter(self, phase: int, fraction: float) -> None:
        """As the inner head's."""
        self.inner.enter(phase, fraction)

    def finish(self) -> None:
        """As the inner head's."""
        self.inner.finish()
