"""The state of a training run, so that it can be saved and taken up as if it had never stopped."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn

from lenetcourse.errors import UsageError
from lenetcourse.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from lenetcourse.train.identity import Description, difference


@dataclass
class History:
    """What a training run left behind.

    Attributes:
        train_loss: mean loss over the batches of each epoch, as the weights moved.
        validation: loss and metrics after each epoch, on the validation set.
        training: the same on the training set, without dropout, when `fit` was asked for it: after
            each epoch, or one entry of the last.
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


class Run:
    """All the state of one run of `fit`.

    `settings` is the recipe as numbers and words, `identity` what else decides the result (see
    `describe_run`): a checkpoint with other ones is refused.
    """

    def __init__(
        self,
        model: nn.Module,
        generator: torch.Generator,
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None,
        settings: dict[str, object],
        identity: dict[str, Description],
    ) -> None:
        self.model, self.generator = model, generator
        self.optimizer, self.scheduler = optimizer, scheduler
        self.identity = identity
        self.history = History(settings=settings)
        self.best_loss = math.inf
        self.best_weights = copied(model.state_dict())

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
            self.best_weights = copied(self.model.state_dict())
            history.best_epoch = len(history.train_loss)

    def save(self, path: str | os.PathLike) -> None:
        """Write the whole state to a checkpoint."""
        state = {
            "identity": self.identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler else None,
            "order": self.generator.get_state(),
            "random": torch.get_rng_state(),
            "random_of_device": random_state(self.device),
            "history": self.history.to_dict(),
            "best_loss": self.best_loss,
            "best_weights": self.best_weights,
        }
        save_checkpoint(state, path)

    def restore(self, path: str | os.PathLike | None) -> None:
        """Take up the state in a checkpoint.

        Raises UsageError without a path, FileNotFoundError when nothing is there, CheckpointError
        when it is damaged, of an older version of the course or of another run.
        """
        if path is None:
            raise UsageError("resume needs the checkpoint to go on from")
        state = load_checkpoint(path)
        try:
            self._compare(state, path)
            self._take_up(state)
        except CheckpointError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{path} is no checkpoint of this training loop") from error

    @property
    def epoch(self) -> int:
        """The epoch, counted from 1, that is under way or comes next."""
        return len(self.history.train_loss) + 1

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _compare(self, state: dict, path: str | os.PathLike) -> None:
        wanted, found = self.history.settings, state["history"]["settings"]
        if "network" in state and "identity" not in state:
            raise CheckpointError(
                f"{path} is of an older version of the course, which did not note the loss, the "
                "metrics, the optimizer's settings and the data: start again, without resume"
            )
        for name in wanted:
            # A constant learning rate can go on for more epochs; one cycle is planned as a whole.
            may_differ = name == "epochs" and wanted["schedule"] == "constant"
            if wanted[name] != found[name] and not may_differ:
                raise CheckpointError(
                    f"{path} is of another recipe: its {name} is {found[name]}, not {wanted[name]}"
                )
        other = difference(state["identity"], self.identity)
        if other is not None:
            another = "network, or another dropout" if "network" in other else "recipe"
            raise CheckpointError(f"{path} is of another {another}: {other}")

    def _take_up(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler:
            self.scheduler.load_state_dict(state["scheduler"])
        self.generator.set_state(state["order"])
        torch.set_rng_state(state["random"])
        set_random_state(state["random_of_device"], self.device)
        settings = self.history.settings
        self.history = History(**state["history"] | {"settings": settings})
        if settings["evaluate_train"] == "last" and self.epoch <= settings["epochs"]:
            self.history.training = []  # it was the last epoch of a shorter run
        self.best_loss, self.best_weights = state["best_loss"], state["best_weights"]


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the state of the random numbers that a GPU draws, dropout's above all, by its kind.

    Empty for the CPU: its state is there on every machine.
    """
    if device.type == "cuda":
        return {"cuda": torch.cuda.get_rng_state(device)}
    return {"mps": torch.mps.get_rng_state()} if device.type == "mps" else {}


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Set what `random_state` returned, unless the run went to another kind of device."""
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a copy of the weights that no later step changes."""
    return {name: value.detach().clone() for name, value in weights.items()}
