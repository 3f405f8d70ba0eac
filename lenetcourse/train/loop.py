"""One training loop for every network of the course: the loss and the metrics are arguments."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from lenetcourse.errors import CourseError, UsageError
from lenetcourse.train.batches import Batches
from lenetcourse.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from lenetcourse.train.metrics import accuracy

if TYPE_CHECKING:
    from lenetcourse.data.images import ImageSet

SHARES = {"accuracy"}  # metrics that read as percentages in the line of an epoch
Metrics = dict[str, Callable[[Tensor, Tensor], Tensor]]


class TrainingDiverged(CourseError, FloatingPointError):
    """The loss became infinite or not a number."""


def train_one_epoch(model, batches, loss_fn, optimizer, scheduler=None) -> list[float]:
    """Take one step of the optimizer for each batch; return the loss of each batch.

    Raises TrainingDiverged, before the weights are touched, when a loss is not finite.
    """
    model.train()
    losses = []
    for inputs, targets in batches:
        loss = loss_fn(model(inputs), targets)
        if not loss.isfinite():
            raise TrainingDiverged(f"the loss of batch {len(losses) + 1} is {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def evaluate(model, batches, loss_fn, metrics) -> dict[str, float]:
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


@dataclass
class History:
    """What a training run left behind.

    Attributes:
        train_loss: mean loss over the batches of each epoch, as the weights moved.
        validation: loss and metrics after each epoch, on the validation set.
        training: the same on the training set, without dropout, when `fit` was asked for it.
        batch_loss: [batches seen, mean loss since the entry before], every `log_every` batches or
            so: an epoch is cut into parts of nearly equal length.
        best_epoch: the epoch, counted from 1, whose weights were kept; 0 before the first.
        interrupted: True when the run was stopped from outside before its last epoch.
        settings: the recipe, as given to `fit`.
    """

    train_loss: list[float] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    training: list[dict[str, float]] = field(default_factory=list)
    batch_loss: list[list[float]] = field(default_factory=list)
    best_epoch: int = 0
    interrupted: bool = False
    settings: dict[str, object] = field(default_factory=dict)

    def to_dict(self) -> dict:
        return asdict(self)


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


def fit(
    model: nn.Module,
    train: ImageSet | tuple[Tensor, Tensor],
    validation: ImageSet | tuple[Tensor, Tensor],
    *,
    epochs: int,
    lr: float = 0.001,
    schedule: str = "constant",
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    batch_size: int = 64,
    seed: int = 0,
    loss_fn: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    metrics: Metrics | None = None,
    device: str = "auto",
    log_every: int = 50,
    evaluate_train: bool = False,
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
    after each epoch and in evaluation mode: `train_loss` is taken as the weights move, with dropout
    on, so it says nothing about the gap to the validation set. `augment`, such as `Augment()`,
    changes each batch of training images with the random numbers that order them. With
    `checkpoint`, the whole state is saved there after each epoch, and `resume` goes on from it as
    if the run had never stopped.

    Ctrl-C ends the run early: the history says so and the best weights so far are kept. Raises
    TrainingDiverged when the loss is no longer finite (the model then holds the best weights so
    far), CheckpointError when `resume` finds a checkpoint of another recipe, and UsageError for an
    unknown schedule, a negative learning rate or less than one epoch.
    """
    if epochs < 1:
        raise UsageError(f"epochs must be at least 1, not {epochs}")
    if not lr >= 0:  # nor nan
        raise UsageError(f"the learning rate must be a positive number, not {lr}")
    device = pick_device(device)
    metrics = {"accuracy": accuracy} if metrics is None else metrics
    generator = torch.Generator().manual_seed(seed)
    train_batches = Batches(*_tensors(train), batch_size, generator, device, augment)
    validation_batches = Batches(*_tensors(validation), 1000, None, device)
    again = Batches(*_tensors(train), 1000, None, device) if evaluate_train else None
    settings = {
        "epochs": epochs,
        "lr": lr,
        "schedule": schedule,
        "batch_size": batch_size,
        "seed": seed,
        "train_images": len(train_batches.inputs),
        "evaluate_train": evaluate_train,
        "augment": augment if augment is None else getattr(augment, "settings", repr(augment)),
    }
    model.to(device)
    made = optimizer(model.parameters(), lr=lr)
    scheduler = _scheduler(made, schedule, lr, epochs * len(train_batches))
    run = _Run(model, generator, made, scheduler, settings | {"optimizer": _name(made)})
    torch.manual_seed(seed)
    if resume:
        run.restore(checkpoint)
    history = run.history
    try:
        for epoch in range(len(history.train_loss) + 1, epochs + 1):
            # disable=None: a bar only where a person watches a terminal
            bar = tqdm(train_batches, f"epoch {epoch}/{epochs}", leave=False, disable=None)
            losses = train_one_epoch(model, bar, loss_fn, run.optimizer, run.scheduler)
            run.record(losses, evaluate(model, validation_batches, loss_fn, metrics), log_every)
            if again is not None:
                history.training.append(evaluate(model, again, loss_fn, metrics))
            if checkpoint is not None:
                run.save(checkpoint)
            if verbose:
                print(_epoch_line(history, epochs), flush=True)
    except KeyboardInterrupt:
        history.interrupted = True
        if verbose:
            print(f"stopped in epoch {epoch}: keeping the weights of epoch {history.best_epoch}")
    except TrainingDiverged as error:
        raise TrainingDiverged(
            f"{error} in epoch {epoch}: try a learning rate below {lr}, and look at the inputs"
        ) from None
    finally:
        model.load_state_dict(run.best_weights)
    return history


