"""Diffusion against Bayes' rule, simulations, and data whose best denoiser is known exactly."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from lenetcourse.errors import UsageError
from lenetcourse.models.diffusion import NO_LABEL, DiffusionMLP, DiffusionUNet, time_waves
from lenetcourse.models.segmentation import SmallUNet
from lenetcourse.models.summary import count_parameters
from lenetcourse.models.weights import WeightsError
from lenetcourse.train.diffusion import (
    Diffusion,
    NoiseSchedule,
    as_pixels,
    as_signals,
    denoising_loss,
)
from lenetcourse.train.diffusion_file import load_diffusion, save_diffusion
from lenetcourse.train.loop import fit
from lenetcourse.train.sampling import denoising_steps, guided, sample_diffusion

KINDS = ["cosine", "linear"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# The networks


def test_weights_by_hand():
    """Of chapter 06's blocks, with normalisation, and a row of 64 numbers told to each."""

    def convs(inputs, outputs):
        return 9 * inputs * outputs + 9 * outputs**2 + 2 * outputs + 4 * outputs + 65 * outputs

    blocks = convs(1, 16) + convs(16, 32) + convs(32, 64) + convs(64, 32) + convs(32, 16)
    doublings = 4 * 64 * 32 + 32 + 4 * 32 * 16 + 16
    told = 2 * (64 * 64 + 64) + 11 * 64
    assert count_parameters(DiffusionUNet()) == blocks + doublings + told + 17 == 136_817
    hidden = 256 * 256 + 256
    told = 65 * 256 + hidden + 11 * 256
    dense = told + 21 * 256 + 3 * (2 * hidden + 2 * 256) + 257 * 20
    assert count_parameters(DiffusionMLP()) == dense == 492_052


def test_convolutions_are_those_of_the_network_of_chapter_06():
    def kernels(network):
        return [tuple(weight.shape) for weight in network.state_dict().values() if weight.ndim == 4]

    assert kernels(DiffusionUNet(maps=(8, 16, 32))) == kernels(SmallUNet())


@pytest.mark.parametrize(
    "network",
    [DiffusionUNet(maps=(4, 8, 8), in_channels=3, input_size=32), DiffusionMLP(5, 8, 1)],
)
def test_every_argument_is_heard(network):
    x = torch.randn(3, *network.shape, generator=seeded())
    times, labels = torch.tensor([1, 500, 1000]), torch.tensor([0, 9, NO_LABEL])
    with torch.no_grad():
        seen = network(x, times, labels)
        assert seen.shape == x.shape
        assert not torch.allclose(seen, network(x, times + 1, labels))
        assert not torch.allclose(seen, network(x, times, torch.tensor([1, 8, 3])))
        one = network(x[1:2], times[1:2], labels[1:2])  # an image does not see its neighbours
    assert torch.allclose(seen[1:2], one, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        (DiffusionUNet, {"maps": (16, 32)}, "three multiples of 4"),
        (DiffusionUNet, {"maps": (16, 32, 66)}, "three multiples of 4"),
        (DiffusionUNet, {"input_size": 30}, "input_size 30 must be a multiple of 4"),
        (DiffusionUNet, {"classes": -1}, "classes -1 at least 0"),
        (DiffusionMLP, {"blocks": 0}, "blocks 0 must be 1 at least"),
    ],
)
def test_networks_that_cannot_be(kind, wrong, words):
    with pytest.raises(UsageError, match=words):
        kind(**wrong)


def test_waves_tell_times_apart():
    waves = time_waves(torch.tensor([0, 1, 2, 1000]))
    assert waves[0].tolist() == [0.0] * 32 + [1.0] * 32
    assert torch.allclose(waves[:, 0], torch.tensor([0, 1, 2, 1000.0]).sin())
    assert torch.allclose(waves[3, 63], torch.tensor(1000 / 10_000 ** (31 / 32)).cos())
    assert len(time_waves(torch.arange(1001)).unique(dim=0)) == 1001


# The schedule


