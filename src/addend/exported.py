"""A torch module as one self-contained, reproducible file: `torch.export` with a dynamic batch.

The archive is JSON and raw weights. Two things the exporter would add are left out: the example inputs, which are the
only pickle in it, and the stack traces, which are paths of the machine that exported. The same module then gives the
same bytes anywhere.
"""

import io
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

_TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")


def export(module: nn.Module, *examples: Tensor) -> bytes:
    """The module as an archive; every example's first dimension is the batch.

    Raises whatever `torch.export` raises for a module that cannot be traced.
    """
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        module.eval(), examples, dynamic_shapes=tuple({0: batch} for _ in examples)
    )
    for node in program.graph_module.graph.nodes:
        for key in _TRACES:
            node.meta.pop(key, None)
    program._example_inputs = None
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, buffer)
    return buffer.getvalue()


def load(path: Path) -> nn.Module:
    """The module that `export` archived, differentiable and without the code that made it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.load(io.BytesIO(Path(path).read_bytes())).module()
