"""The training loop: batches, one epoch, evaluation, and runs that are stopped and taken up."""

import json
import re
from functools import partial

import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lenetcourse import (
    VAE,
    Batches,
    History,
    LeNet5,
    TrainingDiverged,
    accuracy,
    adam,
    confidence_interval,
    evaluate,
    fit,
    load_dataset,
    mean_kl,
    pick_device,
    predict_probabilities,
    train_one_epoch,
    vae_loss,
)
from lenetcourse.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from lenetcourse.train.run import random_state, set_random_state

TRAIN = load_dataset("digits", "train").first(200)
VALIDATION = load_dataset("digits", "validation")  # 197 images
BATCH = 40  # five batches an epoch


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def small_lenet(dropout=0.1, seed=0):
    torch.manual_seed(seed)
    return LeNet5((2, 4), dropout=dropout)


def train(model=None, images=TRAIN, **recipe):
    """Run `fit` on a few digits; return the model and its history."""
    model = small_lenet() if model is None else model
    usual = {"epochs": 2, "lr": 0.005, "batch_size": BATCH, "device": "cpu", "verbose": False}
    return model, fit(model, images, VALIDATION, **(usual | recipe))


def same_weights(one, other):
    one, other = (x.state_dict() if isinstance(x, nn.Module) else x for x in (one, other))
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def weights_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


class FailsAt:
    """Cross entropy that raises `error` in training batch `count`, and counts only those."""

    def __init__(self, count, error):
        self.left, self.error = count, error

    def __call__(self, outputs, targets):
        if torch.is_grad_enabled():
            self.left -= 1
            if self.left == 0:
                raise self.error
        return F.cross_entropy(outputs, targets)


def stopping(count, error):
    """Return a network that raises `error` in training batch `count`."""
    model = small_lenet()
    left = iter(range(count - 1, -1, -1))

    def hook(module, inputs):
        if module.training and next(left) == 0:
            raise error

    model.register_forward_pre_hook(hook)
    return model


# Batches


@pytest.mark.parametrize("generator", [None, seeded(0)], ids=["in order", "shuffled"])
def test_every_image_once_an_epoch_and_a_short_last_batch(generator):
    batches = Batches(torch.arange(23), torch.arange(23) * 2, batch_size=5, generator=generator)
    for _ in range(3):
        pairs = list(batches)
        assert [len(inputs) for inputs, _ in pairs] == [5, 5, 5, 5, 3]
        assert len(batches) == 5
        inputs = torch.cat([inputs for inputs, _ in pairs])
        assert sorted(inputs.tolist()) == list(range(23))
        assert torch.equal(torch.cat([targets for _, targets in pairs]), inputs * 2)


def order_of(batches):
    return [number for inputs, _ in batches for number in inputs.tolist()]


