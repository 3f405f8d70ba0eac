"""Lab 06: other right answers, and typical mistakes with what the check must say of them."""


# %% q1 right: a copy, and true pixels put into it
def make_scenes(ink, ground):
    masks = ink >= 128
    pictures = ground.clone()
    pictures[masks] = ink[masks]
    return pictures, masks.to(torch.uint8)


# %% q1 right: with NumPy, multiplied, and a list
def make_scenes(ink, ground):
    import numpy as np

    ink, ground = np.asarray(ink), np.asarray(ground)
    masks = (ink > 127).astype(int)
    return [ink * masks + ground * (1 - masks), masks]


# %% q1 right: pixel by pixel
def make_scenes(ink, ground):
    pictures, masks = torch.empty_like(ground), torch.zeros(ink.shape)
    for place in range(ink.numel()):
        digit = ink.view(-1)[place] >= 128
        masks.view(-1)[place] = digit
        pictures.view(-1)[place] = (ink if digit else ground).view(-1)[place]
    return pictures, masks


# %% q1 mistake: 128 is left out -> `>=`, not `>`
def make_scenes(ink, ground):
    masks = ink > 128
    return torch.where(masks, ink, ground), masks


# %% q1 mistake: writes into the ground -> The ground itself was changed
def make_scenes(ink, ground):
    masks = ink >= 128
    pictures = ground
    pictures[masks] = ink[masks]
    return pictures, masks


# %% q1 mistake: adds bytes -> Bytes run over at 255
def make_scenes(ink, ground):
    return ink + ground, ink >= 128


# %% q1 mistake: adds the digit -> The ground shines through
def make_scenes(ink, ground):
    masks = ink >= 128
    return ground + ink * masks, masks


# %% q1 mistake: masks of 255 -> A mask holds ones and zeros
def make_scenes(ink, ground):
    masks = ink >= 128
    return torch.where(masks, ink, ground), 255 * masks


# %% q1 mistake: mixes by the ink -> That is the chapter's *mixed*
def make_scenes(ink, ground):
    share = ink / 255
    return (ground * (1 - share) + 255 * share).round().byte(), ink >= 128


# %% q1 mistake: any ink is digit -> wanted is 128 and more
def make_scenes(ink, ground):
    masks = ink > 0
    return torch.where(masks, ink, ground), masks


# %% q1 mistake: one list of pairs -> Two things are wanted
def make_scenes(ink, ground):
    return torch.where(ink >= 128, ink, ground)


# %% q1 right: floats, picture by picture, stacked
def make_scenes(ink, ground):
    masks = (ink >= 128).float()
    pairs = zip(ink.float(), ground.float(), masks, strict=True)
    return torch.stack([i * m + g * (1 - m) for i, g, m in pairs]), masks


# %% q1 mistake: a list of pictures -> Stack them
def make_scenes(ink, ground):
    pictures = [torch.where(i >= 128, i, g) for i, g in zip(ink, ground, strict=True)]
    return pictures, ink >= 128


# %% q1 mistake: a list of masks -> Stack them
def make_scenes(ink, ground):
    return torch.where(ink >= 128, ink, ground), [picture >= 128 for picture in ink]


# %% q2 right: one picture at a time, with sets
def iou(scores, masks):
    result = []
    for score, mask in zip(scores, masks, strict=True):
        found = {tuple(place) for place in (score[0] > 0).nonzero().tolist()}
        true = {tuple(place) for place in mask.nonzero().tolist()}
        result.append(len(found & true) / len(found | true) if found | true else 1.0)
    return result


# %% q2 right: products and sums, by the sigmoid
def iou(scores, masks):
    found, true = (torch.sigmoid(scores.squeeze(1)) > 0.5).float(), masks.float()
    both = (found * true).flatten(1).sum(1)
    either = found.flatten(1).sum(1) + true.flatten(1).sum(1) - both
    return torch.where(either == 0, torch.ones_like(both), both / either)


# %% q2 right: the library, picture by picture
def iou(scores, masks):
    return torch.stack([lc.iou(scores[k : k + 1], masks[k : k + 1]) for k in range(len(masks))])


