"""`lenetcourse train`: train a network; write weights, history and curve."""

from __future__ import annotations

import json
from pathlib import Path

from lenetcourse.command.errors import _fail
from lenetcourse.data.sources import SPLITS


def _add_train(commands) -> None:
    train = commands.add_parser("train", help="train a network; write weights, history and curve")
    train.add_argument("model", choices=["lenet5"])
    train.add_argument("--dataset", default="auto", help="mnist, digits, ... (default: auto)")
    train.add_argument("--epochs", type=int, default=10, help="default: 10")
    train.add_argument("--seed", type=int, default=0, help="default: 0")
    # Chapter 02's recipe. On validation images it beats Adam at a constant 0.001, epoch for epoch.
    train.add_argument("--lr", type=float, default=0.003, help="Adam's rate (default: 0.003)")
    train.add_argument("--schedule", choices=["one-cycle", "constant"], default="one-cycle")
    train.add_argument("--batch-size", type=int, default=64, help="default: 64")
    train.add_argument("--kernels", type=int, nargs=2, default=[6, 16], metavar=("K1", "K2"))
    train.add_argument("--dropout", type=float, default=0.0, help="default: 0")
    train.add_argument("--train-images", type=int, help="use only the first ones")
    train.add_argument(
        "--evaluate-train", action="store_true", help="measure the training images after each epoch"
    )
    train.add_argument("--device", default="auto", help="cpu, cuda, mps (default: auto)")
    train.add_argument("--out", type=Path, help="folder (default: runs/lenet5-DATASET-seedS)")
    train.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    train.set_defaults(run=_train)


def _train(options) -> int:
    import torch
    from torch.nn import functional as F

    from lenetcourse import (
        Batches,
        LeNet5,
        accuracy,
        choose_dataset,
        count_macs,
        count_parameters,
        evaluate,
        fit,
        load_dataset,
        pick_device,
    )

    dataset = choose_dataset(options.dataset)
    train, validation, test = (load_dataset(dataset, split) for split in SPLITS)
    if options.train_images is not None:
        if options.train_images < 1:
            raise ValueError(f"--train-images must be at least 1, not {options.train_images}")
        train = train.first(options.train_images)
    device = pick_device(options.device)
    torch.manual_seed(options.seed)
    model = LeNet5(tuple(options.kernels), dropout=options.dropout)
    recipe = {"model": model.settings, "dataset": dataset}
    recipe |= {"weights": count_parameters(model), "macs": count_macs(model)}
    out = options.out or Path("runs") / f"{options.model}-{dataset}-seed{options.seed}"
    _make_run_folder(out, options.resume)
    history = fit(
        model,
        train,
        validation,
        epochs=options.epochs,
        lr=options.lr,
        schedule=options.schedule,
        batch_size=options.batch_size,
        seed=options.seed,
        device=device,
        evaluate_train=options.evaluate_train,
        checkpoint=out / "checkpoint.pt",
        resume=options.resume,
    )
    if not history.validation:
        return _fail(f"interrupted in the first epoch: nothing written to {out}", code=130)
    batches = Batches(test.images, test.labels, 1000, device=device)
    measured = evaluate(model, batches, F.cross_entropy, {"accuracy": accuracy})
    print(f"test accuracy {measured['accuracy']:.2%} on {len(test):,} images")
    _write_run(out, model, history, recipe | {"test": measured})
    print(f"written to {out}: lenet5.safetensors, history.json, curve.png")
    return 130 if history.interrupted else 0


def _make_run_folder(out: Path, resume: bool) -> None:
    if (out / "history.json").exists() and not resume:
        raise FileExistsError(
            f"{out} holds a run: go on with --resume, name another folder with --out, or delete it"
        )
    out.mkdir(parents=True, exist_ok=True)


def _write_run(out: Path, model, history, facts: dict) -> None:
    import matplotlib

    matplotlib.use("Agg")  # no window, also where a screen is there
    from lenetcourse import plot_history, save_model, use_course_style
    from lenetcourse.files import replacing

    recipe = {name: value for name, value in facts.items() if name != "model"}
    save_model(model, out / "lenet5.safetensors", **recipe, recipe=history.settings)
    use_course_style()
    with replacing(out / "curve.png") as temporary:
        plot_history(history).savefig(temporary)
    # Written last: a folder with history.json is a whole one.
    with replacing(out / "history.json") as temporary:
        text = json.dumps(facts | {"history": history.to_dict()}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")
