"""`lenetcourse train`: train a classifier; write weights, history and curve."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from lenetcourse.command.report import INTERRUPTED, fail
from lenetcourse.data.splits import SPLITS
from lenetcourse.errors import UsageError
from lenetcourse.train.recipes import FAST

if TYPE_CHECKING:
    from torch import nn

    from lenetcourse import History, ImageSet

# The names in `lenetcourse.models.networks.CLASSIFIERS`, which needs torch.
MODELS = ("lenet5", "mlp", "wide-cnn", "padded-cnn", "small-cnn")
SETTINGS = ("kernels", "hidden", "dropout")  # options that are a network's own


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand and its options."""
    train = commands.add_parser("train", help="train a network; write weights, history and curve")
    train.add_argument("model", choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
    train.add_argument("--dataset", default="auto", help="mnist, digits, ... (default: auto)")
    train.add_argument(
        "--fast", action=Fast, nargs=0, help="99 %% on MNIST soonest; options after it change it"
    )
    train.add_argument("--epochs", type=int, default=10, help="default: 10")
    train.add_argument("--seed", type=int, default=0, help="default: 0")
    # Chapter 02's recipe. On validation images it beats Adam at a constant 0.001, epoch for epoch.
    train.add_argument("--lr", type=float, default=0.003, help="Adam's rate (default: 0.003)")
    train.add_argument("--schedule", choices=["one-cycle", "constant"], default="one-cycle")
    train.add_argument("--batch-size", type=int, default=64, help="default: 64")
    train.add_argument(
        "--kernels", type=int, nargs=2, metavar=("K1", "K2"), help="of lenet5 (default: 6 16)"
    )
    train.add_argument(
        "--hidden", type=int, nargs="+", metavar="N", help="units of mlp's layers, of wide-cnn's"
    )
    train.add_argument("--dropout", type=float, help="default: the network's own, 0 for lenet5")
    train.add_argument("--train-images", type=int, help="use only the first ones")
    train.add_argument(
        "--evaluate-train",
        nargs="?",
        choices=["each", "last"],
        const="each",
        help="measure the training images after each epoch, or after the last",
    )
    train.add_argument(
        "--augment", action="store_true", help="change the images at random: for own handwriting"
    )
    train.add_argument("--device", default="auto", help="cpu, cuda, mps (default: auto)")
    train.add_argument("--out", type=Path, help="folder (default: runs/MODEL-DATASET-seedS)")
    train.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    train.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="write the curves for TensorBoard, too"
    )
    train.set_defaults(run=run_tracked)


class Fast(argparse.Action):
    """`--fast` stands for the options of that recipe."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Set the options of the recipe."""
        vars(namespace).update(FAST)


def run_tracked(options: argparse.Namespace) -> int:
    """Train as `run` does; write the curves for TensorBoard, too, when the options ask for them.

    They are written when the run has ended, from its history. Raises UsageError, before anything is
    trained, when TensorBoard is not installed.
    """
    if options.tensorboard is None:
        return run(options)
    from lenetcourse import choose_dataset
    from lenetcourse.command.tracking import event_writer, write_events

    event_writer()
    check(options)
    options.dataset = choose_dataset(options.dataset)
    named = f"{options.model}-{options.dataset}-seed{options.seed}"
    options.out = options.out or Path("runs") / named
    code = run(options)
    found = options.out / "history.json"
    if code in (0, INTERRUPTED) and found.exists():
        folder = options.tensorboard / options.out.resolve().name
        write_events(json.loads(found.read_text(encoding="utf-8")), folder)
        print(f"curves in {folder}: see them with `tensorboard --logdir {options.tensorboard}`")
    return code