# %% q2 mistake: stretched to all pairs -> Every image is compared with the masks of all
def iou(scores, masks):
    found, true = scores > 0, masks.bool()
    return (found & true).sum((1, 2, 3)) / (found | true).sum((1, 2, 3))


# %% q2 mistake: the mean -> this is their mean
def iou(scores, masks):
    return lc.iou(scores, masks)


# %% q2 mistake: all pixels in one pot -> in one pot
def iou(scores, masks):
    found, true = scores[:, 0] > 0, masks.bool()
    return (found & true).sum() / (found | true).sum()


# %% q2 mistake: divides by nothing -> Nothing divided by nothing is nan
def iou(scores, masks):
    found, true = scores[:, 0] > 0, masks.bool()
    return (found & true).sum((1, 2)) / (found | true).sum((1, 2))


# %% q2 mistake: an empty mask counts 0 -> An empty mask that is found empty counts as 1
def iou(scores, masks):
    found, true = scores[:, 0] > 0, masks.bool()
    return (found & true).sum((1, 2)) / (found | true).sum((1, 2)).clamp(min=1)


# %% q2 mistake: scores as probabilities -> Scores are no probabilities yet
def iou(scores, masks):
    found, true = scores[:, 0] > 0.5, masks.bool()
    either = (found | true).sum((1, 2))
    return torch.where(either > 0, (found & true).sum((1, 2)) / either.clamp(min=1), 1.0)


# %% q2 mistake: Dice -> This is Dice
def iou(scores, masks):
    found, true = scores[:, 0] > 0, masks.bool()
    sizes = found.sum((1, 2)) + true.sum((1, 2))
    return torch.where(sizes > 0, 2 * (found & true).sum((1, 2)) / sizes.clamp(min=1), 1.0)


# %% q2 mistake: pixel accuracy -> This is the pixel accuracy
def iou(scores, masks):
    return ((scores[:, 0] > 0) == masks.bool()).float().mean((1, 2))


# %% q2 mistake: divides by the true mask -> who calls everything digit
def iou(scores, masks):
    found, true = scores[:, 0] > 0, masks.bool()
    size = true.sum((1, 2))
    return torch.where(
        (found | true).sum((1, 2)) > 0, (found & true).sum((1, 2)) / size.clamp(min=1), 1.0
    )


# %% q2 mistake: a score of 0 is digit -> not `>=`
def iou(scores, masks):
    found, true = scores[:, 0] >= 0, masks.bool()
    both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


# %% q2 mistake: writes into the scores -> The scores themselves were changed
def iou(scores, masks):
    scores[scores < 0] = 0
    found, true = scores[:, 0] > 0, masks.bool()
    both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


# %% q2 mistake: Dice, and nothing divided by nothing -> This is Dice
def iou(scores, masks):
    found, true = scores[:, 0] > 0, masks.bool()
    return 2 * (found & true).sum((1, 2)) / (found.sum((1, 2)) + true.sum((1, 2)))


# %% q3 right: torch does it
def transposed(x, kernels, stride):
    return F.conv_transpose2d(x[None], kernels, stride=stride)[0]


# %% q3 right: zeros between the inputs, then a convolution with the turned kernel
def transposed(x, kernels, stride):
    c, h, w = x.shape
    k = kernels.shape[-1]
    spread = torch.zeros(c, (h - 1) * stride + 1, (w - 1) * stride + 1)
    spread[:, ::stride, ::stride] = x
    turned = kernels.flip(2, 3).transpose(0, 1)
    return F.conv2d(F.pad(spread[None], (k - 1,) * 4), turned)[0]


# %% q3 right: loops over maps, the kernel's places outermost
def transposed(x, kernels, stride):
    c, h, w = x.shape
    _, d, k, _ = kernels.shape
    out = torch.zeros(d, (h - 1) * stride + k, (w - 1) * stride + k)
    for source in range(c):
        for target in range(d):
            for a in range(k):
                for b in range(k):
                    rows = slice(a, a + (h - 1) * stride + 1, stride)
                    columns = slice(b, b + (w - 1) * stride + 1, stride)
                    out[target, rows, columns] += kernels[source, target, a, b] * x[source]
    return out