def test_order():
    numbers = torch.arange(50)
    plain = Batches(numbers, numbers, 8)
    assert order_of(plain) == order_of(plain) == numbers.tolist()
    one, other = (Batches(numbers, numbers, 8, seeded(3)) for _ in range(2))
    epochs = [order_of(one) for _ in range(3)]
    assert epochs == [order_of(other) for _ in range(3)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert order_of(Batches(numbers, numbers, 8, seeded(4))) != epochs[0]


def test_bytes_become_floats_with_a_channel_and_floats_pass():
    images = torch.arange(256, dtype=torch.uint8).reshape(4, 8, 8)
    (inputs, _), *_ = Batches(images, torch.zeros(4))
    assert inputs.shape == (4, 1, 8, 8)
    assert inputs.dtype == torch.float32
    assert torch.equal(inputs.flatten(), torch.arange(256.0) / 255)
    floats = torch.randn(4, 3, generator=seeded(0))
    (inputs, _), *_ = Batches(floats, torch.zeros(4))
    assert torch.equal(inputs, floats)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_size_below_one(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, not {batch_size}"):
        Batches(torch.zeros(3), torch.zeros(3), batch_size)


@pytest.mark.parametrize(("inputs", "targets"), [(3, 2), (0, 0)])
def test_lengths_that_make_no_batches(inputs, targets):
    with pytest.raises(ValueError, match=f"{inputs} inputs and {targets} targets"):
        Batches(torch.zeros(inputs), torch.zeros(targets))


# One epoch and evaluation, against a loop written by hand


@pytest.mark.parametrize("one_cycle", [False, True])
def test_one_epoch_is_the_usual_loop(one_cycle):
    def prepare():
        model = small_lenet()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=5)
        return model, optimizer, cycle if one_cycle else None

    ours, optimizer, scheduler = prepare()
    batches = Batches(TRAIN.images, TRAIN.labels, BATCH, seeded(7))
    losses = train_one_epoch(ours, batches, F.cross_entropy, optimizer, scheduler)

    model, optimizer, scheduler = prepare()
    expected = []
    for chosen in torch.randperm(200, generator=seeded(7)).split(BATCH):
        optimizer.zero_grad()
        scores = model(TRAIN.images[chosen].unsqueeze(1) / 255)
        loss = F.cross_entropy(scores, TRAIN.labels[chosen])
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        expected.append(loss.item())
    assert losses == expected
    assert same_weights(ours, model)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("batch_size", [60, 197, 1000])
def test_evaluate(batch_size, training):
    model = small_lenet(dropout=0.5).train(training)
    batches = Batches(VALIDATION.images, VALIDATION.labels, batch_size)
    measured = evaluate(model, batches, F.cross_entropy, {"accuracy": accuracy, "share": accuracy})
    assert list(measured) == ["loss", "accuracy", "share"]
    assert model.training is training
    with torch.no_grad():
        scores = model.eval()(VALIDATION.images.unsqueeze(1) / 255)
    right = accuracy_score(VALIDATION.labels, scores.argmax(1))
    assert measured["accuracy"] == pytest.approx(right, abs=1e-6)
    rows = F.cross_entropy(scores, VALIDATION.labels, reduction="none").tolist()
    assert measured["loss"] == pytest.approx(sum(rows) / 197, rel=1e-5)
    assert all(weight.grad is None for weight in model.parameters())


# Metrics


def test_accuracy():
    scores = torch.tensor([[0.1, 0.9], [2.0, 1.0], [0.3, 0.4], [-1.0, -2.0]])
    assert accuracy(scores, torch.tensor([1, 0, 0, 1])).item() == 0.5


@pytest.mark.parametrize(("right", "count"), [(0, 5), (5, 5), (9905, 10_000), (330, 350), (1, 2)])
def test_confidence_interval(right, count):
    low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert confidence_interval(right / count, count) == pytest.approx((low, high), abs=1e-7)


@pytest.mark.parametrize(("share", "count"), [(0.5, 0), (-0.1, 9), (1.1, 9), (float("nan"), 9)])
def test_confidence_interval_of_nonsense(share, count):
    with pytest.raises(ValueError, match="makes no sense"):
        confidence_interval(share, count)


@pytest.mark.parametrize("training", [True, False])
def test_predict_probabilities(training):
    model = small_lenet(dropout=0.5).train(training)
    found = predict_probabilities(model, VALIDATION.images, batch_size=60)
    assert model.training is training
    assert not found.requires_grad
    with torch.no_grad():
        expected = model.eval()(VALIDATION.images.unsqueeze(1) / 255).softmax(1)
    torch.testing.assert_close(found, expected)


# A run


def test_the_seed_decides_the_weights():
    one, history = train(seed=5)
    other, same_history = train(seed=5)
    assert same_weights(one, other)
    assert history == same_history
    different, _ = train(seed=6)  # from the same first weights
    assert not same_weights(one, different)


def test_it_learns():
    model, history = train(epochs=4, lr=0.01)
    assert history.train_loss[-1] < 0.7 * history.train_loss[0]
    kept = evaluate(model, Batches(VALIDATION.images, VALIDATION.labels, 1000), F.cross_entropy, {})
    assert kept["loss"] == history.validation[history.best_epoch - 1]["loss"]


def test_what_the_history_holds():
    _, history = train(epochs=2, log_every=2, seed=3)
    assert len(history.train_loss) == len(history.validation) == 2
    assert [seen for seen, _ in history.batch_loss] == [2, 5, 7, 10]  # five batches an epoch
    for epoch in (0, 1):
        first, second = (loss for _, loss in history.batch_loss[2 * epoch : 2 * epoch + 2])
        mean = (2 * first + 3 * second) / 5
        assert mean == pytest.approx(history.train_loss[epoch])
    assert all(set(row) == {"loss", "accuracy"} for row in history.validation)
    assert not history.interrupted
    assert history.settings == {
        "epochs": 2,
        "lr": 0.005,
        "schedule": "constant",
        "batch_size": BATCH,
        "seed": 3,
        "train_images": 200,
        "evaluate_train": False,
        "augment": None,
        "optimizer": "Adam",
        "loss": "cross_entropy",
    }
    assert History(**json.loads(json.dumps(history.to_dict()))) == history


def test_weights_of_the_best_epoch_are_kept():
    model, after_epoch = small_lenet(), []
    rigged = iter([3.0, 1.0, 2.0, 1.0])

    def loss_fn(outputs, targets):
        if torch.is_grad_enabled():
            return F.cross_entropy(outputs, targets)
        after_epoch.append(weights_of(model))
        return torch.tensor(next(rigged))

    _, history = train(model, epochs=4, loss_fn=loss_fn)
    assert history.best_epoch == 2
    assert same_weights(model, after_epoch[1])
    assert not same_weights(model, after_epoch[3])


def test_one_line_an_epoch(capsys):
    train(verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2: train loss ")
    assert "validation loss" in lines[1]
    assert "accuracy" in lines[1]
    train()
    assert capsys.readouterr() == ("", "")


def learning_rates(**recipe):
    rates = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    try:
        train(lr=0.02, **recipe)
    finally:
        hook.remove()
    return rates


def test_one_cycle_rises_to_the_learning_rate_and_falls():
    rates = learning_rates(epochs=4, schedule="one-cycle")
    assert len(rates) == 20
    top = rates.index(max(rates))
    assert 3 <= top <= 8
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(0.02)
    assert rates[0] < 0.002
    assert rates[-1] < 0.00002


def test_constant_learning_rate():
    assert learning_rates(epochs=2) == [0.02] * 10


@pytest.mark.parametrize("batch_size", [200, 100, 70])
def test_one_cycle_of_very_few_steps(batch_size):
    assert len(learning_rates(epochs=1, schedule="one-cycle", batch_size=batch_size)) <= 3


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"schedule": "cosine"}, "unknown schedule 'cosine': constant or one-cycle"),
        ({"batch_size": 0}, "batch_size"),
        ({"lr": -1.0}, "learning rate"),
        ({"resume": True}, "resume needs the checkpoint"),
        ({"device": "toaster"}, "unknown device 'toaster'"),
        ({"evaluate_train": "first"}, "evaluate_train is True, False or 'last', not 'first'"),
    ],
    ids=str,
)
def test_bad_recipes(recipe, message):
    model = small_lenet()
    before = weights_of(model)
    with pytest.raises(ValueError, match=message):
        train(model, **recipe)
    assert same_weights(model, before)


