"""`simulate`: three disjoint pools, theta from the prior and covariates from the modality's law."""

from .. import places, settings, shards
from ..modality import find
from ..parameters import read_support
from ..simulations import draw

DESIGNS = {"train": "sobol", "calibrate": "independent", "audit": "independent"}


def simulate(name: str) -> None:
    """Draw the three disjoint pools, theta from the prior and covariates from the modality's law."""
    modality, asked = find(name), settings.modality(places.ROOT, name).simulate
    space = read_support(places.ROOT, name, modality.parameters)
    for index, pool in enumerate(places.POOLS):
        n, seed, design = getattr(asked, pool), asked.seed, DESIGNS[pool]
        parts = draw(modality, space, n, design, [seed, index], f"simulate {name} ({pool})")
        facts = {"modality": name, "set": pool, "mock": True, "design": design, "seed": seed}
        shards.write_parts(places.pool(name, pool), parts, modality.schema, facts)
