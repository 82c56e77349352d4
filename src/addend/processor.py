"""The instructions that numbers are made with: those of every x86-64 processor since 2013, also where there are newer ones.

numpy, torch, MKL, oneDNN and OpenBLAS each choose a kernel by the processor they find, and another kernel rounds otherwise: a
pool of simulations, and with it all that is trained on it, would have other bytes on the next machine (docs/decisions/digits.md).
Each library reads its choice from the environment when it is first loaded, so this is said before any of them is.
"""

import os
import platform

SHARED = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
"""What each library is told; one that is set already, if only to nothing, stays as it is."""


def share_instructions() -> None:
    """Tell the libraries of this process and of its children; elsewhere than on x86-64 there is nothing to say."""
    if platform.machine() == "x86_64":
        for name, value in SHARED.items():
            os.environ.setdefault(name, value)