@pytest.mark.parametrize("kind", KINDS)
def test_noise_step_by_step_is_noise_at_once(kind):
    schedule, random = NoiseSchedule(kind, 60), seeded()
    clean = torch.full((100_000,), 0.8)
    walked = clean.clone()
    for time in range(1, 61):
        beta = float(schedule.beta[time])
        fresh = torch.randn(len(clean), generator=random)
        walked = math.sqrt(1 - beta) * walked + math.sqrt(beta) * fresh
        if time in (1, 20, 45):
            times = torch.full((len(clean),), time)
            jumped = schedule.add_noise(clean, times, torch.randn(len(clean), generator=random))
            for found in (walked, jumped):
                assert found.mean() == pytest.approx(0.8 * float(schedule.signal[time]), abs=0.015)
                assert found.std() == pytest.approx(float(schedule.noise[time]), rel=0.015)
            assert stats.ks_2samp(walked, jumped).pvalue > 0.001


@pytest.mark.parametrize("kind", KINDS)
def test_signal_falls_and_noise_rises(kind):
    schedule = NoiseSchedule(kind)
    assert (schedule.signal.diff() < 0).all()
    assert torch.allclose(schedule.signal**2 + schedule.noise**2, torch.ones(1001).double())
    assert (schedule.signal[0], schedule.noise[0]) == (1, 0)
    assert schedule.signal[1000] < 0.01


