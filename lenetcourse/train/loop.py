"""One training loop for every network of the course: the loss and the metrics are arguments."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from lenetcourse.errors import CourseError, UsageError
from lenetcourse.train.batches import Batches
from lenetcourse.train.identity import describe_run, optimizer_words, words
from lenetcourse.train.metrics import accuracy
from lenetcourse.train.run import History, Run

if TYPE_CHECKING:
    from lenetcourse.data.images import ImageSet

SHARES = {"accuracy"}  # metrics that read as percentages in the line of an epoch
Measure = Callable[[Tensor, Tensor], Tensor]  # a loss or a metric: of outputs and targets, a mean
Pairs = Iterable[tuple[Tensor, Tensor]]  # batches of inputs and targets


class TrainingDiverged(CourseError, FloatingPointError):
    """The loss became infinite or not a number."""


def train_one_epoch(
    model: nn.Module,
    batches: Pairs,
    loss_fn: Measure,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | None = None,
) -> list[float]:
    """Take one step of the optimizer for each batch; return the loss of each batch.

    Raises TrainingDiverged, before the weights are touched, when a loss is not finite.
    """
    model.train()
    losses = []
    for inputs, targets in batches:
        loss = loss_fn(model(inputs), targets)
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise TrainingDiverged(f"the loss of batch {len(losses)} is {losses[-1]}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return losses


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Pairs, loss_fn: Measure, metrics: Mapping[str, Measure]
) -> dict[str, float]:
    """Return the mean over all images of the loss and of each metric, without training."""
    was_training = model.training
    model.eval()
    totals, count = {}, 0
    for inputs, targets in batches:
        outputs = model(inputs)
        for name, measure in {"loss": loss_fn, **metrics}.items():
            value = measure(outputs, targets).item() * len(inputs)
            totals[name] = totals.get(name, 0.0) + value
        count += len(inputs)
    model.train(was_training)
    return {name: total / count for name, total in totals.items()}


def pick_device(device: str = "auto") -> torch.device:
    """Return the device of that name; "auto" takes CUDA, else Apple's MPS, else the CPU.

    Raises UsageError when the device is not to be had on this machine.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"unknown device {str(device)!r}: auto, cpu, cuda or mps")
    missing = (chosen.index or 0) >= torch.cuda.device_count() if cuda else True
    if (chosen.type == "cuda" and missing) or (chosen.type == "mps" and not mps):
        raise UsageError(f"this machine has no {chosen} device: use device='cpu'")
    return chosen


def adam(weights: Iterable[Tensor], lr: float = 0.001) -> torch.optim.Adam:
    """Return Adam that takes a step in one pass (`fused`) where the device of the weights can.

    Kingma and Ba (arXiv:1412.6980). The same formula as `torch.optim.Adam`, rounded elsewhere.
    """
    weights = list(weights)
    try:
        return torch.optim.Adam(weights, lr=lr, fused=True)
    except RuntimeError:  # older versions of PyTorch cannot on every device
        return torch.optim.Adam(weights, lr=lr)