# Devices


@pytest.fixture
def machine(monkeypatch):
    def make(gpus=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


def test_devices_that_are_there(machine):
    machine()
    assert pick_device().type == pick_device("cpu").type == "cpu"
    machine(mps=True)
    assert pick_device("auto").type == "mps"
    machine(gpus=2, mps=True)
    assert pick_device("auto").type == "cuda"
    assert pick_device("cuda:1") == torch.device("cuda:1")
    assert pick_device(torch.device("mps")).type == "mps"


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_devices_that_are_not_there(machine, name):
    machine()
    with pytest.raises(ValueError, match=f"this machine has no {name} device: use device='cpu'"):
        pick_device(name)
    with pytest.raises(ValueError, match="this machine has no"):
        train(device=name)
    machine(gpus=1)
    with pytest.raises(ValueError, match="cuda:3"):
        pick_device("cuda:3")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:x", "meta", "xla"])
def test_devices_that_are_none(name):
    with pytest.raises(ValueError, match=f"unknown device '{name}': auto, cpu, cuda or mps"):
        pick_device(name)


# Runs that end early


def test_a_loss_that_is_no_number():
    calls = []

    def loss_fn(outputs, targets):
        calls.append(torch.is_grad_enabled())
        factor = float("nan") if calls.count(True) == 8 else 1.0  # batch 3 of epoch 2
        return F.cross_entropy(outputs, targets) * factor

    model = small_lenet()
    message = r"loss of batch 3 is nan in epoch 2: try a learning rate below 0\.005"
    with pytest.raises(TrainingDiverged, match=message):
        train(model, epochs=3, loss_fn=loss_fn)
    once, _ = train(epochs=1)
    assert same_weights(model, once)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_inputs_that_are_no_numbers(bad):
    model = small_lenet()
    before = weights_of(model)
    inputs = TRAIN.images.unsqueeze(1) / 255
    inputs[:, 0, 0, 0] = bad
    with pytest.raises(TrainingDiverged, match="loss of batch 1 is nan in epoch 1"):
        train(model, (inputs, TRAIN.labels))
    assert same_weights(model, before)


def test_a_learning_rate_that_is_far_too_large():
    model = small_lenet()
    with pytest.raises(TrainingDiverged, match="try a learning rate below"):
        train(model, lr=1e9)
    assert all(weight.isfinite().all() for weight in model.parameters())


def test_ctrl_c(capsys):
    loss_fn = FailsAt(8, KeyboardInterrupt())  # batch 3 of epoch 2
    model, history = train(epochs=9, loss_fn=loss_fn, verbose=True)
    assert history.interrupted
    assert history.best_epoch == len(history.validation) == len(history.train_loss) == 1
    once, _ = train(epochs=1)
    assert same_weights(model, once)
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1] == "stopped in epoch 2: keeping the weights of epoch 1"
    assert "Traceback" not in captured.err