def test_schedules_of_the_papers():
    linear, cosine = NoiseSchedule("linear"), NoiseSchedule("cosine")
    assert (float(linear.beta[1]), float(linear.beta[1000])) == pytest.approx((0.0001, 0.02))
    whole = np.cumprod(1 - np.linspace(0.0001, 0.02, 1000))
    assert np.allclose(linear.signal[1:].square(), whole)
    f = np.cos((np.arange(1001) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    assert np.allclose(cosine.signal[:-1].square(), (f / f[0])[:-1])  # the last step is capped
    assert cosine.beta[1000] == 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_about_as_much_noise_in_fewer_steps(kind):
    few, many = NoiseSchedule(kind, 100), NoiseSchedule(kind, 1000)
    assert torch.allclose(few.signal[10:90], many.signal[100:900:10], atol=0.02)


@pytest.mark.parametrize("target", ["noise", "velocity"])
def test_what_is_seen_gives_the_image_back(target):
    model = Diffusion(nn.Identity(), target=target)
    clean, noise = torch.rand(2, 7, 1, 4, 4, dtype=torch.float64, generator=seeded())
    times = torch.tensor([0, 1, 10, 300, 600, 990, 1000])
    noisy = model.schedule.add_noise(clean, times, noise)
    assert torch.equal(noisy[0], clean[0])
    seen = noise if target == "noise" else model.schedule.velocity(clean, times, noise)
    assert torch.allclose(model.clean(noisy, times, seen), clean, atol=1e-9)
    assert model.clean(noisy + 99, times, seen).max() == 1  # clamped to the limit


def test_velocity_is_a_quarter_turn_of_the_noisy_image():
    """Image and noise as the axes of a plane: signal is a cosine, noise a sine (its figure 2)."""
    schedule = NoiseSchedule()
    angle = torch.atan2(schedule.noise, schedule.signal)
    turned = angle + math.pi / 2
    times, one = torch.arange(1001), torch.ones(1001, dtype=torch.float64)
    found = [schedule.velocity(one, times, 0 * one), schedule.velocity(0 * one, times, one)]
    assert torch.allclose(torch.stack(found), torch.stack([turned.cos(), turned.sin()]))


@pytest.mark.parametrize(("later", "earlier"), [(1, 0), (7, 6), (40, 39), (50, 20), (60, 59)])
@pytest.mark.parametrize("kind", KINDS)
def test_step_back_is_that_of_bayes(kind, later, earlier):
    """x_earlier given x_later and x_0, on a fine grid: prior times likelihood, normalised."""
    schedule, clean, noisy = NoiseSchedule(kind, 60), 0.7, -0.4
    signal, noise = schedule.signal.numpy(), schedule.noise.numpy()
    eps = (noisy - signal[later] * clean) / noise[later]
    fresh = schedule.deviation(later, earlier)
    ours = signal[earlier] * clean + math.sqrt(max(noise[earlier] ** 2 - fresh**2, 0)) * eps
    if earlier == 0:
        assert (ours, fresh) == (clean, 0)
        return
    grid = np.linspace(-8, 8, 40_001)
    passed = signal[later] / signal[earlier]
    prior = stats.norm.logpdf(grid, signal[earlier] * clean, noise[earlier])
    seen = stats.norm.logpdf(
        noisy, passed * grid, math.sqrt(noise[later] ** 2 - (passed * noise[earlier]) ** 2)
    )
    weights = np.exp(prior + seen - (prior + seen).max())
    weights /= weights.sum()
    mean = (weights * grid).sum()
    assert ours == pytest.approx(mean, abs=1e-6)
    assert fresh == pytest.approx(math.sqrt((weights * (grid - mean) ** 2).sum()), rel=1e-5)


@pytest.mark.parametrize(
    ("wrong", "words"), [(("square", 10), "cosine or linear"), (("linear", 0), "at least 1")]
)
def test_schedules_that_cannot_be(wrong, words):
    with pytest.raises(UsageError, match=words):
        NoiseSchedule(*wrong)


# Data whose best denoiser is known


class KnownDenoiser(nn.Module):
    """What is best for two bells, at -1.5 and 1, of which the first is met three times in ten."""

    means, spread = torch.tensor([-1.5, 1.0]), 0.3
    shares = torch.tensor([0.3, 0.7])
    shape = (1,)

    def __init__(self, schedule, target):
        super().__init__()
        self.schedule, self.unused = schedule, nn.Parameter(torch.zeros(1))
        self.target = target

    def forward(self, noisy, times, labels):
        signal, noise = self.schedule.at(times, noisy)
        variance = signal**2 * self.spread**2 + noise**2
        away = noisy - signal * self.means  # (n, 2)
        known = F.one_hot(labels.clamp(min=0), 2).log()
        prior = torch.where((labels == NO_LABEL)[:, None], self.shares.log(), known)
        weights = (prior - away**2 / (2 * variance)).softmax(1)
        seen = (weights * noise * away / variance).sum(1, keepdim=True)
        return seen if self.target == "noise" else (seen - noise * noisy) / signal


def known_diffusion(kind="cosine", steps=1000, target="velocity"):
    network = KnownDenoiser(NoiseSchedule(kind, steps), target)
    return Diffusion(network, kind, steps, target, limit=3.0)


def two_bells(x):
    one, other = (stats.norm.cdf(x, mean, 0.3) for mean in (-1.5, 1.0))
    return 0.3 * one + 0.7 * other


@pytest.mark.parametrize(
    ("kind", "steps", "eta", "target"),
    [("cosine", 250, 1.0, "velocity"), ("cosine", 250, 0.0, "noise"),
     ("linear", 250, 1.0, "noise"), ("linear", 250, 0.0, "velocity"),
     ("cosine", 125, 0.5, "velocity")],
)  # fmt: skip
def test_samples_have_the_distribution_of_the_data(kind, steps, eta, target):
    model, labels = known_diffusion(kind, 250, target), torch.full((4000,), NO_LABEL)
    found = sample_diffusion(model, labels, steps, eta, generator=seeded(), batch_size=4000)
    assert stats.kstest(found[:, 0].numpy(), two_bells).pvalue > 0.001


def test_few_steps_come_near():
    labels = torch.full((4000,), NO_LABEL)
    apart = {}
    for steps in (2, 10, 50):
        found = sample_diffusion(
            known_diffusion(), labels, steps, generator=seeded(), batch_size=4000
        )
        apart[steps] = stats.kstest(found[:, 0].numpy(), two_bells).statistic
    assert apart[50] < 0.04 < apart[2]
    assert apart[10] < apart[2]


@pytest.mark.parametrize("label", [0, 1])
def test_label_chooses_the_class(label):
    model, labels = known_diffusion(), torch.full((2000,), label)
    found = sample_diffusion(model, labels, 200, 0.0, generator=seeded(), batch_size=2000)[
        :, 0
    ].numpy()
    mean = float(KnownDenoiser.means[label])
    assert stats.kstest(found, stats.norm(mean, 0.3).cdf).pvalue > 0.001


def test_guidance_goes_further_from_the_other_class():
    model, labels = known_diffusion(), torch.ones(1000, dtype=torch.long)
    means = [
        float(sample_diffusion(model, labels, 100, guidance=strength, generator=seeded()).mean())
        for strength in (0, 1, 3)
    ]
    assert means[0] == pytest.approx(1.0, abs=0.05)
    assert means[0] < means[1] < means[2]


def test_guidance_by_hand():
    def network(noisy, times, labels):
        return torch.where(labels == NO_LABEL, 0.2, 0.5)[:, None]

    x, times, labels = torch.zeros(3, 1), torch.ones(3), torch.tensor([0, 4, NO_LABEL])
    assert guided(network, x, times, labels, 0).flatten().tolist() == [
        0.5,
        0.5,
        pytest.approx(0.2),
    ]
    seen = guided(network, x, times, labels, 2.0).flatten()
    assert torch.allclose(seen, torch.tensor([1.1, 1.1, 0.2]))  # 0.5 + 2 (0.5 - 0.2)


def test_ddim_is_the_same_twice_and_ddpm_is_not():
    model, labels = known_diffusion(), torch.tensor([0, 1, NO_LABEL])
    noise = torch.randn(3, 1, generator=seeded())

    def last(eta):
        *_, step = denoising_steps(model, noise, labels, 20, eta)
        return step.noisy

    assert torch.equal(last(0.0), last(0.0))
    assert not torch.equal(last(1.0), last(1.0))
    again = [sample_diffusion(model, labels, 20, 1.0, generator=seeded(5)) for _ in range(2)]
    assert torch.equal(*again)


def test_steps_on_the_way():
    model, noise = known_diffusion(target="noise"), torch.randn(6, 1, generator=seeded())
    walk = list(denoising_steps(model, noise, torch.full((6,), NO_LABEL), 8))
    assert [step.time for step in walk] == [875, 750, 625, 500, 375, 250, 125, 0]
    assert all(step.clean.abs().max() <= 3 for step in walk)
    assert torch.equal(walk[-1].noisy, walk[-1].clean)
    for before, after in pairwise(walk):  # by the definition of DDIM, its equation 12
        a, s = model.schedule.at(torch.tensor([after.time]), noise)
        now = torch.full((6,), before.time)
        seen = model.network(before.noisy, now, torch.full((6,), NO_LABEL))
        old, much = model.schedule.at(now, noise)
        clean = (before.noisy - much * seen) / old
        expected = a * clean + s * seen
        inside = clean.abs() < 3
        assert torch.allclose(after.noisy[inside], expected[inside], atol=1e-4)


def test_all_times_are_visited():
    model = known_diffusion(steps=30)
    walk = denoising_steps(model, torch.randn(2, 1), torch.tensor([0, 1]), 30, 1.0)
    assert [step.time for step in walk] == list(range(29, -1, -1))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"steps": 0}, "from 1 to 1000, not 0"), ({"steps": 1001}, "not 1001"), ({"eta": 1.5}, "eta"),
     ({"guidance": -1}, "guidance -1"), ({"guidance": math.nan}, "guidance nan")],
)  # fmt: skip
def test_samplers_that_cannot_be(wrong, words):
    with pytest.raises(UsageError, match=words):
        sample_diffusion(known_diffusion(), torch.zeros(2, dtype=torch.long), **wrong)


