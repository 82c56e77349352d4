"""What stands beside the map, series or list that a network is made for: plain numbers, which its last layers see as they are."""

from ..errors import UnfitBackbone
from ..schema import Schema


def numbers_beside(schema: Schema) -> int:
    """How many there are.

    Raises:
        UnfitBackbone: Something else stands there, which no small network would see: a second map, or a mask.
    """
    others = (*schema.observables[1:], *schema.covariates)
    for field in others:
        if field.shape != ():
            raise UnfitBackbone(
                f"'{field.name}' of shape {field.shape} stands beside '{schema.observables[0].name}', where numbers are expected",
                "let the modality state a network that sees it (`Modality.architecture`)",
            )
    return len(others)
