"""A head around another: what it does not say for itself, the inner one says."""

from .base import Head


class Wrapped(Head):
    """A head that holds another.

    Arguments:
        inner: `{"kind": ..., "config": ...}` of the other.
    """

    def __init__(self, inner: dict):
        super().__init__()
        from . import HEADS

        self.inner: Head = HEADS[inner["kind"]](**inner["config"])

    def config(self) -> dict:
        """The arguments that rebuild this head."""
        return {"inner": {"kind": self.inner.kind, "config": self.inner.config()}}

    def phases(self) -> list:
        """As the inner head's."""
        return self.inner.phases()

    def enter(self, phase: int, fraction: float) -> None:
        """As the inner head's."""
        self.inner.enter(phase, fraction)

    def finish(self) -> None:
        """As the inner head's."""
        self.inner.finish()
