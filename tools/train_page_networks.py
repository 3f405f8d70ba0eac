"""Train the two networks of the page "Walk the plane", and write their weights into book/networks/.

    OMP_NUM_THREADS=1 python tools/train_page_networks.py [--dataset mnist] [--epochs 10] [--seed 0]

They are chapter 05's networks with two latents, trained as there and with its random numbers: the
plain autoencoder first, then the variational one. Each file holds the weights as float16 and, as
metadata, recipe, seed, data set, losses, and the codes of the first 250 test images, which the page
shows as digits in the plane. The pictures of these images go into one sheet beside the scripts of
the page. A figure of the plane, for readers whose browser runs no scripts, goes into
book/figures/plane/. With another number of threads the last bits differ. Then
`python tools/export_web.py` makes scripts of the files. Exits with 2 when there is no such data
set.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window, also where a screen is there

import matplotlib.pyplot as plt
import torch
from notebook.reading import ROOT
from PIL import Image
from torch import Tensor

import lenetcourse as lc
from lenetcourse.files import replacing

FOLDER = Path("book", "networks")
FIGURE = Path("book", "figures", "plane", "vae.png")
SHEET = Path("book", "_static", "network", "weights", "test_images.png")
CODES = 250  # test images whose codes the page shows, as many as chapter 05
COLUMNS = 25  # of these images in their sheet; test_images.js knows it
DOTS = 2000  # test images in the figure
DIGITS = 3  # of a code's numbers, after the point


def untrained(seed: int) -> dict[str, lc.VAE]:
    """Return the networks of chapter 05 with two latents, in the order in which it makes them."""
    torch.manual_seed(seed)
    return {"autoencoder": lc.VAE(latent=2, sample=False), "vae": lc.VAE(latent=2)}


def train(model: lc.VAE, dataset: str, epochs: int, seed: int) -> dict:
    """Train as chapter 05 does; return the recipe and the losses of validation images."""
    images, watched = (lc.load_dataset(dataset, name).images for name in ("train", "validation"))
    history = lc.fit(
        model,
        (images, images),
        (watched, watched),
        epochs=epochs,
        batch_size=128,
        seed=seed,
        loss_fn=partial(lc.vae_loss, beta=float(model.settings["sample"])),
        metrics=metrics_of(model),
        device="cpu",
    )
    return {"recipe": history.settings, "validation": history.validation[history.best_epoch - 1]}


def metrics_of(model: lc.VAE) -> dict:
    """Return what is measured beside the loss: the price, where there is one."""
    return {"kl": lc.mean_kl} if model.settings["sample"] else {}


def rounded(model: lc.VAE) -> lc.VAE:
    """Return a copy of `model` whose weights are float16."""
    copy = lc.VAE(**model.settings)
    copy.load_state_dict(model.state_dict())
    return copy.half()


@torch.no_grad()
def measured(model: lc.VAE, dataset: str, seed: int) -> dict:
    """Return the mean error and price of the test images, and the codes of the first of them.

    A code is [digit, latent 1, latent 2], and of a network with noise their two standard
    deviations.
    """
    test = lc.load_dataset(dataset, "test")
    batches = lc.Batches(test.images, test.images, 1000)
    torch.manual_seed(seed)  # of the noise
    found = lc.evaluate(model, batches, partial(lc.vae_loss, beta=0), metrics_of(model))
    few = test.first(CODES)
    mu, logvar = model.eval().encode(lc.as_inputs(few.images))
    numbers = torch.cat([mu, torch.exp(0.5 * logvar)], 1) if model.settings["sample"] else mu
    codes = [
        [int(digit), *(round(value, DIGITS) for value in row)]
        for digit, row in zip(few.labels, numbers.tolist(), strict=True)
    ]
    return {"test": {"reconstruction": found.pop("loss"), **found}, "codes": codes}


def draw_plane(model: lc.VAE, dataset: str, path: Path) -> None:
    """Draw codes of test images and what a grid of codes decodes to, into a file."""
    lc.use_course_style()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = lc.plot_latent_space(model, lc.load_dataset(dataset, "test").first(DOTS), side=10)
    with replacing(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)


def sheet(images: Tensor) -> Tensor:
    """Return images uint8 (n, h, w) as one, (n / COLUMNS * h, COLUMNS * w), with dark ink."""
    count, height, width = images.shape
    rows = (255 - images).reshape(count // COLUMNS, COLUMNS, height, width)
    return rows.transpose(1, 2).reshape(-1, COLUMNS * width)


def draw_images(dataset: str, path: Path) -> None:
    """Draw the test images whose codes the page shows into one picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(sheet(lc.load_dataset(dataset, "test").first(CODES).images).numpy())
    with replacing(path) as temporary:
        picture.save(temporary, format="PNG", optimize=True)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Train both and write them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist", help="its name (default: mnist)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        for name, model in untrained(options.seed).items():
            facts = train(model, options.dataset, options.epochs, options.seed)
            path = root / FOLDER / f"{name}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            facts |= measured(rounded(model).float(), options.dataset, options.seed)
            lc.save_model(rounded(model), path, dataset=options.dataset, **facts)
            print(f"{path.relative_to(root).as_posix()}: {path.stat().st_size:,} bytes")
        draw_plane(rounded(model).float(), options.dataset, root / FIGURE)
        draw_images(options.dataset, root / SHEET)
    except (lc.CourseError, OSError) as error:
        print(f"train_page_networks: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
