"""What decides the result of a training run, in words and as digests, so that two can be compared.

Weights are not part of it: a checkpoint brings them along.
"""

import hashlib
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

SAMPLED = 1000  # rows of a data set that go into its digest
PLAIN = (bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size, type(None))
HOW_NOT_WHAT = ("lr", "fused", "foreach")  # of an optimizer: not part of its name
Description = list[str]  # words for a reader, and a digest


def describe_run(
    model: nn.Module,
    loss_fn: Callable,
    metrics: Mapping[str, Callable],
    optimizer: torch.optim.Optimizer,
    data: Mapping[str, tuple[Tensor, ...]],
    augment: Callable | None = None,
) -> dict[str, Description]:
    """Return name -> (words, digest) of everything that decides the result of a run.

    Compared are the network's class, code and settings; of the loss, each metric and `augment` the
    name, the arguments that `functools.partial` binds, the code, the defaults, the values in a
    closure and the globals that it uses (functions of the same module with their own code, others
    by their name); class and settings of the optimizer; shapes, types and a sample of the data.

    Not seen are: lists, and dictionaries at the top of a module, that a function uses (most collect
    something), attributes of modules, what functions of other modules do, other methods of an
    object that is called, and images between the sampled ones. Code is compared as Python compiled
    it, so the version of Python is compared first.
    """
    found = {
        "Python": [".".join(map(str, sys.version_info[:2])), ""],
        "network": [network_words(model), digest(model)],
        "loss": [words(loss_fn), digest(loss_fn)],
        "metrics": [", ".join(metrics) or "none", ""],
        "optimizer": [optimizer_words(optimizer), digest(optimizer_settings(optimizer))],
        "augment": ["none" if augment is None else words(augment), digest(augment)],
    }
    for name, measure in metrics.items():
        found[f"metric {name}"] = [words(measure), digest(measure)]
    for name, tensors in data.items():
        shapes = " and ".join(f"{t.dtype} {tuple(t.shape)}".removeprefix("torch.") for t in tensors)
        found[name] = [shapes, digest([sampled(tensor) for tensor in tensors])]
    return found


def difference(found: Mapping[str, Description], wanted: Mapping[str, Description]) -> str | None:
    """Return in words the first thing in which two descriptions differ, None when they agree."""
    for name in [*wanted, *found]:
        here, there = found.get(name, ["none", ""]), wanted.get(name, ["none", ""])
        if list(here) != list(there):
            if here[0] != there[0]:
                return f"its {name} is {here[0]}, not {there[0]}"
            same_name = "images and labels" if name.endswith("data") else "code or values"
            return f"its {name}, {here[0]}, has the same name but other {same_name}"
    return None


# Words


def words(function: Callable) -> str:
    """Return the name of a function, with the arguments that are bound to it: "f(beta=4)"."""
    if isinstance(function, partial):
        bound = [short(value) for value in function.args]
        bound += [f"{name}={short(value)}" for name, value in function.keywords.items()]
        return f"{words(function.func)}({', '.join(bound)})"
    return getattr(function, "__name__", type(function).__name__)


def network_words(model: nn.Module) -> str:
    """Return the class of a network and its settings: "VAE(latent=2, hidden=400)"."""
    settings = getattr(model, "settings", {})
    return f"{type(model).__name__}({', '.join(f'{k}={v}' for k, v in settings.items())})"


def optimizer_words(optimizer: torch.optim.Optimizer) -> str:
    """Return the class of an optimizer and what is not its default: "SGD, momentum 0.5".

    The learning rate, which has a place of its own, and how the step is computed are left out.
    """
    usual = inspect.signature(type(optimizer)).parameters
    told = [
        f", {name} {value}"
        for name, value in optimizer.defaults.items()
        if name in usual and name not in HOW_NOT_WHAT and usual[name].default != value
    ]
    return type(optimizer).__name__ + "".join(told)


def short(value: object) -> str:
    if callable(value):
        return words(value)
    return repr(value) if plain(value) else type(value).__name__


# Digests


def digest(value: object) -> str:
    """Return a hash that is the same for values made the same way, in any process."""
    return hashlib.sha256(written(value, {}).encode()).hexdigest()