def fit(
    model: nn.Module,
    train: ImageSet | tuple[Tensor, Tensor],
    validation: ImageSet | tuple[Tensor, Tensor],
    *,
    epochs: int,
    lr: float = 0.001,
    schedule: str = "constant",
    optimizer: Callable[..., torch.optim.Optimizer] = adam,
    batch_size: int = 64,
    seed: int = 0,
    loss_fn: Measure = F.cross_entropy,
    metrics: Mapping[str, Measure] | None = None,
    device: str = "auto",
    log_every: int = 50,
    evaluate_train: bool | str = False,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    checkpoint: str | os.PathLike | None = None,
    resume: bool = False,
    verbose: bool = True,
) -> History:
    """Train `model` and leave it with its best weights by validation loss.

    `train` and `validation` are image sets or (inputs, targets). `seed` decides the order of the
    images and the dropout; build the model after `torch.manual_seed(seed)` and the same seed gives
    the same weights bit for bit, on one machine with one number of threads. `schedule` is
    "constant" (the learning rate stays at `lr`) or "one-cycle" (it rises to `lr` and falls to
    almost nothing: Smith and Topin, arXiv:1708.07120). `optimizer` is called with the weights and
    `lr`: `partial(torch.optim.SGD, momentum=0.5)` is another one. `metrics` maps names to functions
    of (outputs, targets); accuracy by default. `evaluate_train` measures the training images, too,
    in evaluation mode, after each epoch or ("last") after the last one only, with the weights of
    that epoch: `train_loss` is taken as the weights move, with dropout on, so it says nothing about
    the gap to the validation set.
    `augment`, such as `Augment()`, changes each batch of training images with the random numbers
    that order them. With `checkpoint`, the whole state is saved there after each epoch, and
    `resume` goes on from it as if the run had never stopped.

    Ctrl-C ends the run early: the history says so and the best weights so far are kept. Raises
    TrainingDiverged when the loss is no longer finite (the model then holds the best weights so
    far), CheckpointError when `resume` finds a checkpoint of another recipe, network, loss, metric,
    optimizer or of other data (`describe_run` says how they are compared), FileNotFoundError when
    there is none, and UsageError for an argument that is unknown or out of range.
    """
    settings = {
        "epochs": epochs,
        "lr": lr,
        "schedule": schedule,
        "batch_size": batch_size,
        "seed": seed,
        "train_images": len(_tensors(train)[0]),
        "evaluate_train": evaluate_train,
        "augment": augment if augment is None else getattr(augment, "settings", words(augment)),
    }
    _check(settings)
    device = pick_device(device)
    metrics = {"accuracy": accuracy} if metrics is None else metrics
    generator = torch.Generator().manual_seed(seed)
    train_batches = Batches(*_tensors(train), batch_size, generator, device, augment)
    validation_batches = Batches(*_tensors(validation), 1000, None, device)
    again = Batches(train_batches.inputs, train_batches.targets, 1000, None, device)
    made = optimizer(model.to(device).parameters(), lr=lr)
    identity = {"log_every": [str(log_every), ""]}
    if checkpoint is not None:
        data = {"training data": _tensors(train), "validation data": _tensors(validation)}
        identity |= describe_run(model, loss_fn, metrics, made, data, augment)
    settings |= {"optimizer": optimizer_words(made), "loss": words(loss_fn)}
    scheduler = _scheduler(made, schedule, lr, epochs * len(train_batches))
    run = Run(model, generator, made, scheduler, settings, identity)
    torch.manual_seed(seed)
    if resume:
        run.restore(checkpoint)
    with _best_kept(run, lr, verbose):
        for epoch in range(run.epoch, epochs + 1):
            # disable=None: a bar only where a person watches a terminal
            bar = tqdm(train_batches, f"epoch {epoch}/{epochs}", leave=False, disable=None)
            losses = train_one_epoch(model, bar, loss_fn, run.optimizer, run.scheduler)
            run.record(losses, evaluate(model, validation_batches, loss_fn, metrics), log_every)
            if evaluate_train and (evaluate_train != "last" or epoch == epochs):
                run.history.training.append(evaluate(model, again, loss_fn, metrics))
            if checkpoint is not None:
                run.save(checkpoint)
            if verbose:
                print(_epoch_line(run.history, epochs), flush=True)
    return run.history


@contextlib.contextmanager
def _best_kept(run: Run, lr: float, verbose: bool) -> Iterator[None]:
    """Leave the model with its best weights, however the epochs inside end; Ctrl-C is no error."""
    try:
        yield
    except KeyboardInterrupt:
        run.history.interrupted = True
        if verbose:
            best = run.history.best_epoch
            print(f"stopped in epoch {run.epoch}: keeping the weights of epoch {best}")
    except TrainingDiverged as error:
        raise TrainingDiverged(
            f"{error} in epoch {run.epoch}: try a learning rate below {lr}, and look at the inputs"
        ) from None
    finally:
        run.model.load_state_dict(run.best_weights)


def _check(settings: dict[str, object]) -> None:
    """Raise UsageError for settings that no run can have."""
    if settings["epochs"] < 1:
        raise UsageError(f"epochs must be at least 1, not {settings['epochs']}")
    if not settings["lr"] >= 0:  # nor nan
        raise UsageError(f"the learning rate must be 0 or more, not {settings['lr']}")
    if settings["evaluate_train"] not in (True, False, "last"):
        raise UsageError(
            f"evaluate_train is True, False or 'last', not {settings['evaluate_train']!r}"
        )


def _scheduler(
    optimizer: torch.optim.Optimizer, schedule: str, lr: float, steps: int
) -> LRScheduler | None:
    if schedule == "constant":
        return None
    if schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
    raise UsageError(f"unknown schedule {schedule!r}: constant or one-cycle")


def _tensors(data: ImageSet | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return data if isinstance(data, tuple) else (data.images, data.labels)


def _epoch_line(history: History, epochs: int) -> str:
    measured = history.validation[-1]
    shown = [f"train loss {history.train_loss[-1]:.4f}", f"validation loss {measured['loss']:.4f}"]
    for name, value in measured.items():
        if name != "loss":
            shown.append(f"{name} {value:.2%}" if name in SHARES else f"{name} {value:.4f}")
    return f"epoch {len(history.train_loss)}/{epochs}: " + ", ".join(shown)
