"""The VAE and its loss, against torch's distributions, functions and sums done by hand."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.nn import functional as F

from lenetcourse import (
    VAE,
    Batches,
    count_parameters,
    evaluate,
    explore_latent,
    kl_to_standard_normal,
    load_dataset,
    mean_kl,
    plot_latent_space,
    reparameterise,
    vae_loss,
)
from lenetcourse.models.vae import VAEOutput

mpl.use("Agg")


def outputs(latent=20, count=6, seed=0):
    torch.manual_seed(seed)
    images = torch.rand(count, 1, 28, 28)
    return VAE(latent)(images), images


def test_shapes_and_weights():
    said, _ = outputs(latent=7)
    assert said.logits.shape == (6, 784)
    assert said.mu.shape == said.logvar.shape == (6, 7)
    assert count_parameters(VAE()) == 652_824  # of PyTorch's example


@pytest.mark.parametrize("wrong", [{"latent": 0}, {"hidden": 0}])
def test_no_units(wrong):
    with pytest.raises(ValueError, match="must be 1 at least"):
        VAE(**wrong)


def test_without_a_draw_the_same_twice():
    torch.manual_seed(0)
    images = torch.rand(3, 1, 28, 28)
    plain, drawn = VAE(sample=False), VAE()
    assert torch.equal(plain(images).logits, plain(images).logits)
    assert not torch.equal(drawn(images).logits, drawn(images).logits)


def test_draws_have_the_mean_and_the_spread():
    torch.manual_seed(0)
    mu, logvar = torch.tensor([[0.7, -2.0]]), torch.tensor([[-0.4, 1.0]])
    draws = reparameterise(mu.expand(200_000, 2), logvar.expand(200_000, 2))
    assert torch.allclose(draws.mean(0), mu[0], atol=0.02)
    assert torch.allclose(draws.var(0), logvar[0].exp(), rtol=0.02)


def test_gradients_pass_through_a_draw():
    torch.manual_seed(0)
    mu = torch.full((500_000,), 0.7, requires_grad=True)
    logvar = torch.full((500_000,), -0.4, requires_grad=True)
    reparameterise(mu, logvar).square().sum().backward()
    assert mu.grad.mean() == pytest.approx(2 * 0.7, abs=0.01)  # of E[z^2] = mu^2 + exp(logvar)
    assert logvar.grad.mean() == pytest.approx(torch.tensor(-0.4).exp().item(), abs=0.01)


def test_kl_is_that_of_torch_and_of_many_draws():
    torch.manual_seed(0)
    mu, logvar = torch.randn(5, 3), torch.randn(5, 3)
    q = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    ours = kl_to_standard_normal(mu, logvar)
    assert torch.allclose(ours, torch.distributions.kl_divergence(q, p).sum(1), atol=1e-5)
    z = q.sample((200_000,))
    estimate = (q.log_prob(z) - p.log_prob(z)).sum(2).mean(0)
    assert torch.allclose(ours, estimate, rtol=0.02, atol=0.02)
    assert kl_to_standard_normal(torch.zeros(1, 3), torch.zeros(1, 3)) == 0
    assert (ours > 0).all()


@pytest.mark.parametrize("beta", [0, 0.5, 1, 4])
def test_loss_sums_over_pixels_and_latents_and_averages_over_images(beta):
    said, images = outputs()
    kl = kl_to_standard_normal(said.mu, said.logvar).sum()
    squared = F.mse_loss(said.logits.sigmoid(), images.flatten(1), reduction="sum")
    bernoulli = F.binary_cross_entropy(said.logits.sigmoid(), images.flatten(1), reduction="sum")
    for name, error in {"mse": squared, "bce": bernoulli}.items():
        loss = vae_loss(said, images, beta, name)
        assert loss.item() == pytest.approx(((error + beta * kl) / 6).item(), rel=1e-5)


def test_loss_takes_images_as_they_are_stored():
    stored = torch.randint(256, (6, 28, 28), dtype=torch.uint8)
    said, _ = outputs()
    assert vae_loss(said, stored) == vae_loss(said, stored[:, None].float() / 255)


def test_loss_is_stable_for_sure_pixels():
    said = VAEOutput(torch.full((1, 784), 1000.0), torch.zeros(1, 2), torch.zeros(1, 2))
    assert vae_loss(said, torch.zeros(1, 1, 28, 28), reconstruction="bce").isfinite()


def test_unknown_reconstruction():
    said, images = outputs()
    with pytest.raises(ValueError, match="unknown reconstruction 'l1': mse or bce"):
        vae_loss(said, images, reconstruction="l1")


def test_mean_kl_is_a_metric():
    torch.manual_seed(0)
    model, images = VAE(2), torch.randint(256, (30, 28, 28), dtype=torch.uint8)
    with torch.no_grad():
        mu, logvar = model.encode(images[:, None].float() / 255)
    measured = evaluate(model, Batches(images, images, 7), vae_loss, {"kl": mean_kl})
    expected = kl_to_standard_normal(mu, logvar).mean().item()
    assert measured["kl"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sample", [True, False])
def test_plane_of_latents(sample):
    torch.manual_seed(0)
    images = load_dataset("digits", "test").first(50)
    model = VAE(2, sample=sample)
    left, right = plot_latent_space(model, images, side=4).axes
    drawn = np.concatenate([line.get_xydata() for line in left.lines])
    mu = model.encode(images.images[:, None] / 255)[0].detach().numpy()
    assert np.allclose(np.sort(drawn[:, 0]), np.sort(mu[:, 0]))
    assert right.images[0].get_array().shape == (4 * 28, 4 * 28)


def test_grid_of_the_plane_has_equal_shares_of_the_normal_distribution():
    """The lowest left tile is the code at the 1/6 quantiles of three rows and columns."""
    torch.manual_seed(0)
    model = VAE(2)
    picture = plot_latent_space(model, load_dataset("digits", "test").first(5), side=3).axes[1]
    corner = picture.images[0].get_array()[-28:, :28]
    point = torch.full((1, 2), norm.ppf(1 / 6), dtype=torch.float32)
    expected = model.decode(point).sigmoid().reshape(28, 28).detach().numpy()
    assert np.allclose(corner, expected, atol=1e-6)


def test_explorer_without_and_with_sliders():
    model = VAE(2)
    assert explore_latent(model, interactive=False) is None
    first, second = explore_latent(model).children[:2]
    assert (first.value, second.value) == (0, 0)
    first.value = 2.5  # draws again


@pytest.mark.parametrize("function", [explore_latent, plot_latent_space])
def test_a_plane_has_two_latents(function):
    with pytest.raises(ValueError, match="a plane has 2 latents, not 3"):
        function(VAE(3), load_dataset("digits", "test").first(5))
