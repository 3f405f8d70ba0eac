"""What a network is made of: shapes, weights and multiply-adds, layer by layer."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layer(NamedTuple):
    """One row of a layer table; `macs` counts the multiply-adds for one image."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int


class LayerTable(list):
    """A list of `Layer` that prints as an aligned table with totals."""

    def __str__(self) -> str:
        rows = [(r.name, r.kind, _shape(r.output_shape), r.parameters, r.macs) for r in self]
        total = ("total", "", "", sum(r.parameters for r in self), sum(r.macs for r in self))
        lines = [f"{'layer':<10}{'kind':<12}{'output':<14}{'weights':>10}{'multiply-adds':>16}"]
        lines += [f"{n:<10}{k:<12}{s:<14}{p:>10,}{m:>16,}" for n, k, s, p, m in [*rows, total]]
        return "\n".join(lines)

    __repr__ = __str__


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable weights, biases included."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def count_macs(model: nn.Module, input_shape: tuple[int, ...] = (1, 28, 28)) -> int:
    """Return the multiply-adds of convolutions and dense layers for one image, biases left out."""
    return sum(layer.macs for layer in layer_table(model, input_shape))


def layer_table(model: nn.Module, input_shape: tuple[int, ...] = (1, 28, 28)) -> LayerTable:
    """Return the layers with weights, in the order in which they run.

    `input_shape` is (channels, height, width) of one image. Functions such as ReLU and pooling
    have no module and no row; their effect shows in the next layer's shape.
    """
    device = next(model.parameters()).device
    outputs = activations(model, torch.zeros(1, *input_shape, device=device))
    modules = dict(model.named_modules())
    table = LayerTable()
    for name, output in outputs.items():
        module = modules[name]
        shape = tuple(output.shape[1:])
        parameters = sum(p.numel() for p in module.parameters())
        macs = _macs(module, shape)
        table.append(Layer(name, type(module).__name__, shape, parameters, macs))
    return table


@torch.no_grad()
def activations(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return the output of every layer with weights: name -> tensor with the batch first.

    The outputs are taken before the activation function. The model runs in evaluation mode.
    """
    outputs: dict[str, Tensor] = {}
    hooks = []
    for name, module in model.named_modules():
        is_layer = not list(module.children()) and list(module.parameters())
        if is_layer:
            hooks.append(module.register_forward_hook(_keeper(outputs, name)))
    was_training = model.training
    try:
        model.eval()(inputs)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return outputs


def _keeper(outputs: dict[str, Tensor], name: str):
    def keep(module, args, output):
        outputs[name] = output.detach()

    return keep


def _macs(module: nn.Module, output_shape: tuple[int, ...]) -> int:
    if isinstance(module, nn.Linear):
        return module.in_features * module.out_features
    if isinstance(module, nn.Conv2d):
        per_output = module.in_channels // module.groups * math.prod(module.kernel_size)
        return math.prod(output_shape) * per_output
    return 0


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
