"""The operations that a program may name: ATen's, in the form in which torch writes them into a graph.

Each makes new tensors of tensors and numbers. None reads or writes a file, changes what it is given, makes random numbers, looks
at memory by strides, or returns what was never computed (`empty`). What is missing here is a name to add, after asking
the same of it. Sizes are whole numbers of their own kind: `size` of a tensor, and the arithmetic below.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch

ELEMENTWISE = """
abs.default acos.default acosh.default asin.default asinh.default atan.default atan2.default
atanh.default ceil.default cos.default cosh.default elu.default erf.default exp.default
expm1.default floor.default gelu.default hardtanh.default leaky_relu.default log.default
log10.default log1p.default log2.default neg.default reciprocal.default relu.default
silu.default softplus.default round.default rsqrt.default sigmoid.default sign.default
sin.default sinh.default sqrt.default tan.default tanh.default trunc.default isinf.default
isnan.default logical_and.default logical_not.default logical_or.default maximum.default
minimum.default clamp.default clamp.Tensor where.self add.Tensor add.Scalar sub.Tensor
sub.Scalar mul.Tensor mul.Scalar div.Tensor div.Scalar div.Tensor_mode pow.Scalar
pow.Tensor_Scalar pow.Tensor_Tensor remainder.Scalar remainder.Tensor fmod.Scalar fmod.Tensor
eq.Scalar eq.Tensor ne.Scalar ne.Tensor lt.Scalar lt.Tensor le.Scalar le.Tensor gt.Scalar
gt.Tensor ge.Scalar ge.Tensor
"""
REDUCING = """
sum.default sum.dim_IntList mean.default mean.dim var.correction amax.default amin.default
prod.dim_int cumsum.default any.dim argmax.default argmin.default _softmax.default
_log_softmax.default logsumexp.default
"""
LAYERS = """
mm.default addmm.default bmm.default convolution.default max_pool2d_with_indices.default
avg_pool1d.default avg_pool2d.default adaptive_avg_pool1d.default adaptive_avg_pool2d.default
linear.default native_layer_norm.default native_group_norm.default
_native_batch_norm_legit_no_training.default constant_pad_nd.default upsample_nearest2d.vec
"""
SHAPE = """
view.default permute.default expand.default squeeze.dim squeeze.dims unsqueeze.default
slice.Tensor select.int cat.default split_with_sizes.default clone.default alias.default
flip.default repeat.default index.Tensor index_select.default gather.default _to_copy.default
full.default full_like.default scalar_tensor.default arange.start_step sym_size.int
"""
SIZES: dict[str, Callable[..., Any]] = {
    "size.add": operator.add,
    "size.sub": operator.sub,
    "size.mul": operator.mul,
    "size.floordiv": operator.floordiv,
}
"""Whole numbers of sizes. A product of two sizes is refused (`graph`): memory would grow faster than the batch."""
WHOLE = [
    torch.ops.aten.silu.default, torch.ops.aten.adaptive_avg_pool1d.default, torch.ops.aten.adaptive_avg_pool2d.default,
    torch.ops.aten.linear.default, torch.ops.aten.softplus.default, torch.ops.aten.logsumexp.default,
]  # fmt: skip
"""Operations that torch would write as several simpler ones, and whose last digits would change by it."""
ITEM = "item"
"""One of the several results of an operation, by its place."""


def _aten(name: str) -> Callable[..., Any]:
    operation, overload = name.split(".")
    return getattr(getattr(torch.ops.aten, operation), overload)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{f"aten.{name}": _aten(name) for name in (ELEMENTWISE + REDUCING + LAYERS + SHAPE).split()},
    **SIZES,
    ITEM: operator.getitem,
}
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float32, torch.float64, torch.int32, torch.int64, torch.bool)
}
WORDS = {
    "div.Tensor_mode": {"floor", "trunc"},
    "gelu.default": {"none", "tanh"},
}
"""The words that an operation takes as they are; no other text is an argument."""
