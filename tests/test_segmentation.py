"""Segmenting networks: shapes and counts; their metrics and loss against scikit-learn and torch."""

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score
from torch.nn import functional as F

from lenetcourse import (
    LeNetSegmenter,
    SkipSegmenter,
    SmallUNet,
    count_macs,
    count_parameters,
    dice,
    iou,
    mask_loss,
    pixel_accuracy,
    show_segmentation,
)

NETWORKS = {LeNetSegmenter: 5_129, SkipSegmenter: 5_377, SmallUNet: 29_321}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("sides", [(28, 28), (56, 56), (28, 40)])
def test_a_score_for_every_pixel(network, sides):
    assert network()(torch.rand(2, 1, *sides)).shape == (2, 1, *sides)


@pytest.mark.parametrize(("network", "count"), NETWORKS.items())
def test_weights(network, count):
    assert count_parameters(network()) == count


def test_weights_of_the_source_by_hand():
    conv1, conv2 = 6 * (25 + 1), 16 * (6 * 25 + 1)
    up1, up2 = 16 * 6 * 25 + 6, 6 * 25 + 1
    assert conv1 + conv2 + up1 + up2 == NETWORKS[LeNetSegmenter]


def test_multiply_adds_of_the_source_by_hand():
    convolutions = 24 * 24 * 25 * 6 + 8 * 8 * 6 * 25 * 16
    transposed = 4 * 4 * 16 * 25 * 6 + 16 * 16 * 6 * 25
    assert count_macs(LeNetSegmenter()) == convolutions + transposed


@pytest.mark.parametrize("network", [LeNetSegmenter, SkipSegmenter])
def test_fully_convolutional_answers_do_not_depend_on_what_is_far_away(network):
    torch.manual_seed(0)
    model, scene = network().eval(), torch.rand(1, 1, 112, 112)
    changed = scene.clone()
    changed[..., 80:, 80:] = 0
    with torch.no_grad():
        before, after = model(scene), model(changed)
    assert torch.allclose(before[..., :40, :40], after[..., :40, :40], atol=1e-5)
    assert not torch.allclose(before[..., 80:, 80:], after[..., 80:, 80:], atol=1e-3)


def test_with_a_final_relu_no_pixel_is_background():
    torch.manual_seed(0)
    images = torch.rand(4, 1, 28, 28)
    with torch.no_grad():
        scores = LeNetSegmenter(final_relu=True)(images)
    assert (scores >= 0).all()
    empty = torch.zeros(4, 28, 28)
    assert mask_loss(scores, empty) >= np.log(2) - 1e-6


def test_u_net_needs_multiples_of_four():
    with pytest.raises(ValueError, match="multiples of 4"):
        SmallUNet()(torch.rand(1, 1, 30, 28))


def scores_and_masks():
    torch.manual_seed(0)
    return torch.randn(7, 1, 12, 10), torch.randint(2, (7, 12, 10), dtype=torch.uint8)


def test_metrics_are_those_of_scikit_learn():
    scores, masks = scores_and_masks()
    found = (scores.squeeze(1) > 0).flatten(1).numpy()
    true = masks.flatten(1).numpy().astype(bool)
    pairs = list(zip(true, found, strict=True))
    assert iou(scores, masks).item() == pytest.approx(np.mean([jaccard_score(*p) for p in pairs]))
    assert dice(scores, masks).item() == pytest.approx(np.mean([f1_score(*p) for p in pairs]))
    assert pixel_accuracy(scores, masks).item() == pytest.approx((found == true).mean())


def test_dice_and_iou_of_one_image():
    scores, masks = scores_and_masks()
    one = iou(scores[:1], masks[:1])
    assert dice(scores[:1], masks[:1]).item() == pytest.approx((2 * one / (1 + one)).item())


@pytest.mark.parametrize("metric", [iou, dice, pixel_accuracy])
def test_metrics_at_the_ends(metric):
    empty, full = torch.zeros(2, 4, 4), torch.ones(2, 4, 4)
    no, yes = torch.full((2, 1, 4, 4), -1.0), torch.full((2, 1, 4, 4), 1.0)
    assert metric(yes, full) == metric(no, empty) == 1
    assert metric(no, full) == metric(yes, empty) == 0


def test_loss_is_torchs_mean_over_pixels():
    scores, masks = scores_and_masks()
    expected = F.binary_cross_entropy(scores.sigmoid().squeeze(1), masks.float())
    assert mask_loss(scores, masks).item() == pytest.approx(expected.item(), rel=1e-5)


def test_figure_colours_what_is_right_missed_and_too_much():
    masks = torch.tensor([[[1, 1], [0, 0]]], dtype=torch.uint8)
    scores = torch.tensor([[[[1.0, -1], [1, -1]]]])
    figure = show_segmentation(torch.zeros(1, 2, 2, dtype=torch.uint8), masks, scores)
    image, truth, found = (axis.images[0].get_array() for axis in figure.axes)
    assert (image == 0).all()
    assert truth.tolist() == [[0, 0], [255, 255]]  # digit dark
    black, missed, too_much, white = found.reshape(4, 3).tolist()
    assert black == [0, 0, 0]
    assert white == [255, 255, 255]
    assert missed[0] > missed[2]
    assert too_much[2] > too_much[0]