def test_ctrl_c_in_the_first_epoch():
    model = small_lenet()
    before = weights_of(model)
    _, history = train(model, loss_fn=FailsAt(2, KeyboardInterrupt()))
    assert history.interrupted
    assert (history.best_epoch, history.validation) == (0, [])
    assert same_weights(model, before)


# Runs that are taken up again

schedules = pytest.mark.parametrize("schedule", ["constant", "one-cycle"])


@schedules
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("power cut")], ids=type)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, schedule, error):
    recipe = {"epochs": 4, "schedule": schedule, "seed": 2}
    whole, whole_history = train(checkpoint=tmp_path / "whole.pt", **recipe)
    recipe["checkpoint"] = tmp_path / "stopped.pt"
    try:
        train(stopping(13, error), **recipe)  # batch 3 of epoch 3
    except RuntimeError:
        assert isinstance(error, RuntimeError)
    assert len(load_checkpoint(recipe["checkpoint"])["history"]["train_loss"]) == 2
    torch.rand(100)  # the random state before it must not matter
    resumed, history = train(small_lenet(seed=99), resume=True, **recipe)
    assert same_weights(resumed, whole)
    assert history == whole_history
    last, whole_last = (load_checkpoint(tmp_path / f"{name}.pt") for name in ("stopped", "whole"))
    assert same_weights(last["model"], whole_last["model"])
    assert torch.equal(last["random"], whole_last["random"])


def test_dropout_matters_for_that(tmp_path):
    """A run that starts anew at epoch 3 does not give the same weights: the test above can fail."""
    whole, _ = train(epochs=4)
    model, _ = train(epochs=2, checkpoint=tmp_path / "x.pt")
    model.load_state_dict(load_checkpoint(tmp_path / "x.pt")["model"])
    anew, _ = train(model, epochs=2)
    assert not same_weights(anew, whole)


def test_the_best_weights_survive_a_stop(tmp_path):
    rigged = iter([1.0, 2.0, 3.0])

    def loss_fn(outputs, targets):
        loss = F.cross_entropy(outputs, targets)
        return loss if torch.is_grad_enabled() else loss * 0 + next(rigged)

    once, _ = train(epochs=1)
    train(epochs=2, checkpoint=tmp_path / "x.pt", loss_fn=loss_fn)
    model, history = train(
        small_lenet(seed=9), epochs=3, checkpoint=tmp_path / "x.pt", resume=True, loss_fn=loss_fn
    )
    assert history.best_epoch == 1
    assert len(history.validation) == 3
    assert same_weights(model, once)