def run(options: argparse.Namespace) -> int:
    """Train as the options say; write weights, history and curve; return the exit code."""
    import torch

    from lenetcourse import choose_dataset, load_dataset, pick_device
    from lenetcourse.train import handwriting

    check(options)
    dataset = choose_dataset(options.dataset)
    train, validation, test = (load_dataset(dataset, split) for split in SPLITS)
    if options.train_images is not None:
        train = train.first(options.train_images)
    device = pick_device(options.device)
    torch.manual_seed(options.seed)
    model = untrained(options, train)
    out = options.out or Path("runs") / f"{options.model}-{dataset}-seed{options.seed}"
    make_run_folder(out, options.resume)
    more, facts = {}, {"dataset": dataset}
    if options.augment:
        train, more, added = handwriting.prepare(train, options.seed)
        facts |= added
    history = fit_as_told(model, train, validation, device, out, options, more)
    if not history.validation:
        return fail(f"interrupted in the first epoch: nothing written to {out}", INTERRUPTED)
    if options.augment:
        facts["unsure_below"] = handwriting.unsure_below(model, validation, options.seed)
    facts |= facts_of(model, test, device)
    print(f"test accuracy {facts['test']['accuracy']:.2%} on {len(test):,} images")
    names = write_run(out, options.model, model, history, facts)
    print(f"written to {out}: {', '.join(names)}")
    return INTERRUPTED if history.interrupted else 0


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for options that no run can have."""
    if not 0 <= options.seed < 1 << 63:  # torch takes no more bits
        raise UsageError(f"--seed must be from 0 to 2**63 - 1, not {options.seed}")
    if options.train_images is not None and options.train_images < 1:
        raise UsageError(f"--train-images must be at least 1, not {options.train_images}")
    if options.augment and options.evaluate_train:
        raise UsageError("--augment adds pictures without a digit: drop it, or --evaluate-train")


def untrained(options: argparse.Namespace, images: ImageSet) -> nn.Module:
    """Return a new network for these images. Raises UsageError for options it does not have."""
    from lenetcourse.models.networks import CLASSIFIERS, make_network

    channels, size, _ = images.image_shape
    settings = {"in_channels": channels, "input_size": size}
    for name in SETTINGS:
        if getattr(options, name) is not None:
            settings[name] = getattr(options, name)
    if options.model == "wide-cnn" and options.hidden is not None:
        if len(options.hidden) > 1:
            raise UsageError("--hidden: wide-cnn has one hidden layer: give one number")
        (settings["hidden"],) = options.hidden
    return make_network(CLASSIFIERS[options.model].__name__, settings)


def make_run_folder(out: Path, resume: bool) -> None:
    """Make the folder of a run. Raises FileExistsError when it holds one that is not to go on."""
    if (out / "history.json").exists() and not resume:
        raise FileExistsError(
            f"{out} holds a run: go on with --resume, name another folder with --out, or delete it"
        )
    out.mkdir(parents=True, exist_ok=True)


def fit_as_told(
    model: nn.Module,
    train: ImageSet,
    validation: ImageSet,
    device: object,
    out: Path,
    options: argparse.Namespace,
    more: dict[str, object],
) -> History:
    """Train the model with the options of the command, and with `more` that `fit` takes."""
    from lenetcourse import fit

    return fit(
        model,
        train,
        validation,
        epochs=options.epochs,
        lr=options.lr,
        schedule=options.schedule,
        batch_size=options.batch_size,
        seed=options.seed,
        device=device,
        evaluate_train={"each": True, "last": "last", None: False}[options.evaluate_train],
        checkpoint=out / "checkpoint.pt",
        resume=options.resume,
        **more,
    )


def facts_of(model: nn.Module, test: ImageSet, device: object) -> dict[str, object]:
    """Return what is worth knowing of a trained network: its size, its settings, its test."""
    from torch.nn import functional as F

    from lenetcourse import Batches, accuracy, count_macs, count_parameters, evaluate

    batches = Batches(test.images, test.labels, 1000, device=device)
    return {
        "model": model.settings,
        "weights": count_parameters(model),
        "macs": count_macs(model, test.image_shape),
        "test": evaluate(model, batches, F.cross_entropy, {"accuracy": accuracy}),
    }


def write_run(out: Path, name: str, model: nn.Module, history: History, facts: dict) -> list[str]:
    """Write weights, curve and history into the folder; return the names of the files."""
    from lenetcourse import save_model
    from lenetcourse.files import replacing

    names = [f"{name}.safetensors", "history.json", "curve.png"]
    recipe = {name: value for name, value in facts.items() if name != "model"}
    save_model(model, out / names[0], **recipe, recipe=history.settings)
    draw_curve(history, out / names[2])
    # Written last: a folder with history.json is a whole one.
    with replacing(out / names[1]) as temporary:
        text = json.dumps(facts | {"history": history.to_dict()}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")
    return names


def draw_curve(history: History, path: Path) -> None:
    """Draw the learning curve of a run into a file."""
    import matplotlib

    matplotlib.use("Agg")  # no window, also where a screen is there
    from lenetcourse import plot_history, use_course_style
    from lenetcourse.files import replacing

    use_course_style()
    with replacing(path) as temporary:
        plot_history(history).savefig(temporary)