class _Run:
    """All the state of one run of `fit`, so that it can be saved and taken up again."""

    def __init__(self, model, generator, optimizer, scheduler, settings):
        self.model, self.generator = model, generator
        self.optimizer, self.scheduler = optimizer, scheduler
        self.history = History(settings=settings)
        self.best_loss = math.inf
        self.best_weights = _copy(model.state_dict())

    def record(self, losses: list[float], measured: dict[str, float], log_every: int) -> None:
        """Add one epoch to the history; remember the weights when they are the best yet."""
        history = self.history
        seen = len(history.train_loss) * len(losses)
        # Parts of nearly equal length: a short last one would be a noisy mean.
        parts = max(1, round(len(losses) / log_every))
        edges = [len(losses) * k // parts for k in range(parts + 1)]
        for start, end in pairwise(edges):
            history.batch_loss.append([seen + end, sum(losses[start:end]) / (end - start)])
        history.train_loss.append(sum(losses) / len(losses))
        history.validation.append(measured)
        if measured["loss"] < self.best_loss:
            self.best_loss = measured["loss"]
            self.best_weights = _copy(self.model.state_dict())
            history.best_epoch = len(history.train_loss)

    def save(self, path) -> None:
        scheduler = self.scheduler.state_dict() if self.scheduler else None
        state = {
            "network": repr(self.model),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": scheduler,
            "order": self.generator.get_state(),
            "random": torch.get_rng_state(),
            "history": self.history.to_dict(),
            "best_loss": self.best_loss,
            "best_weights": self.best_weights,
        }
        save_checkpoint(state, path)

    def restore(self, path) -> None:
        if path is None:
            raise UsageError("resume needs the checkpoint to go on from")
        state = load_checkpoint(path)
        try:
            self._take_up(state, path)
        except CheckpointError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError):
            raise CheckpointError(f"{path} is no checkpoint of this training loop") from None

    def _take_up(self, state: dict, path) -> None:
        wanted, found = self.history.settings, state["history"]["settings"]
        for name in wanted:
            # A constant learning rate can go on for more epochs; one cycle is planned as a whole.
            may_differ = name == "epochs" and wanted["schedule"] == "constant"
            if wanted[name] != found[name] and not may_differ:
                raise CheckpointError(
                    f"{path} is of another recipe: its {name} is {found[name]}, not {wanted[name]}"
                )
        if state["network"] != repr(self.model):
            raise CheckpointError(f"{path} is of another network, or another dropout")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler:
            self.scheduler.load_state_dict(state["scheduler"])
        self.generator.set_state(state["order"])
        torch.set_rng_state(state["random"])
        self.history = History(**state["history"] | {"settings": wanted})
        self.best_loss, self.best_weights = state["best_loss"], state["best_weights"]


def _scheduler(optimizer, schedule: str, lr: float, steps: int):
    if schedule == "constant":
        return None
    if schedule == "one-cycle":
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=steps)
    raise UsageError(f"unknown schedule {schedule!r}: constant or one-cycle")


def _name(optimizer: torch.optim.Optimizer) -> str:
    momentum = optimizer.defaults.get("momentum")
    return type(optimizer).__name__ + (f", momentum {momentum}" if momentum else "")


def _tensors(data) -> tuple[Tensor, Tensor]:
    return data if isinstance(data, tuple) else (data.images, data.labels)


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _epoch_line(history: History, epochs: int) -> str:
    measured = history.validation[-1]
    shown = [f"train loss {history.train_loss[-1]:.4f}", f"validation loss {measured['loss']:.4f}"]
    for name, value in measured.items():
        if name != "loss":
            shown.append(f"{name} {value:.2%}" if name in SHARES else f"{name} {value:.4f}")
    return f"epoch {len(history.train_loss)}/{epochs}: " + ", ".join(shown)