def test_a_constant_rate_goes_on_for_more_epochs(tmp_path):
    train(epochs=2, checkpoint=tmp_path / "x.pt")
    resumed, history = train(epochs=4, checkpoint=tmp_path / "x.pt", resume=True)
    whole, whole_history = train(epochs=4)
    assert same_weights(resumed, whole)
    assert history == whole_history


def test_a_finished_run_is_not_trained_further(tmp_path):
    model, history = train(checkpoint=tmp_path / "x.pt")
    again, same_history = train(small_lenet(seed=9), checkpoint=tmp_path / "x.pt", resume=True)
    assert same_weights(model, again)
    assert history == same_history


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"lr": 0.001}, r"its lr is 0\.005, not 0\.001"),
        ({"batch_size": 50}, "its batch_size is 40, not 50"),
        ({"seed": 1}, "its seed is 0, not 1"),
        ({"schedule": "constant"}, "its schedule is one-cycle, not constant"),
        ({"epochs": 3}, "its epochs is 2, not 3"),
        ({"model": LeNet5((2, 5), dropout=0.1)}, "another network"),
        ({"model": LeNet5((2, 4), dropout=0.2)}, "another network, or another dropout"),
    ],
    ids=["lr", "batch_size", "seed", "schedule", "epochs", "kernels", "dropout"],
)
def test_resume_refuses_another_run(tmp_path, other, message):
    recipe = {"schedule": "one-cycle", "checkpoint": tmp_path / "x.pt"}
    train(**recipe)
    with pytest.raises(CheckpointError, match=message) as caught:
        train(resume=True, **(recipe | other))
    assert "x.pt" in str(caught.value)


def test_adam_is_the_usual_one():
    one, other = small_lenet(dropout=0.0), small_lenet(dropout=0.0)
    for model, make in ((one, adam), (other, torch.optim.Adam)):
        batches = Batches(TRAIN.images, TRAIN.labels, BATCH)
        train_one_epoch(model, batches, F.cross_entropy, make(model.parameters(), lr=0.01))
    for weight, expected in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, atol=1e-5, rtol=1e-4)


def test_adam_where_no_device_has_it_in_one_pass(monkeypatch):
    usual = torch.optim.Adam

    def without(weights, lr, fused=None):
        if fused:
            raise RuntimeError("`fused=True` requires all the params to be ... supported devices")
        return usual(weights, lr=lr)

    monkeypatch.setattr(torch.optim, "Adam", without)
    assert not adam(small_lenet().parameters(), 0.1).defaults["fused"]


def dense_with_dropout(seed=0):
    """Return a network that computes the same bits every time, also on a GPU."""
    torch.manual_seed(seed)
    layers = nn.Linear(784, 30), nn.ReLU(), nn.Dropout(0.5), nn.Linear(30, 10)
    return nn.Sequential(nn.Flatten(), *layers)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_run_on_a_gpu_is_resumed_with_its_dropout(tmp_path):
    recipe = {"device": "cuda", "checkpoint": tmp_path / "x.pt"}
    whole, history = train(dense_with_dropout(), epochs=4, device="cuda")
    train(dense_with_dropout(), epochs=2, **recipe)
    torch.rand(100, device="cuda")  # the random state before it must not matter
    resumed, same_history = train(dense_with_dropout(9), epochs=4, resume=True, **recipe)
    assert same_history == history
    assert same_weights(resumed, whole)
    train(dense_with_dropout(), epochs=2, **recipe)
    state = load_checkpoint(tmp_path / "x.pt")
    save_checkpoint(state | {"random_of_device": {}}, tmp_path / "x.pt")
    other, _ = train(dense_with_dropout(9), epochs=4, resume=True, **recipe)
    assert not same_weights(other, whole)  # so the test can fail


def test_the_random_state_of_a_gpu_is_kept(monkeypatch):
    kept, device = torch.arange(3, dtype=torch.uint8), torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "get_rng_state", {device: kept}.__getitem__)
    found = []
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda *arguments: found.append(arguments))
    state = random_state(device)
    assert state == {"cuda": kept}
    set_random_state(state, device)
    set_random_state({}, device)  # saved on a CPU
    set_random_state(state, torch.device("cpu"))
    assert found == [(kept, device)]
    assert random_state(torch.device("cpu")) == {}