def written(value: object, seen: dict[int, object]) -> str:
    """Return a value as text, without addresses and without the order of sets.

    `seen` maps the ids of what is written already to the objects, so that nothing is written twice.
    """
    if plain(value):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(written(inner, seen) for inner in value)})"
    if id(value) in seen:
        return f"number {list(seen).index(id(value))}"
    seen[id(value)] = value
    if isinstance(value, (Tensor, np.ndarray)):
        return written_array(value)
    if isinstance(value, Mapping):
        pairs = (f"{written(k, seen)}: {written(v, seen)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(written(inner, seen) for inner in value)}]"
    if isinstance(value, (set, frozenset)):
        return f"set {sorted(written(inner, seen) for inner in value)}"
    if isinstance(value, partial):
        return f"partial {written([value.func, value.args, value.keywords], seen)}"
    if isinstance(value, types.MethodType):
        return f"method {written([value.__func__, value.__self__], seen)}"
    if isinstance(value, types.FunctionType):
        return written_function(value, seen)
    if isinstance(value, nn.Module):
        return written_module(value, seen)
    if isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType)):
        return name_of(value)
    call = inspect.getattr_static(type(value), "__call__", None)
    call = call if isinstance(call, types.FunctionType) else None
    return f"{name_of(type(value))} {written([call, getattr(value, '__dict__', {})], seen)}"


def plain(value: object) -> bool:
    return isinstance(value, PLAIN)


def name_of(thing: object) -> str:
    place = getattr(thing, "__module__", "") or ""
    return f"{place}.{getattr(thing, '__qualname__', getattr(thing, '__name__', ''))}"


def written_array(array: Tensor | np.ndarray) -> str:
    if isinstance(array, Tensor):
        words = f"{array.dtype} {tuple(array.shape)}"
        # As bytes: NumPy has no bfloat16.
        array = array.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy()
        return f"{words} {hashlib.sha256(array.tobytes()).hexdigest()}"
    content = np.ascontiguousarray(array).tobytes()
    return f"{array.dtype} {array.shape} {hashlib.sha256(content).hexdigest()}"


def written_function(function: types.FunctionType, seen: dict[int, object]) -> str:
    """Return name, code, defaults and the values that a function takes from around it."""
    used = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            used[name] = cell.cell_contents
        except ValueError:  # not bound yet
            used[name] = None
    for name in sorted(names_in(function.__code__) & function.__globals__.keys()):
        value = function.__globals__[name]
        used[name] = "a dictionary" if isinstance(value, dict) else value
    for name, value in used.items():
        if isinstance(value, list):  # most collect something, and are another list afterwards
            used[name] = "a list"
        elif isinstance(value, types.FunctionType) and value.__module__ != function.__module__:
            used[name] = name_of(value)
    code = written_code(function.__code__, function.__doc__)
    rest = [function.__defaults__, function.__kwdefaults__, used]
    return f"{name_of(function)} {code} {written(rest, seen)}"


def names_in(code: types.CodeType) -> set[str]:
    """Return the global names (and attributes) in some code and in the functions inside it."""
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*map(names_in, inner))


def written_code(code: types.CodeType, docstring: str | None = None) -> str:
    """Return compiled code as text, without its docstring and without the numbers of its lines."""
    inner = (None if docstring is not None and c == docstring else c for c in code.co_consts)
    constants = [
        written_code(const) if isinstance(const, types.CodeType) else written(const, {})
        for const in inner
    ]
    return repr([code.co_code.hex(), code.co_names, code.co_varnames, constants])


def written_module(module: nn.Module, seen: dict[int, object]) -> str:
    """Return class, code, settings and inner modules of a network; of one in a loss not weights."""
    forward = type(module).forward
    ours = not type(module).__module__.startswith("torch.")
    settings = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training"
    }
    moving = isinstance(module, nn.modules.batchnorm._NormBase)  # its means move in training
    buffers = {} if moving else dict(module.named_buffers(recurse=False))
    parts = [forward if ours else None, settings, dict(module.named_children()), buffers]
    return f"{name_of(type(module))} {written(parts, seen)}"


# Optimizers and data


def optimizer_settings(optimizer: torch.optim.Optimizer) -> list:
    """Return class and settings of an optimizer, and of each of its groups of weights."""
    groups = [
        {name: value for name, value in group.items() if name != "params"} | {"weights": shapes}
        for group in optimizer.param_groups
        for shapes in [[tuple(weight.shape) for weight in group["params"]]]
    ]
    return [type(optimizer), optimizer.defaults, groups]


def sampled(tensor: Tensor) -> list:
    """Return shape, type and up to 1,000 rows of a tensor, evenly spaced."""
    count = min(SAMPLED, len(tensor))
    rows = torch.linspace(0, len(tensor) - 1, count).long().to(tensor.device)
    return [tuple(tensor.shape), tensor.dtype, tensor.index_select(0, rows)]