# %% q3 mistake: overwrites -> where stamps overlap, they add up
def transposed(x, kernels, stride):
    d, k = kernels.shape[1], kernels.shape[-1]
    h, w = x.shape[1:]
    out = torch.zeros(d, (h - 1) * stride + k, (w - 1) * stride + k)
    for i in range(h):
        for j in range(w):
            stamp = (x[:, i, j, None, None, None] * kernels).sum(0)
            out[:, i * stride : i * stride + k, j * stride : j * stride + k] = stamp
    return out


# %% q3 mistake: turns the kernel -> press the kernel as it is
def transposed(x, kernels, stride):
    return F.conv_transpose2d(x[None], kernels.flip(2, 3), stride=stride)[0]


# %% q3 mistake: the first map alone -> Only the first input map stamps
def transposed(x, kernels, stride):
    return F.conv_transpose2d(x[:1][None], kernels[:1], stride=stride)[0]


# %% q3 mistake: a size of h times stride -> The size is not `h * stride`
def transposed(x, kernels, stride):
    h, w = x.shape[1:]
    return F.conv_transpose2d(x[None], kernels, stride=stride)[0, :, : h * stride, : w * stride]


# %% q3 mistake: forgets the stride -> The stride has no effect
def transposed(x, kernels, stride):
    return F.conv_transpose2d(x[None], kernels)[0]


# %% q3 mistake: rows and columns exchanged -> The stamps lie on their side
def transposed(x, kernels, stride):
    return F.conv_transpose2d(x[None], kernels.transpose(2, 3), stride=stride)[0]


# %% q3 mistake: leaves the batch -> The output has the wrong shape
def transposed(x, kernels, stride):
    return F.conv_transpose2d(x[None], kernels, stride=stride)


# %% q4 right: one half, one, one half
row = torch.tensor([0.5, 1, 0.5])
stamp = row[:, None] * row

# %% q4 right: a list of sixteenths
stamp = [[1 / 16, 3 / 16, 3 / 16, 1 / 16]] + [[3 / 16, 9 / 16, 9 / 16, 3 / 16]] * 2
stamp = stamp + [[1 / 16, 3 / 16, 3 / 16, 1 / 16]]

# %% q4 right: a smoother one of 5x5
row = torch.tensor([1.0, 4, 6, 4, 1]) / 8
stamp = torch.outer(row, row)

# %% q4 mistake: ones -> A checkerboard
stamp = torch.ones(3, 3)

# %% q4 mistake: the kernel divided by its sum -> A checkerboard
stamp = torch.ones(3, 3) / 9

# %% q4 mistake: nearest neighbour -> A staircase
stamp = torch.ones(2, 2)

# %% q4 mistake: even, but a mean of four -> A staircase
stamp = torch.ones(4, 4) / 4

# %% q4 mistake: weights that add up to 1 over the whole stamp -> another grey
row = torch.tensor([0.125, 0.375, 0.375, 0.125])
stamp = torch.outer(row, row)

# %% q4 mistake: one row only -> square table of weights
stamp = torch.tensor([0.5, 1, 0.5])


# %% q5 right: with skips as numbers, in one expression
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = self.conv1(x).clamp(min=0)
        middle = self.conv2(nn.MaxPool2d(2)(fine)).clamp(min=0)
        coarse = self.conv3(nn.MaxPool2d(2)(middle)).clamp(min=0)
        up = (enlarge(coarse, middle) + self.skips * self.skip2(middle)).clamp(min=0)
        return self.out(self.refine(enlarge(up, fine) + self.skips * fine).clamp(min=0))


# %% q5 right: the library's class, its second half written anew
class Segmenter(lc.SkipSegmenter):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips

    def forward(self, x):
        if self.skips:
            return super().forward(x)
        fine = torch.relu(self.conv1(x))
        middle = torch.relu(self.conv2(F.max_pool2d(fine, 2)))
        up = torch.relu(self.conv3(F.max_pool2d(middle, 2)))
        for like in (middle, fine):
            up = F.interpolate(up, like.shape[2:], mode="bilinear")
        return self.out(torch.relu(self.refine(up)))


# %% q5 mistake: a ReLU at the end -> It ends in a ReLU
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = enlarge(coarse, middle)
        if self.skips:
            x = x + self.skip2(middle)
        x = enlarge(F.relu(x), fine)
        if self.skips:
            x = x + fine
        return F.relu(self.out(F.relu(self.refine(x))))