MOMENTUM = partial(torch.optim.SGD, momentum=0.5)


def test_another_optimizer():
    """Three epochs with SGD and momentum, by hand and by `fit`."""
    model, history = train(small_lenet(), epochs=3, optimizer=MOMENTUM, lr=0.05, seed=5)
    assert history.settings["optimizer"] == "SGD, momentum 0.5"
    hand = small_lenet()
    optimizer = torch.optim.SGD(hand.parameters(), lr=0.05, momentum=0.5)
    batches = Batches(TRAIN.images, TRAIN.labels, BATCH, torch.Generator().manual_seed(5))
    torch.manual_seed(5)
    losses = [train_one_epoch(hand, batches, F.cross_entropy, optimizer) for _ in range(3)]
    assert history.best_epoch == 3  # so the weights are the last ones
    assert [sum(epoch) / len(epoch) for epoch in losses] == history.train_loss
    assert same_weights(model, hand)


def test_momentum_is_resumed_and_another_optimizer_refused(tmp_path):
    recipe = {"optimizer": MOMENTUM, "lr": 0.05, "checkpoint": tmp_path / "x.pt"}
    whole, _ = train(epochs=3, **(recipe | {"checkpoint": None}))
    train(epochs=2, **recipe)
    resumed, _ = train(small_lenet(seed=9), epochs=3, resume=True, **recipe)
    assert same_weights(resumed, whole)
    with pytest.raises(CheckpointError, match=r"optimizer is SGD, momentum 0\.5, not Adam"):
        train(epochs=3, resume=True, **(recipe | {"optimizer": torch.optim.Adam}))


def test_resume_refuses_another_loss(tmp_path):
    def recipe(beta, **more):
        return {
            "epochs": 2,
            "loss_fn": partial(vae_loss, beta=beta),
            "metrics": {"kl": mean_kl},
            "checkpoint": tmp_path / "x.pt",
            "device": "cpu",
            "verbose": False,
        } | more

    data = (TRAIN.images, TRAIN.images)
    fit(VAE(2, 8), data, data, **recipe(1))
    fit(VAE(2, 8), data, data, resume=True, **recipe(1))
    for model, other, message in (
        (VAE(2, 8), recipe(4), r"its loss is vae_loss\(beta=1\), not vae_loss\(beta=4\)"),
        (VAE(2, 8), recipe(1, loss_fn=vae_loss), r"its loss is vae_loss\(beta=1\), not vae_loss"),
        (VAE(2, 8), recipe(1, metrics={}), "its metrics is kl, not none"),
        (VAE(2, 8), recipe(1, log_every=3), "its log_every is 50, not 3"),
        (VAE(2, 8, sample=False), recipe(1), r"another network.* VAE\(.*sample=True.* not VAE\("),
    ):
        with pytest.raises(CheckpointError, match=message):
            fit(model, data, data, resume=True, **other)


def test_resume_refuses_other_settings_of_the_optimizer(tmp_path):
    recipe = {"checkpoint": tmp_path / "x.pt", "optimizer": MOMENTUM}
    train(**recipe)
    other = partial(torch.optim.SGD, momentum=0.5, weight_decay=0.1)
    with pytest.raises(CheckpointError, match=r"not SGD, momentum 0\.5, weight_decay 0\.1"):
        train(resume=True, **(recipe | {"optimizer": other}))


def test_resume_refuses_other_images(tmp_path):
    train(checkpoint=tmp_path / "x.pt")
    others = load_dataset("digits", "train").images[200:400], TRAIN.labels
    with pytest.raises(CheckpointError, match=r"its training data, uint8 .* other images"):
        train(images=others, checkpoint=tmp_path / "x.pt", resume=True)


def test_a_checkpoint_of_an_older_version(tmp_path):
    train(checkpoint=tmp_path / "x.pt")
    state = load_checkpoint(tmp_path / "x.pt")
    del state["identity"]
    save_checkpoint(state | {"network": repr(small_lenet())}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"older version of the course.*without resume"):
        train(checkpoint=tmp_path / "x.pt", resume=True)


