"""A network as data: a list of named operations in JSON, its weights in safetensors.

What a team registers is run by every other team. An archive of torch's own is loaded by unpickling and by evaluating text,
so that whoever loads it does what it says. A program here can only name operations of one list (`operations`), each of which
takes tensors and numbers and returns tensors, on values that were made before: it has no loops, no files and no names of
Python. It is checked whole, sizes included, before any of it runs (docs/decisions/programs.md).

    backbone.json           inputs, nodes and outputs, in the order in which they run
    backbone.safetensors    the tensors that it names as its weights
"""

from .program import Program, load

__all__ = ["Program", "load"]