# %% q5 mistake: a sigmoid at the end -> It ends in a sigmoid
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = enlarge(coarse, middle)
        if self.skips:
            x = x + self.skip2(middle)
        x = enlarge(F.relu(x), fine)
        if self.skips:
            x = x + fine
        return torch.sigmoid(self.out(F.relu(self.refine(x))))


# %% q5 mistake: adds behind the ReLU -> Before the addition it does nothing
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = F.relu(enlarge(coarse, middle))
        if self.skips:
            x = x + self.skip2(middle)
        x = enlarge(x, fine)
        if self.skips:
            x = x + fine
        return self.out(F.relu(self.refine(x)))


# %% q5 mistake: one skip only -> The skip from `fine` is missing
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = enlarge(coarse, middle)
        if self.skips:
            x = x + self.skip2(middle)
        x = enlarge(F.relu(x), fine)
        return self.out(F.relu(self.refine(x)))


# %% q5 mistake: the switch does nothing -> `self.skips` has no effect
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = enlarge(coarse, middle)
        x = x + self.skip2(middle)
        x = enlarge(F.relu(x), fine)
        x = x + fine
        return self.out(F.relu(self.refine(x)))


# %% q5 mistake: doubles in place of enlarging like -> when a side is odd
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = F.interpolate(coarse, scale_factor=2, mode="bilinear")
        if self.skips:
            x = x + self.skip2(middle)
        x = F.interpolate(F.relu(x), scale_factor=2, mode="bilinear")
        if self.skips:
            x = x + fine
        return self.out(F.relu(self.refine(x)))


# %% q5 mistake: lays the maps side by side -> expected input
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = enlarge(coarse, middle)
        if self.skips:
            x = x + self.skip2(middle)
        x = enlarge(F.relu(x), fine)
        if self.skips:
            x = torch.cat([x, fine], 1)
        return self.out(F.relu(self.refine(x)))