def test_resume_refuses_another_number_of_images(tmp_path):
    train(checkpoint=tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="its train_images is 200, not 100"):
        train(images=TRAIN.first(100), checkpoint=tmp_path / "x.pt", resume=True)


def test_resume_without_a_usable_checkpoint(tmp_path):
    path = tmp_path / "x.pt"
    with pytest.raises(FileNotFoundError, match="no checkpoint to resume from"):
        train(checkpoint=path, resume=True)
    train(checkpoint=path)
    state = load_checkpoint(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        train(checkpoint=path, resume=True)
    for foreign in ({}, {"model": 1}, state | {"history": None}, state | {"order": 5}):
        save_checkpoint(foreign, path)
        with pytest.raises(CheckpointError, match="no checkpoint of this training loop"):
            train(checkpoint=path, resume=True)


def test_a_checkpoint_into_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        train(checkpoint=tmp_path / "no" / "x.pt")


# The same loop for other tasks


def test_autoencoder(tmp_path, capsys):
    floats = TRAIN.images.unsqueeze(1) / 255
    data = (TRAIN.images, floats)
    recipe = {
        "epochs": 3,
        "loss_fn": F.mse_loss,
        "metrics": {"difference": F.l1_loss},
        "checkpoint": tmp_path / "x.pt",
        "device": "cpu",
    }

    def autoencoder():
        torch.manual_seed(0)
        code = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU())
        return nn.Sequential(code, nn.Linear(16, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))

    model = autoencoder()
    history = fit(model, data, data, **recipe)
    assert [set(row) for row in history.validation] == [{"loss", "difference"}] * 3
    assert history.validation[-1]["loss"] < history.validation[0]["loss"]
    with torch.no_grad():
        loss = F.mse_loss(model(floats), floats).item()
    assert history.validation[-1]["loss"] == pytest.approx(loss, rel=1e-5)
    assert "difference" in capsys.readouterr().out
    resumed = autoencoder()
    assert fit(resumed, data, data, resume=True, **recipe) == history
    assert same_weights(resumed, model)


def test_segmentation():
    masks = (TRAIN.images > 127).long()
    torch.manual_seed(0)
    model = nn.Conv2d(1, 2, 3, padding=1)
    data = (TRAIN.images, masks)
    recipe = {"epochs": 3, "lr": 0.05, "device": "cpu", "verbose": False}
    history = fit(model, data, data, **recipe)
    with torch.no_grad():
        found = model(TRAIN.images.unsqueeze(1) / 255).argmax(1)
    share = accuracy_score(masks.flatten(), found.flatten())
    assert history.validation[-1]["accuracy"] == pytest.approx(share, abs=1e-6)
    assert share > 0.9


def test_training_images_measured_after_each_epoch():
    model = small_lenet(dropout=0.5)
    history = train(model, evaluate_train=True)[1]
    assert [set(row) for row in history.training] == [{"loss", "accuracy"}] * 2
    plain = train(small_lenet(dropout=0.5))[1]
    assert plain.training == []
    assert plain.validation == history.validation  # measuring changes nothing
    batches = Batches(TRAIN.images, TRAIN.labels, 77)
    measured = evaluate(model, batches, F.cross_entropy, {"accuracy": accuracy})
    assert history.training[history.best_epoch - 1] == pytest.approx(measured)


def test_training_images_measured_after_the_last_epoch_only(tmp_path):
    each = train(epochs=3, evaluate_train=True)[1]
    recipe = {"evaluate_train": "last", "checkpoint": tmp_path / "x.pt"}
    last = train(epochs=3, **recipe)[1]
    assert last.training == each.training[2:]
    assert last.validation == each.validation
    resumed = train(epochs=5, resume=True, **recipe)[1]  # its last epoch is another one
    assert resumed == train(epochs=5, evaluate_train="last")[1]
    stopped = train(stopping(8, KeyboardInterrupt()), epochs=3, evaluate_train="last")[1]
    assert stopped.training == []


def test_only_shares_read_as_percentages(capsys):
    far = {"accuracy": accuracy, "norm": lambda outputs, targets: outputs.norm()}
    train(epochs=1, metrics=far, verbose=True)
    line = capsys.readouterr().out
    assert re.search(r"accuracy \d+\.\d\d%, norm \d+\.\d{4}$", line.strip())
