"""What a network computes, step by step, as it runs: also functions that have no module."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lenetcourse.errors import UsageError

# Functions by name -> the kind of step. Torch has each under several roofs.
KINDS = {
    "conv2d": "convolution",
    "conv_transpose2d": "transposed convolution",
    "linear": "dense",
    "max_pool2d": "maximum pooling",
    "avg_pool2d": "average pooling",
    "adaptive_max_pool2d": "maximum pooling",
    "adaptive_avg_pool2d": "average pooling",
    "interpolate": "upsampling",
    "upsample": "upsampling",
}
JOINS = {"cat": "concatenation", "concat": "concatenation", "concatenate": "concatenation",
         "add": "sum", "__add__": "sum", "__radd__": "sum", "add_": "sum",
         "__iadd__": "sum"}  # fmt: skip
# Those that rise everywhere can change places with the largest of four values.
RISING = {"relu", "relu_", "leaky_relu", "sigmoid", "tanh", "relu6", "hardtanh", "elu", "softplus"}
SAME_STEP = RISING | {"gelu", "silu", "softmax", "log_softmax", "batch_norm", "layer_norm",
                      "group_norm", "instance_norm"}  # fmt: skip


@dataclass(eq=False)
class Step:
    """One step of a network on one image.

    Attributes:
        kind: "input", one of those in `KINDS` and `JOINS`, "sampling", or a function's name.
        values: what the step computed, after its activation function: (channels, h, w) or (n,).
        inputs: the steps that it takes its numbers from, in the order of its arguments.
        kernel: height and width of its kernel or window, where it has one.
        stride: height and width of its stride, where it has a kernel without gaps (dilation).
        padding: rows above and columns to the left that its windows begin before its input.
        name: the name of the module whose weights it uses, such as "conv1", where one does.
        activation: the name of the last function that was applied to its values, such as "relu".
    """

    kind: str
    values: Tensor
    inputs: tuple[Step, ...] = ()
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: tuple[int, int] = (0, 0)
    name: str = ""
    activation: str = ""


@torch.no_grad()
def network_steps(model: nn.Module, inputs: Tensor) -> list[Step]:
    """Return what `model` computes from one image, (1, channels, h, w), in the order it does.

    The model runs once, in evaluation mode, and is left as it was; so are torch's random numbers
    (what the model draws is drawn with seed 0). An activation function belongs to the step before
    it. One after maximum pooling belongs to the convolution before the pooling, too: for functions
    that rise, the order of the two makes no difference. Steps that do not lead to the output (the
    first of several) are left out. Raises UsageError when no step can be seen.
    """
    recorder = _Recorder(model, inputs)
    with _undisturbed(model, inputs.device), recorder:
        output = model(inputs)
    last = recorder.made.get(id(_first_tensor(output)))
    if last is None or last.kind == "input":
        raise UsageError(f"{type(model).__name__} shows no step that could be drawn")
    needed, waiting = {id(last)}, [last]
    while waiting:
        for step in waiting.pop().inputs:
            if id(step) not in needed:
                needed.add(id(step))
                waiting.append(step)
    return [step for step in recorder.steps if id(step) in needed]


@contextlib.contextmanager
def _undisturbed(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Run in evaluation mode; restore every module's own mode and the random states."""
    modes = {module: module.training for module in model.modules()}
    kinds = [torch] if device.type == "cpu" else [torch, getattr(torch, device.type)]
    states = [kind.get_rng_state() for kind in kinds]
    try:
        for kind in kinds:  # torch.manual_seed would seed every device
            (torch.default_generator if kind is torch else kind).manual_seed(0)
        model.eval()
        yield
    finally:
        for kind, state in zip(kinds, states, strict=True):
            kind.set_rng_state(state)
        for module, mode in modes.items():
            module.training = mode