# %% q5 mistake: enlarges by blocks -> in blocks
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = F.relu(self.conv2(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = F.interpolate(coarse, middle.shape[-2:])
        if self.skips:
            x = x + self.skip2(middle)
        x = F.interpolate(F.relu(x), fine.shape[-2:])
        if self.skips:
            x = x + fine
        return self.out(F.relu(self.refine(x)))


# %% q5 mistake: forgets a ReLU -> There is no ReLU behind `conv2`
class Segmenter(nn.Module):
    def __init__(self, skips=True):
        super().__init__()
        self.skips = skips
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.skip2 = nn.Conv2d(16, 8, 1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        fine = F.relu(self.conv1(x))
        middle = self.conv2(F.max_pool2d(fine, 2))
        coarse = F.relu(self.conv3(F.max_pool2d(middle, 2)))
        x = enlarge(coarse, middle)
        if self.skips:
            x = x + self.skip2(middle)
        x = enlarge(F.relu(x), fine)
        if self.skips:
            x = x + fine
        return self.out(F.relu(self.refine(x)))


# %% q6 right: one draw for all places, and unfold
prediction = "higher"


def cut(photo, part, count, generator):
    width = photo.shape[1]
    strip = photo[:, int(part[0] * width) : int(part[1] * width)]
    windows = strip.unfold(0, 28, 1).unfold(1, 28, 1).reshape(-1, 28, 28)
    return windows[torch.randint(len(windows), (count,), generator=generator)]


# %% q6 right: with rand, and indices
prediction = "Same"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    places = torch.rand(count, 2, generator=generator)
    top = (places[:, 0] * (photo.shape[0] - 27)).long()
    left = first + (places[:, 1] * (last - first - 27)).long()
    steps = torch.arange(28)
    rows, columns = top[:, None] + steps, left[:, None] + steps
    return photo[rows[:, :, None], columns[:, None, :]]


# %% q6 mistake: forgets the part -> A piece reaches out of its part
prediction = "lower"


def cut(photo, part, count, generator):
    top = torch.randint(photo.shape[0] - 27, (count,), generator=generator)
    left = torch.randint(photo.shape[1] - 27, (count,), generator=generator)
    pairs = zip(top, left, strict=True)
    return torch.stack([photo[t : t + 28, c : c + 28] for t, c in pairs])


# %% q6 mistake: only the first column is in the part -> Its *last* column counts, too
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    last = min(last, photo.shape[1] - 27)
    top = torch.randint(photo.shape[0] - 27, (count,), generator=generator)
    left = torch.randint(first, last, (count,), generator=generator)
    pairs = zip(top, left, strict=True)
    return torch.stack([photo[t : t + 28, c : c + 28] for t, c in pairs])


# %% q6 mistake: the last place never occurs -> Some places never occur
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    strip = photo[:, first:last]
    top = torch.randint(strip.shape[0] - 28, (count,), generator=generator)
    left = torch.randint(strip.shape[1] - 28, (count,), generator=generator)
    pairs = zip(top, left, strict=True)
    return torch.stack([strip[t : t + 28, c : c + 28] for t, c in pairs])


# %% q6 mistake: splits rows -> another shape
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[0]) for share in part)
    strip = photo[first:last]
    top = torch.randint(max(1, strip.shape[0] - 27), (count,), generator=generator)
    left = torch.randint(strip.shape[1] - 27, (count,), generator=generator)
    pairs = zip(top, left, strict=True)
    return torch.stack([strip[t : t + 28, c : c + 28] for t, c in pairs])


# %% q6 mistake: row and column by the same number -> Row and column move together
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    strip = photo[:, first:last]
    places = torch.rand(count, generator=generator)
    top = (places * (strip.shape[0] - 27)).long()
    left = (places * (strip.shape[1] - 27)).long()
    pairs = zip(top, left, strict=True)
    return torch.stack([strip[t : t + 28, c : c + 28] for t, c in pairs])


# %% q6 mistake: forgets the generator -> Is `generator` handed
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    strip = photo[:, first:last]
    top = torch.randint(strip.shape[0] - 27, (count,))
    left = torch.randint(strip.shape[1] - 27, (count,))
    pairs = zip(top, left, strict=True)
    return torch.stack([strip[t : t + 28, c : c + 28] for t, c in pairs])


# %% q6 mistake: the same piece again and again -> All pieces are the same
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    strip = photo[:, first:last]
    top = torch.randint(strip.shape[0] - 27, (1,), generator=generator)
    left = torch.randint(strip.shape[1] - 27, (1,), generator=generator)
    return torch.stack([strip[top : top + 28, left : left + 28]] * count)


# %% q6 mistake: a list of pieces -> Stack them
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (int(share * photo.shape[1]) for share in part)
    strip = photo[:, first:last]
    top = torch.randint(strip.shape[0] - 27, (count,), generator=generator)
    left = torch.randint(strip.shape[1] - 27, (count,), generator=generator)
    return [strip[t : t + 28, c : c + 28] for t, c in zip(top, left, strict=True)]


# %% q6 mistake: rounds to the nearest column -> rounds the part's ends down
prediction = "lower"


def cut(photo, part, count, generator):
    first, last = (round(share * photo.shape[1]) for share in part)
    strip = photo[:, first:last]
    top = torch.randint(strip.shape[0] - 27, (count,), generator=generator)
    left = torch.randint(strip.shape[1] - 27, (count,), generator=generator)
    pairs = zip(top, left, strict=True)
    return torch.stack([strip[t : t + 28, c : c + 28] for t, c in pairs])


# %% q7 right: with the library, on bytes
def read_masked(network, reader, pictures):
    network.eval()
    with torch.no_grad():
        masks = (network(pictures.unsqueeze(1).float() / 255).squeeze(1) > 0).byte()
    return lc.predict_probabilities(reader, pictures * masks).argmax(1)


def gained_and_lost(before, after, labels):
    gained = lost = 0
    for b, a, label in zip(before.tolist(), after.tolist(), labels.tolist(), strict=True):
        gained += b != label and a == label
        lost += b == label and a != label
    return gained, lost


# %% q7 right: where, and a difference of right and wrong
def read_masked(network, reader, pictures):
    with torch.inference_mode():
        inputs = pictures[:, None] / 255
        found = network.eval()(inputs).sigmoid() > 0.5
        scores = reader.eval()(torch.where(found, inputs, torch.zeros_like(inputs)))
    return [int(digit) for digit in scores.max(1).indices]


def gained_and_lost(before, after, labels):
    change = (after == labels).int() - (before == labels).int()
    return torch.stack([(change == 1).sum(), (change == -1).sum()])


# %% q7 mistake: forgets eval -> answers in training mode
def read_masked(network, reader, pictures):
    network.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: forgets no_grad -> with torch.no_grad()
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    inputs = pictures[:, None] / 255
    return reader(inputs * (network(inputs) > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: bytes as they are -> pixels from 0 to 255
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None].float()
        return reader(inputs * (network(inputs) > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: erases the digit -> The *digit* is erased
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) <= 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: the sigmoid is always above 0 -> A sigmoid is above 0 everywhere
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs).sigmoid() > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: scores as probabilities -> above a score of 0
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) > 0.5)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: reads the mask -> The reader sees the mask itself
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader((network(inputs) > 0).float()).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: gives the scores -> These are ten scores
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) > 0))


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: gained and lost exchanged -> The two are exchanged
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (first & ~then).sum(), (~first & then).sum()


