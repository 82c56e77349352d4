"""A verb tells numpy and torch which instructions to use before it loads them, and an environment that says otherwise stands."""

import os
import platform
import subprocess
import sys

import pytest

from addend.processor import SHARED

ASKED = """
from addend.processor import share_instructions
share_instructions()
import numpy, torch
from numpy._core._multiarray_umath import __cpu_features__ as numpy_has
print(numpy_has["X86_V4"], torch.backends.cpu.get_cpu_capability())
"""
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="nothing is shared there")


def used(**given: str) -> list[str]:
    """Whether numpy uses AVX-512, and what torch does, in a process of its own."""
    clean = {k: v for k, v in os.environ.items() if k not in SHARED}
    done = subprocess.run(
        [sys.executable, "-c", ASKED], env=clean | given, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.slow
def test_no_verb_computes_with_what_only_newer_processors_have():
    assert used() == ["False", "AVX2"]


@pytest.mark.slow
def test_what_the_environment_says_stands():
    assert used(ATEN_CPU_CAPABILITY="default") == ["False", "DEFAULT"]


def test_the_command_says_it_before_any_library_is_loaded():
    code = "import sys, addend.cli; print({'numpy', 'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