def test_no_labels_no_images():
    assert (
        sample_diffusion(Diffusion(DiffusionUNet((4, 4, 4))), torch.zeros(0).long()).shape[0] == 0
    )


# The loss, and fit


@pytest.mark.parametrize("target", ["noise", "velocity"])
def test_loss_of_the_best_denoiser(target):
    """For a bell of deviation s around 0: Bayes gives the mean of the noise, and its variance."""

    class Best(nn.Module):
        def forward(self, noisy, times, labels):
            a, b = model.schedule.at(times, noisy)
            seen = b * noisy / (a**2 * 0.25 + b**2)
            return seen if target == "noise" else (seen - b * noisy) / a

    model = Diffusion(Best(), target=target).eval()
    clean = 0.5 * torch.randn(40_000, 1, generator=seeded())
    a, b = model.schedule.signal[1:], model.schedule.noise[1:]
    expected = a**2 * 0.25 / (a**2 * 0.25 + b**2)
    expected = expected if target == "noise" else expected / a**2
    loss = denoising_loss(model(torch.zeros(40_000).long()), clean)
    assert float(loss) == pytest.approx(float(expected.mean()), rel=0.02)


def test_times_are_spread_evenly_and_evaluation_repeats_them():
    heard = []

    class Listens(nn.Module):
        def forward(self, noisy, times, labels):
            heard.append((noisy, times))
            return noisy

    model = Diffusion(Listens(), steps=50)
    clean = torch.zeros(100, 2)
    losses = [denoising_loss(model.eval()(torch.zeros(100).long()), clean) for _ in range(2)]
    assert losses[0] == losses[1]
    assert torch.equal(heard[0][0], heard[1][0])
    assert heard[0][1].bincount(minlength=51).tolist() == [0] + [2] * 50
    torch.manual_seed(0)
    losses = [denoising_loss(model.train()(torch.zeros(100).long()), clean) for _ in range(2)]
    assert losses[0] != losses[1]
    assert heard[2][1].bincount(minlength=51).tolist() == [0] + [2] * 50