class _Recorder(TorchFunctionMode):
    """Sees every function of torch that is called inside it, and notes the steps."""

    def __init__(self, model: nn.Module, inputs: Tensor) -> None:
        super().__init__()
        first = Step("input", inputs[0].detach().clone())
        self.steps = [first]
        self.made = {id(inputs): first}  # id of a tensor -> the step that made it
        self.noise: set[int] = set()  # ids of tensors with random numbers in them
        self.padding: dict[int, tuple[int, int]] = {}  # id -> rows above and columns to the left
        self.names = {id(p): name.rpartition(".")[0] for name, p in model.named_parameters()}
        self.kept: list[object] = [inputs]  # so that no id is used twice

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        tensors = list(_tensors([*args, *kwargs.values()]))
        outputs = list(_tensors([result]))
        self.kept += [*tensors, *outputs]
        if name.startswith(("rand", "normal")) or any(id(t) in self.noise for t in tensors):
            self.noise |= {id(tensor) for tensor in outputs}
        parents = [self.made[id(t)] for t in tensors if id(t) in self.made]
        parents = list(dict.fromkeys(parents))
        if parents and outputs:
            step = self.step_of(name, parents, args, kwargs, outputs[0], function)
            if name == "pad":
                sides = kwargs.get("pad", args[1] if len(args) > 1 else ())
                self.padding[id(outputs[0])] = (sides[2] if len(sides) > 2 else 0, sides[0])
            self.made |= {id(tensor): step for tensor in outputs}
        return result

    def step_of(
        self, name: str, parents: list[Step], args: tuple, kwargs: dict, output: Tensor,
        function: Callable,
    ) -> Step:  # fmt: skip
        """Return the step that `output` belongs to: a new one or that of its input."""
        parent = parents[0]
        if name in SAME_STEP and output.numel() == parent.values.numel():
            self.activate(parent, name, output, lambda x: function(x[None], *args[1:], **kwargs))
            return parent
        if len(parents) == 1 and name not in KINDS and output.numel() == parent.values.numel():
            return parent
        if len(parents) == 1 and (name == "pad" or output.ndim < 2):
            return parent
        step = Step(
            _kind(name, parents, id(output) in self.noise),
            output[0].detach().clone(),
            tuple(parents),
        )
        if name in KINDS:
            step.kernel, step.stride, padding = _window(name, args, kwargs)
            before = next((self.padding[id(t)] for t in args if id(t) in self.padding), (0, 0))
            step.padding = padding[0] + before[0], padding[1] + before[1]
        step.name = next((self.names[id(t)] for t in _tensors(args) if id(t) in self.names), "")
        self.steps.append(step)
        return step

    def activate(self, step: Step, name: str, output: Tensor, again: Callable) -> None:
        """Note that an activation function was applied to the values of `step`."""
        step.values = output.detach().clone().reshape(step.values.shape)
        step.activation = name
        if step.kind == "maximum pooling" and name in RISING:
            (before,) = step.inputs
            if sum(before in later.inputs for later in self.steps) == 1 and not before.activation:
                before.values, before.activation = again(before.values)[0], name


def _kind(name: str, parents: Sequence[Step], noisy: bool) -> str:
    if noisy and len(parents) > 1:
        return "sampling"
    return JOINS.get(name, name) if len(parents) > 1 else KINDS.get(name, name.strip("_"))


def _window(name: str, args: tuple, kwargs: dict) -> tuple:
    """Return kernel, stride and padding of a convolution or a pooling, as pairs.

    Kernel and stride are None where there is none, the stride also where the kernel has gaps.
    """

    def get(name: str, place: int, default: object) -> object:
        return kwargs.get(name, args[place] if len(args) > place else default)

    if name.startswith("conv"):
        kernel, stride = get("weight", 1, None).shape[-2:], get("stride", 3, 1)
        padding = get("padding", 4, 0)
        place = 7 if "transpose" in name else 5
        gaps = _pair(get("dilation", place, 1)) != (1, 1)
    elif name in ("max_pool2d", "avg_pool2d"):
        kernel, padding = get("kernel_size", 1, 1), get("padding", 3, 0)
        stride = get("stride", 2, None) or kernel
        gaps = name == "max_pool2d" and _pair(get("dilation", 4, 1)) != (1, 1)
    else:
        return None, None, (0, 0)
    kernel = _pair(kernel)
    if isinstance(padding, str):
        padding = tuple((k - 1) // 2 if padding == "same" else 0 for k in kernel)
    return kernel, None if gaps else _pair(stride), _pair(padding)


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    value = (value,) if isinstance(value, int) else tuple(value)
    return (value[0], value[-1])


def _tensors(values: Sequence) -> Iterator[Tensor]:
    """Yield the tensors among values, and those in lists and tuples of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
        elif isinstance(value, dict):
            yield from _tensors(list(value.values()))


def _first_tensor(output: object) -> Tensor | None:
    return next(_tensors([output]), None)
