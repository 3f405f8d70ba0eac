"""What a network is made of: shapes, weights and multiply-adds, layer by layer."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lenetcourse.tables import Table


class Layer(NamedTuple):
    """One row of a layer table; `macs` counts the multiply-adds for one image."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int


class LayerTable(list):
    """A list of `Layer` that prints as a table with totals."""

    @property
    def table(self) -> Table:
        """The rows as text, under a head, above their totals."""
        rows = [[r.name, r.kind, _shape(r.output_shape), r.parameters, r.macs] for r in self]
        rows.append(["total", "", "", sum(r.parameters for r in self), sum(r.macs for r in self)])
        head = ["layer", "kind", "output", "weights", "multiply-adds"]
        return Table(head, [[*words, f"{w:,}", f"{m:,}"] for *words, w, m in rows])

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


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
    passed = _passed(model, torch.zeros(1, *input_shape, device=device))
    modules = dict(model.named_modules())
    table = LayerTable()
    for name, (inputs, output) in passed.items():
        module = modules[name]
        shape = tuple(output.shape[1:])
        parameters = sum(p.numel() for p in module.parameters())
        macs = _macs(module, tuple(inputs.shape[1:]), shape)
        table.append(Layer(name, type(module).__name__, shape, parameters, macs))
    return table


def activations(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return the output of every layer with weights: name -> tensor with the batch first.

    The outputs are taken before the activation function. The model runs in evaluation mode.
    """
    return {name: output for name, (_, output) in _passed(model, inputs).items()}


@torch.no_grad()
def _passed(model: nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Return what went into every layer with weights, and what came out of it."""
    passed: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = []
    for name, module in model.named_modules():
        is_layer = not list(module.children()) and list(module.parameters())
        if is_layer:
            hooks.append(module.register_forward_hook(_keeper(passed, name)))
    was_training = model.training
    try:
        model.eval()(inputs)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return passed


def _keeper(passed: dict[str, tuple[Tensor, Tensor]], name: str) -> Callable[..., None]:
    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        passed[name] = (args[0].detach(), output.detach())

    return keep


def _macs(module: nn.Module, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> int:
    if isinstance(module, nn.Linear):
        return module.in_features * module.out_features
    if isinstance(module, nn.Conv2d):
        per_output = module.in_channels // module.groups * math.prod(module.kernel_size)
        return math.prod(output_shape) * per_output
    if isinstance(module, nn.ConvTranspose2d):
        # Each value of the input is spread over one kernel of every output map.
        per_input = module.out_channels // module.groups * math.prod(module.kernel_size)
        return math.prod(input_shape) * per_input
    return 0


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
