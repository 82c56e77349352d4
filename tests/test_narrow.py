"""A second, narrower round: ranges that a set leaves (`addend narrow`), and an encoder that is trained within them."""

import numpy as np
import pytest
import torch
import yaml
from scipy.optimize import minimize_scalar
from settled import ask

from addend import places, shards
from addend.champions import champion
from addend.doors import narrow
from addend.encoder import Encoder
from addend.errors import BadSetting, OutsideSupport, UnknownParameter
from addend.parameters import read_agreement, read_support
from addend.pools import theta_of
from addend.scalar import Lazy
from addend.stages import finetune, pretrain, simulate


@pytest.mark.slow
def test_the_ranges_hold_what_is_within_the_depth_and_an_encoder_is_trained_in_them(own_project):
    """At each end, S of the first encoder maximised over the other parameter by scipy is 12 nats down, and by rounding more."""
    found = yaml.safe_load(narrow.narrow("toy", "line", depth=12.0))["simulate"]["within"]
    low, high = np.array([found[name] for name in ("toy.intercept", "toy.slope")]).T
    S = Lazy(
        Encoder.load(champion("toy")), shards.read_set(places.observations("toy", "line")).columns
    )

    def down(p: int, end: float) -> float:
        def against(other):
            return -float(S(torch.from_numpy(np.insert([other], p, end)[None]))[0])

        ends = (S.space.low[1 - p], S.space.high[1 - p])
        return minimize_scalar(against, bounds=ends, method="bounded").fun

    grid = torch.cartesian_prod(*[torch.linspace(-3, 3, 301, dtype=torch.float64)] * 2)
    top = float(S(grid).max())
    for p in range(2):
        for end, inward in ((low[p], 0.02), (high[p], -0.02)):
            step = inward * (high[p] - low[p])
            assert top + down(p, end) > 12.0 - 0.05 > top + down(p, end + step) - 0.05
    ask(own_project, simulate={"within": found})
    for stage in (simulate.simulate, pretrain.pretrain, finetune.finetune):
        stage("toy")
    space = Encoder.load(places.encoder("toy", "head")).space
    assert (space.low == low).all() and (space.high == high).all()
    theta = theta_of(shards.read_set(places.pool("toy", "train")).columns, space.names)
    assert space.inside(theta).all() and (np.ptp(theta, axis=0) > 0.99 * (high - low)).all()
    with pytest.raises(OutsideSupport, match="outside its support"):
        space.require_inside(low - 1)


@pytest.mark.parametrize(
    ("within", "error", "said"),
    [
        ({"toy.slope": [1.0, -1.0]}, BadSetting, r"the lower first"),
        ({"toy.slope": [1.0]}, BadSetting, r"expected \[low, high\]"),
        ({"toy.slope": "narrow"}, BadSetting, r"expected \[low, high\]"),
        ({"toy.slope": [-1.0, 1e6]}, BadSetting, "is not inside its support"),
        ({"slope": [-1.0, 1.0]}, UnknownParameter, "'slope' is not a parameter here"),
    ],
)
def test_ranges_that_cannot_be_are_refused(own_project, within, error, said):
    ask(own_project, simulate={"within": within})
    with pytest.raises(error, match=said):
        read_support(own_project, "toy", read_agreement(own_project).names)


def test_a_range_is_rounded_outward():
    assert narrow.outward(0.12345, 0.45678) == pytest.approx((0.12, 0.46))
    low, high = narrow.outward(-1234.5, 8765.4)
    assert low <= -1234.5 and high >= 8765.4 and high - low < 1.05 * (8765.4 + 1234.5)
