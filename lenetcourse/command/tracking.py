"""`lenetcourse train --tensorboard`: the curves of a run in a form that TensorBoard shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lenetcourse.errors import UsageError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def event_writer() -> type[SummaryWriter]:
    """Return PyTorch's writer of events. Raises UsageError when TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError(
            "--tensorboard needs TensorBoard: pip install 'lenetcourse[tracking]'"
        ) from None
    return SummaryWriter


def write_events(facts: dict, folder: Path) -> None:
    """Write the history in `facts`, which is what `history.json` holds, as events into a folder.

    Losses and metrics by epoch, the training loss also by batches, the recipe as a text. What an
    earlier part of a resumed run has written there is shown no more.
    """
    history = facts["history"]
    with event_writer()(folder, purge_step=0) as events:
        recipe = {key: value for key, value in facts.items() if key != "history"}
        recipe["recipe"] = history["settings"]
        events.add_text("recipe", f"```\n{json.dumps(recipe, indent=1)}\n```")
        for batches, loss in history["batch_loss"]:
            events.add_scalar("batches/loss", loss, batches)
        for epoch, loss in enumerate(history["train_loss"], 1):
            events.add_scalar("loss/as the weights move", loss, epoch)
        for part in ("training", "validation"):
            # `evaluate_train="last"` leaves one row, of the last epoch.
            first = len(history["train_loss"]) - len(history[part]) + 1
            for epoch, measured in enumerate(history[part], first):
                for name, value in measured.items():
                    events.add_scalar(f"{name}/{part}", value, epoch)
