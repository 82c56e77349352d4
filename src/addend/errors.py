"""Named mistakes. Each is one sentence with three beats: what is wrong, expected against got, what to do.

Every one derives from `AddendError`; the command line prints its sentence and leaves with status 2. A warning derives
from `AddendWarning`, and the command goes on.
"""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 60
"""Characters of what was found that a sentence quotes."""
DISTRUST = "do not use this encoder; ask who made it"
"""The remedy for a part of an encoder that is not what such a part may be."""


class AddendError(Exception):
    """A mistake the user can mend.

    Arguments:
        what: What is wrong, with what was expected and what was found.
        remedy: What to do about it.
    """

    def __init__(self, what: str, remedy: str):
        super().__init__(f"{what}; {remedy}.")
        self.what, self.remedy = what, remedy


def shown(value: object) -> str:
    """What was found, as a sentence can quote it: of something long, the beginning."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def nearest(word: str, names: Iterable[str], otherwise: str) -> str:
    """The remedy for a word that is none of the names: the nearest one, if any is near, or what else."""
    near = get_close_matches(word[:LONGEST], list(names), n=1)
    mend = f"write '{near[0]}'" if near else "correct the name"
    return f"{mend}, or {otherwise}"


class MissingColumn(AddendError):
    """A table lacks a column that the modality's schema names."""


class NotFinite(AddendError):
    """A NaN or an infinity where a number is due."""


class NegativeError(AddendError):
    """A quoted measurement error that is not positive (or a covariance that is not positive definite)."""


class BadField(AddendError):
    """An entry of another shape or kind than the schema says, or a schema that says what no entry can be."""


class NoFeatures(AddendError):
    """An f_m that tells no observation from another."""


class UnknownSet(AddendError):
    """A published set that a modality does not know."""


class NotFetched(AddendError):
    """A published file that cannot be had, or is another than was published."""


class MaskedOut(AddendError):
    """A mask that is none, or that hides everything."""


class UnknownUnit(AddendError):
    """A column or a parameter in a unit that nobody declared."""


class UnknownParameter(AddendError):
    """A parameter name that is in no parameters.yaml, or not among an encoder's own."""


class OutsideSupport(AddendError):
    """A theta at which the encoder was never trained; psi there means nothing."""


class EmptyTable(AddendError):
    """A table, set or shard of zero rows."""


class TamperedArtifact(AddendError):
    """A file whose sha256 is not the one its manifest states."""


class TamperedFile(AddendError):
    """What a stage reads is not what the stage before it wrote."""


class NotMade(AddendError):
    """What a stage reads, and no stage has made yet."""


class FullDisk(AddendError):
    """There is no room on the disk for what is written."""


class UnusablePath(AddendError):
    """A file or folder that cannot be read or written as it is: permissions, a folder where a file is due."""


class UnusableStore(AddendError):
    """A registry whose database or server gives no answer: damaged, locked for too long, or not there."""


class UnknownFormat(AddendError):
    """An encoder written in a format that this core does not know."""


class UnfitManifest(AddendError):
    """The manifest of an encoder says what none may say."""


class UnfitProgram(AddendError):
    """A network of an encoder that names, makes or holds what it may not."""


class PsiChanged(AddendError):
    """An encoder whose psi at stored points is not what it was when made, or that stores none."""


class DefinitionMismatch(AddendError):
    """One parameter name, two definitions: the agreement and the encoder mean different things."""


class NoChampion(AddendError):
    """A fusion requires a modality that has no promoted encoder."""


class UnknownVersion(AddendError):
    """A pinned encoder that the registry does not hold."""


class NoObservations(AddendError):
    """A fusion requires a modality, or names a set, that has no observations."""


class SetExists(AddendError):
    """Another set of observations under a name that is taken."""


class UnknownModality(AddendError):
    """No installed package offers a modality of this name."""


class ModalityClash(AddendError):
    """Two installed packages offer one modality name."""


class BadSetting(AddendError):
    """A params.yaml, parameters.yaml or command-line setting that cannot be used as it stands."""


class UnboundedDensity(AddendError):
    """A trainable, non-invertible f_m under a likelihood objective: the loss has no minimum (methods D15.1)."""


class UnfitHead(AddendError):
    """A network that would break additivity or curvature: ReLU in theta, batch statistics, theta-dependent scaling."""


class UnfitBackbone(AddendError):
    """An f_m that is not what its Backbone states: its sizes, its layout or its log|det|."""


class ThetaLawMismatch(AddendError):
    """The two classes of a ratio objective were drawn under different theta laws (methods D2)."""


class NotMergeable(AddendError):
    """Two counts that were not made by the same diagnostic with the same settings."""


class TooFewSimulations(AddendError):
    """A calibration asked of fewer simulations than it takes; it would add more noise than it removes bias."""


class BeyondTrust(AddendError):
    """More observations than the encoder's trust size: its learned bias is larger than the error it would quote."""


class AddendWarning(UserWarning):
    """What the user must know, though nothing was refused; the command line prints its name and its sentence."""


class CoupledModalities(AddendWarning):
    """Two modalities that are not independent given theta: their sum is over-confident."""


class StrangeObservations(AddendWarning):
    """Observations unlike anything the simulator made; psi means little there."""


class OtherCheckpoint(AddendWarning):
    """What a training that was interrupted left, of other simulations or settings than those of today."""


class FewerFeatures(AddendWarning):
    """An f_m whose features tell fewer directions apart than were asked for."""


class BeyondTraining(AddendWarning):
    """Observations with a covariate outside the range that training drew; psi was never taught there."""


class BadSummary(AddendError):
    """A summary of a fusion that does not follow the schema of docs/summary.md."""


class BadTable(AddendError):
    """A table that is not one: a cell that should be a number, a row of another length, two columns of one name."""


class NotInterior(AddendError):
    """A derivative asked of a theta_hat that is at a bound, or along a direction in which S is flat."""