# %% q7 mistake: every changed answer is lost -> neither gained nor
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    gained = ((before != after) & (after == labels)).sum()
    return gained, (before != after).sum() - gained


# %% q7 mistake: all right answers -> all right answers after and before
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) > 0)).argmax(1)


def gained_and_lost(before, after, labels):
    return (after == labels).sum(), (before == labels).sum()


# %% q7 mistake: erases in the pictures that came in -> Leave `pictures` as they are
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        found = network(pictures[:, None] / 255)[:, 0] > 0
        pictures[~found] = 0
        return reader(pictures[:, None] / 255).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q7 mistake: a score of 0 is left -> A score of exactly 0
def read_masked(network, reader, pictures):
    network.eval()
    reader.eval()
    with torch.no_grad():
        inputs = pictures[:, None] / 255
        return reader(inputs * (network(inputs) >= 0)).argmax(1)


def gained_and_lost(before, after, labels):
    first, then = before == labels, after == labels
    return (~first & then).sum(), (first & ~then).sum()


# %% q8 right: the middle
def rule(pictures):
    masks = torch.zeros(pictures.shape)
    masks[:, 4:24, 4:24] = pictures[:, 4:24, 4:24] >= 128
    return masks


# %% q8 right: brighter or darker than the frame, with NumPy, picture by picture
def rule(pictures):
    import numpy as np

    masks = np.zeros(pictures.shape, bool)
    for mask, picture in zip(masks, np.asarray(pictures, float), strict=True):
        frame = np.concatenate([picture[:4].ravel(), picture[-4:].ravel()])
        far = np.abs(picture - np.median(frame)) > 2 * frame.std()
        mask[3:25, 3:25] = (far & (picture > 120))[3:25, 3:25]
    return masks


# %% q8 mistake: the threshold alone -> not shown to be better
def rule(pictures):
    return pictures >= 128


# %% q8 mistake: nothing is found -> the trivial answer
def rule(pictures):
    return torch.zeros(pictures.shape)


# %% q8 mistake: ink is always the brightest -> not shown to be better
def rule(pictures):
    return pictures >= 200


# %% q8 mistake: probabilities -> A mask holds ones and zeros
def rule(pictures):
    return pictures / 255


# %% q8 mistake: a level of all pictures together -> a rule should look at one picture at a time
def rule(pictures):
    masks = torch.zeros(pictures.shape)
    inside = (pictures >= 128)[:, 4:24, 4:24]
    common = pictures[:, 4:24, 4:24].float().mean(0)
    masks[:, 4:24, 4:24] = (inside & (pictures[:, 4:24, 4:24] >= common)).float()
    return masks


# %% q8 mistake: one mask for all -> another shape
def rule(pictures):
    return pictures.float().mean(0) >= 128


# %% q8 mistake: writes into the pictures -> Leave `pictures` as they are
def rule(pictures):
    pictures[:, :4] = pictures[:, 24:] = 0
    pictures[:, :, :4] = pictures[:, :, 24:] = 0
    return pictures >= 128


# %% q8 mistake: a list of masks -> Stack them
def rule(pictures):
    masks = []
    for picture in pictures:
        mask = torch.zeros(28, 28)
        mask[4:24, 4:24] = picture[4:24, 4:24] >= 128
        masks.append(mask)
    return masks