@pytest.mark.parametrize("withheld", [0.0, 0.1, 1.0])
def test_labels_are_withheld_in_training_only(withheld):
    model, labels = Diffusion(nn.Identity(), withheld=withheld), torch.full((20_000,), 7)
    torch.manual_seed(0)
    told = model.train()(labels).labels
    assert float((told == NO_LABEL).float().mean()) == pytest.approx(withheld, abs=0.01)
    assert set(told.unique().tolist()) <= {7, NO_LABEL}
    assert torch.equal(model.eval()(labels).labels, labels)


@pytest.mark.parametrize(
    "wrong", [{"withheld": 1.5}, {"limit": 0}, {"limit": math.nan}, {"target": "image"}]
)
def test_diffusions_that_cannot_be(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Diffusion(nn.Identity(), **wrong)


def test_images_as_signals_and_back():
    images = torch.randint(256, (5, 28, 28), dtype=torch.uint8, generator=seeded())
    signals = as_signals(images)
    assert signals.shape == (5, 1, 28, 28)
    assert (signals.min(), signals.max()) == (-1, 1)
    assert torch.equal(as_pixels(signals), images)
    colour = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8, generator=seeded())
    assert torch.equal(as_pixels(as_signals(colour)), colour)
    codes = torch.randn(5, 20)
    assert as_signals(codes) is codes
    assert as_pixels(torch.tensor([[[[-3.0, 3.0]]]])).tolist() == [[[0, 255]]]


def small_run(tmp_path, epochs, **more):
    codes = torch.randn(300, 4, generator=seeded(1)) * torch.tensor([1, 0.5, 0.1, 0.1])
    labels = (codes[:, 0] > 0).long()
    torch.manual_seed(0)
    model = Diffusion(DiffusionMLP(4, 16, 1, classes=2), steps=100, limit=4.0)
    history = fit(
        model, (labels, codes), (labels[:50], codes[:50]), epochs=epochs, lr=0.01, seed=3,
        batch_size=50, loss_fn=denoising_loss, metrics={}, device="cpu", verbose=False, **more,
    )  # fmt: skip
    return model, history


def test_fit_trains_it_and_goes_on_bit_for_bit(tmp_path):
    whole, history = small_run(tmp_path, 4)
    losses = [row["loss"] for row in history.validation]
    assert losses[-1] < losses[0]
    small_run(tmp_path, 2, checkpoint=tmp_path / "c.pt")
    resumed, again = small_run(tmp_path, 4, checkpoint=tmp_path / "c.pt", resume=True)
    assert again.train_loss == history.train_loss
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


# Files


def test_a_file_gives_the_model_back(tmp_path):
    torch.manual_seed(0)
    model = Diffusion(DiffusionUNet((4, 8, 8), input_size=8), "linear", 40, limit=2.0)
    save_diffusion(model, tmp_path / "d.safetensors", seed=5)
    loaded, facts = load_diffusion(tmp_path / "d.safetensors")
    assert facts["seed"] == 5
    assert not loaded.training
    assert loaded.settings == model.settings
    labels = torch.tensor([3, NO_LABEL])
    made = [sample_diffusion(m, labels, 5, generator=seeded()) for m in (model, loaded)]
    assert torch.allclose(*made, atol=0.02)  # two bytes a weight
    for name, value in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value.half().float())
    assert (tmp_path / "d.safetensors").stat().st_size < 2 * count_parameters(model) + 6000


def test_files_that_are_no_diffusion_model(tmp_path):
    path = tmp_path / "d.safetensors"
    with pytest.raises(FileNotFoundError, match="no such weights file"):
        load_diffusion(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_diffusion(path)
    with pytest.raises(UsageError, match="SmallUNet is none of DiffusionUNet, DiffusionMLP"):
        save_diffusion(Diffusion(SmallUNet()), path)
    model = Diffusion(DiffusionMLP(3, 4, 1))
    for settings in ({"size": 4}, {"size": 0}, {"width": 4}):
        model.network.settings = settings
        save_diffusion(model, path)
        with pytest.raises(WeightsError, match="no diffusion model saved by this course"):
            load_diffusion(path)
