"""The command `lenetcourse`: train, predict, data, doctor."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

# Modules that need torch are imported where they are used: --help answers at once.
from lenetcourse import __version__

SPLITS = ("train", "validation", "test")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 well, 1 something missing, 2 an error."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return _fail("interrupted", code=130)
    # Every error that a reader can cause is one of these three; anything else is our fault.
    except (ValueError, OSError, ArithmeticError) as error:
        return _fail(error)
    except RuntimeError as error:
        from lenetcourse.datasets import DatasetError

        if not isinstance(error, DatasetError):
            raise
        return _fail(error)


def _fail(error: object, code: int = 2) -> int:
    """Print one line on stderr and return the exit code."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        error = f"{error.filename}: {error.strerror}"
    print("lenetcourse: " + " ".join(str(error).split()), file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        sys.exit(_fail(f"{message}; see {self.prog} --help"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("lenetcourse", description="The library of the LeNet course.")
    parser.add_argument("--version", action="version", version=f"lenetcourse {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
    _add_data(commands)
    doctor = commands.add_parser("doctor", help="say what is installed, found and missing")
    doctor.set_defaults(run=lambda options: _doctor())
    return parser


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
    train.add_argument(
        "--augment", action="store_true", help="change the images at random: for own handwriting"
    )
    train.add_argument("--device", default="auto", help="cpu, cuda, mps (default: auto)")
    train.add_argument("--out", type=Path, help="folder (default: runs/lenet5-DATASET-seedS)")
    train.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    train.set_defaults(run=_train)


def _add_predict(commands) -> None:
    predict = commands.add_parser("predict", help="read the digit in pictures")
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE")
    predict.add_argument("--weights", default="reader", help="reader (default), lenet5 or a file")
    predict.add_argument(
        "--json", action="store_true", help="print file, digit, unsure, probabilities"
    )
    predict.add_argument("--show-steps", type=Path, metavar="OUT.png", help="draw the conversion")
    predict.set_defaults(run=_predict)


def _add_data(commands) -> None:
    data = commands.add_parser("data", help="look at, download and export data sets")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in {
        "info": "print sizes and classes",
        "download": "fetch every file into the cache",
        "export-png": "write one folder of PNG files a digit",
        "export-json": "write records {img, label}",
    }.items():
        command = actions.add_parser(action, help=text)
        command.add_argument("name", metavar="NAME", help="mnist, digits, fashion-mnist, ...")
        if action.startswith("export"):
            command.add_argument("--split", choices=SPLITS, default="test", help="default: test")
            command.add_argument("--out", type=Path, help="default: NAME-SPLIT in this folder")
        command.set_defaults(run=_data)


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
    from lenetcourse.train import handwriting

    if options.augment and options.evaluate_train:
        raise ValueError("--augment adds pictures without a digit: drop it, or --evaluate-train")
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
    more = {}
    if options.augment:
        train, more, recipe["added"] = handwriting.prepare(train, options.seed)
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
        **more,
        checkpoint=out / "checkpoint.pt",
        resume=options.resume,
    )
    if not history.validation:
        return _fail(f"interrupted in the first epoch: nothing written to {out}", code=130)
    if options.augment:
        recipe["unsure_below"] = handwriting.unsure_below(model, validation, options.seed)
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


def _predict(options) -> int:
    from lenetcourse import PictureError, load_model, predict_probabilities, to_mnist
    from lenetcourse.train.rejection import is_unsure

    model, facts = load_model(options.weights)
    if model.settings["input_size"] != 28 or model.settings["in_channels"] != 1:
        raise ValueError(f"{options.weights}: made for other pictures than 28x28 pixels of grey")
    results, drawn, code = [], [], 0
    for file in options.files:
        try:
            image, steps = to_mnist(file, return_steps=True)
        except (PictureError, OSError) as error:
            code = _fail(error if str(file) in str(error) else f"{file}: {error}")
            continue
        probabilities = predict_probabilities(model, image[None])
        row = {"file": str(file), "digit": int(probabilities.argmax())}
        row["unsure"] = is_unsure(probabilities, facts)
        results.append(row | {"probabilities": probabilities[0].tolist()})
        drawn.append(steps)
    if options.json:
        print(json.dumps(results))
    else:
        for row in results:
            print(_answer(row))
    if options.show_steps and drawn:
        _draw_steps(drawn, options.show_steps)
    return code


def _answer(row: dict) -> str:
    shares = row["probabilities"]
    best = sorted(range(len(shares)), key=shares.__getitem__, reverse=True)
    first, *others = (f"{digit} ({shares[digit]:.1%})" for digit in best)
    return f"{row['file']}: " + (f"unsure, {first} or {others[0]}" if row["unsure"] else first)


def _draw_steps(drawn: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from lenetcourse import show_steps, use_course_style
    from lenetcourse.files import replacing

    use_course_style()
    with replacing(path) as temporary:
        show_steps(drawn).savefig(temporary, format=path.suffix[1:] or "png")


def _data(options) -> int:
    from lenetcourse import export_json, export_png, load_dataset

    if options.action == "info":
        return _data_info(options.name)
    if options.action == "download":
        from lenetcourse.datasets import download_dataset

        for path in download_dataset(options.name):
            print(path)
        return 0
    image_set = load_dataset(options.name, options.split)
    stem = f"{image_set.name}-{image_set.split}"
    if options.action == "export-png":
        out = options.out or Path(stem)
        count = export_png(image_set, out)
    else:
        out = options.out or Path(f"{stem}.json")
        count = export_json(image_set, out)
    print(f"{count:,} images written to {out}")
    return 0


def _data_info(name: str) -> int:
    from lenetcourse import choose_dataset, load_dataset

    name = choose_dataset(name)
    for split in SPLITS:
        image_set = load_dataset(name, split)
        share = image_set.images.float().div(255)
        print(f"{image_set!r}: mean {share.mean():.4f}, standard deviation {share.std():.4f}")
        print("  images of 0 to 9: " + " ".join(map(str, image_set.labels.bincount().tolist())))
    return 0


def _doctor() -> int:
    from lenetcourse.doctor import diagnose

    lines, well = diagnose()
    print("\n".join(lines))
    return 0 if well else 1
