"""Lab 08: other right answers, and typical mistakes with what the check must say of them."""


# %% q1 right: asks torch
def cost(channels, kernels, side, height, width):
    layer = nn.Conv2d(channels, kernels, side)
    weights = sum(one.numel() for one in layer.parameters())
    return weights, lc.count_macs(layer, (channels, height, width))


# %% q1 right: counted in loops, as a list
def cost(channels, kernels, side, height, width):
    weights = work = 0
    for _ in range(kernels):
        weights += 1
        for _ in range(channels * side * side):
            weights += 1
            work += (height + 1 - side) * (width + 1 - side)
    return [weights, work]


# %% q1 mistake: no biases -> The biases are missing
def cost(channels, kernels, side, height, width):
    one = channels * side**2
    return kernels * one, kernels * one * (height - side + 1) * (width - side + 1)


# %% q1 mistake: forgets the channels -> A kernel has a slice of weights for each channel
def cost(channels, kernels, side, height, width):
    weights = kernels * (side**2 + 1)
    return weights, kernels * side**2 * (height - side + 1) * (width - side + 1)


# %% q1 mistake: every pixel is a place -> Without padding
def cost(channels, kernels, side, height, width):
    one = channels * side**2
    return kernels * (one + 1), kernels * one * height * width


# %% q1 mistake: without the + 1 -> One place too few
def cost(channels, kernels, side, height, width):
    one = channels * side**2
    return kernels * (one + 1), kernels * one * (height - side) * (width - side)


# %% q1 mistake: biases multiplied -> they are no multiplications
def cost(channels, kernels, side, height, width):
    weights = kernels * (channels * side**2 + 1)
    return weights, weights * (height - side + 1) * (width - side + 1)


# %% q1 mistake: a bias for each channel -> A kernel has *one* bias
def cost(channels, kernels, side, height, width):
    one = channels * side**2
    return kernels * (one + channels), kernels * one * (height - side + 1) * (width - side + 1)


# %% q1 mistake: the other order -> The two are exchanged
def cost(channels, kernels, side, height, width):
    one = channels * side**2
    return kernels * one * (height - side + 1) * (width - side + 1), kernels * (one + 1)


# %% q1 mistake: one number -> Two numbers are wanted
def cost(channels, kernels, side, height, width):
    return kernels * (channels * side**2 + 1)


# %% q2 right: torch does it
def convolve(picture, kernels, biases):
    return F.conv2d(picture[None], kernels, biases)[0]


# %% q2 right: windows by unfold, summed by einsum
def convolve(picture, kernels, biases):
    side = kernels.shape[-1]
    windows = picture.unfold(1, side, 1).unfold(2, side, 1)
    return torch.einsum("chwab,kcab->khw", windows, kernels) + biases[:, None, None]


# %% q2 right: channel by channel, in NumPy
def convolve(picture, kernels, biases):
    from scipy.signal import correlate2d

    maps = []
    for kernel, bias in zip(kernels.numpy(), biases.tolist(), strict=True):
        slices = zip(picture.numpy(), kernel, strict=True)
        maps.append(sum(correlate2d(one, part, mode="valid") for one, part in slices) + bias)
    return maps


# %% q2 right: a list of maps
def convolve(picture, kernels, biases):
    pairs = zip(kernels, biases, strict=True)
    return [F.conv2d(picture[None], kernel[None], bias[None])[0, 0] for kernel, bias in pairs]


# %% q2 mistake: into whole numbers -> All is lost behind the point
def convolve(picture, kernels, biases):
    side = kernels.shape[-1]
    height, width = picture.shape[1] - side + 1, picture.shape[2] - side + 1
    maps = torch.zeros(len(kernels), height, width, dtype=torch.int)
    for k, kernel in enumerate(kernels):
        for i in range(height):
            for j in range(width):
                window = picture[:, i : i + side, j : j + side]
                maps[k, i, j] = (window * kernel).sum() + biases[k]
    return maps


# %% q2 mistake: no bias -> The bias is missing
def convolve(picture, kernels, biases):
    return F.conv2d(picture[None], kernels)[0]


# %% q2 mistake: a bias for every channel -> The bias is added once for every channel
def convolve(picture, kernels, biases):
    total = 0
    for c in range(len(picture)):
        total = total + F.conv2d(picture[None, c : c + 1], kernels[:, c : c + 1], biases)[0]
    return total


# %% q2 mistake: the mean -> This is the mean over the channels
def convolve(picture, kernels, biases):
    return F.conv2d(picture[None], kernels / len(picture), biases)[0]


# %% q2 mistake: one channel -> Only the first channel is looked at
def convolve(picture, kernels, biases):
    return F.conv2d(picture[None, :1], kernels[:, :1], biases)[0]


# %% q2 mistake: turned over -> The kernel is turned upside down
def convolve(picture, kernels, biases):
    return F.conv2d(picture[None], kernels.flip(2, 3), biases)[0]


# %% q2 mistake: a ReLU -> There is a ReLU behind it
def convolve(picture, kernels, biases):
    return F.conv2d(picture[None], kernels, biases)[0].relu()


# %% q2 mistake: maps of every channel -> wrong shape
def convolve(picture, kernels, biases):
    maps = [F.conv2d(one[None, None], kernels[:, :1], biases)[0] for one in picture]
    return torch.cat(maps)


# %% q3 right: by index, all at once
def crop_and_mirror(images, padding, top, left, mirrored):
    n, c, h, w = images.shape
    larger = F.pad(images, (padding,) * 4)
    rows = top[:, None] + torch.arange(h)
    columns = left[:, None] + torch.where(
        mirrored[:, None], torch.arange(w - 1, -1, -1), torch.arange(w)
    )
    number = torch.arange(n)[:, None, None]
    return larger.permute(0, 2, 3, 1)[number, rows[:, :, None], columns[:, None]].permute(
        0, 3, 1, 2
    )


# %% q3 right: in NumPy, a list of pieces
def crop_and_mirror(images, padding, top, left, mirrored):
    import numpy as np

    n, c, h, w = images.shape
    larger = np.zeros((n, c, h + 2 * padding, w + 2 * padding), np.uint8)
    larger[:, :, padding : padding + h, padding : padding + w] = images
    made = np.zeros(tuple(images.shape), np.uint8)
    for i in range(n):
        piece = larger[i, :, top[i] : top[i] + h, left[i] : left[i] + w]
        made[i] = piece[:, :, ::-1] if mirrored[i] else piece
    return list(made)


# %% q3 mistake: into zeros that are floats -> Bytes went in, other numbers came out
def crop_and_mirror(images, padding, top, left, mirrored):
    n, c, h, w = images.shape
    larger, made = F.pad(images, (padding,) * 4), torch.zeros(n, c, h, w)
    for i in range(n):
        piece = larger[i, :, top[i] : top[i] + h, left[i] : left[i] + w]
        made[i] = piece.flip(2) if mirrored[i] else piece
    return made


# %% q3 mistake: nothing is mirrored -> Nothing is mirrored
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    larger = F.pad(images, (padding,) * 4)
    pieces = [one[:, t : t + h, c : c + w] for one, t, c in zip(larger, top, left, strict=True)]
    return torch.stack(pieces)


# %% q3 mistake: mirrors, then crops -> mirrored first and then cropped
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    larger = F.pad(images, (padding,) * 4)
    pieces = [one[:, t : t + h, c : c + w] for one, t, c in zip(larger, top, left, strict=True)]
    return torch.stack(pieces)


# %% q3 mistake: upside down -> Mirrored upside down
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    larger, pieces = F.pad(images, (padding,) * 4), []
    for one, t, c, m in zip(larger, top, left, mirrored, strict=True):
        piece = one[:, t : t + h, c : c + w]
        pieces.append(piece.flip(1) if m else piece)
    return torch.stack(pieces)


# %% q3 mistake: exchanged -> `top` and `left` are exchanged
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    larger, pieces = F.pad(images, (padding,) * 4), []
    for one, t, c, m in zip(larger, left, top, mirrored, strict=True):
        piece = one[:, t : t + h, c : c + w]
        pieces.append(piece.flip(2) if m else piece)
    return torch.stack(pieces)


# %% q3 mistake: a reflecting border -> The border is a reflection
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    larger = F.pad(images.float(), (padding,) * 4, mode="reflect").byte()
    pieces = []
    for one, t, c, m in zip(larger, top, left, mirrored, strict=True):
        piece = one[:, t : t + h, c : c + w]
        pieces.append(piece.flip(2) if m else piece)
    return torch.stack(pieces)


# %% q3 mistake: one place for all -> All images get the first one's place
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    larger = F.pad(images, (padding,) * 4)
    pieces = larger[:, :, top[0] : top[0] + h, left[0] : left[0] + w]
    return torch.where(mirrored[:, None, None, None], pieces.flip(3), pieces)


# %% q3 mistake: writes into the images -> The images themselves were changed
def crop_and_mirror(images, padding, top, left, mirrored):
    h, w = images.shape[2:]
    larger = F.pad(images, (padding,) * 4)
    for i, (t, c, m) in enumerate(zip(top, left, mirrored, strict=True)):
        piece = larger[i, :, t : t + h, c : c + w]
        images[i] = piece.flip(2) if m else piece
    return images


# %% q4 right: torch does it, on copies
def batch_norm(x, factor, shift, running_mean, running_var, training):
    if not training:
        y = F.batch_norm(x, running_mean, running_var, factor, shift, training=False)
        return y, running_mean, running_var
    y = F.batch_norm(x, None, None, factor, shift, training=True)
    mean = running_mean + 0.1 * (x.mean((0, 2, 3)) - running_mean)
    squares = x.square().mean((0, 2, 3)) - x.mean((0, 2, 3)) ** 2
    return y, mean, running_var + 0.1 * (squares - running_var)


# %% q4 right: map by map
def batch_norm(x, factor, shift, running_mean, running_var, training):
    maps, means, variances = [], [], []
    for c in range(x.shape[1]):
        one, mean, var = x[:, c], running_mean[c], running_var[c]
        if training:
            mean = one.mean()
            var = (one - mean).square().mean()
            means.append(0.9 * running_mean[c] + 0.1 * mean)
            variances.append(0.9 * running_var[c] + 0.1 * var)
        else:
            means.append(mean)
            variances.append(var)
        maps.append(factor[c] * (one - mean) / (var + 0.00001) ** 0.5 + shift[c])
    return torch.stack(maps, 1), torch.stack(means), torch.stack(variances)


# %% q4 mistake: always the batch -> In evaluation mode the running mean and variance
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    y = F.batch_norm(x, None, None, factor, shift, training=True)
    return y, 0.9 * running_mean + 0.1 * mean, 0.9 * running_var + 0.1 * var


# %% q4 mistake: always the running ones -> In training the batch's own mean
def batch_norm(x, factor, shift, running_mean, running_var, training):
    y = F.batch_norm(x, running_mean, running_var, factor, shift, training=False)
    return y, running_mean, running_var


# %% q4 mistake: nothing is remembered -> The running numbers stay as they are
def batch_norm(x, factor, shift, running_mean, running_var, training):
    y = F.batch_norm(x, running_mean.clone(), running_var.clone(), factor, shift, training=training)
    return y, running_mean, running_var


# %% q4 mistake: by n minus 1 -> The variance divides by n − 1 here
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    y = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
    y = factor[:, None, None] * y + shift[:, None, None]
    if training:
        return y, 0.9 * running_mean + 0.1 * mean, 0.9 * running_var + 0.1 * var
    return y, running_mean, running_var


# %% q4 mistake: no root -> divide by its square root
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    y = (x - mean[:, None, None]) / var[:, None, None]
    return factor[:, None, None] * y + shift[:, None, None], mean, var


# %% q4 mistake: without 0.00001 -> A map without variance gives nan
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        running_mean = 0.9 * running_mean + 0.1 * mean
        running_var = 0.9 * running_var + 0.1 * var
    y = (x - mean[:, None, None]) / var[:, None, None].sqrt()
    return factor[:, None, None] * y + shift[:, None, None], running_mean, running_var


# %% q4 mistake: 0.00001 in training only -> A map without variance gives nan
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        running_mean = 0.9 * running_mean + 0.1 * mean
        running_var = 0.9 * running_var + 0.1 * var
    y = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5 * training).sqrt()
    return factor[:, None, None] * y + shift[:, None, None], running_mean, running_var


# %% q4 mistake: 0.00001 outside the root -> belongs under it
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        running_mean = 0.9 * running_mean + 0.1 * mean
        running_var = 0.9 * running_var + 0.1 * var
    y = (x - mean[:, None, None]) / (var[:, None, None].sqrt() + 1e-5)
    return factor[:, None, None] * y + shift[:, None, None], running_mean, running_var


# %% q4 mistake: PyTorch's running variance -> divided by count − 1, as PyTorch does
def batch_norm(x, factor, shift, running_mean, running_var, training):
    mean, var = running_mean.clone(), running_var.clone()
    y = F.batch_norm(x, mean, var, factor, shift, training)
    return y, mean, var


# %% q4 mistake: tenths exchanged -> Nine tenths and one tenth are exchanged
def batch_norm(x, factor, shift, running_mean, running_var, training):
    if not training:
        y = F.batch_norm(x, running_mean, running_var, factor, shift, training=False)
        return y, running_mean, running_var
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    y = F.batch_norm(x, None, None, factor, shift, training=True)
    return y, 0.1 * running_mean + 0.9 * mean, 0.1 * running_var + 0.9 * var


# %% q4 mistake: writes into the running mean -> `running_mean` itself was changed
def batch_norm(x, factor, shift, running_mean, running_var, training):
    y = F.batch_norm(x, running_mean, running_var, factor, shift, training=training)
    return y, running_mean, running_var


# %% q4 mistake: only the maps -> Three things are wanted
def batch_norm(x, factor, shift, running_mean, running_var, training):
    return F.batch_norm(x, running_mean.clone(), running_var.clone(), factor, shift, training)


# %% q5 right: the sum by a flag, another guess
prediction = "both"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.keep = float(links)
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = torch.relu(F.max_pool2d(self.first(x), 4))
        for layer in self.layers:
            x = self.keep * x + torch.relu(layer(x))
        return self.out(torch.flatten(F.max_pool2d(x, 2), 1))


# %% q5 right: two loops
prediction = "neither"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = nn.MaxPool2d(4)(self.first(x).clamp(min=0))
        if self.links:
            for layer in self.layers:
                x = x + layer(x).clamp(min=0)
        else:
            for layer in self.layers:
                x = layer(x).clamp(min=0)
        return self.out(F.adaptive_max_pool2d(x, 4).reshape(len(x), -1))


# %% q5 mistake: links in both -> The links are there although
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            x = x + F.relu(layer(x))
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: links in neither -> There are no links
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: ReLU of the sum -> The ReLU comes after the sum
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            x = F.relu(x + layer(x)) if self.links else F.relu(layer(x))
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: from the first layer -> Every link begins at the first layer
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        start = x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            x = F.relu(layer(x)) + (start if self.links else 0)
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: added to itself -> added to itself
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            x = F.relu(layer(x))
            if self.links:
                x = x + x
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: one link around all -> one link around all twelve
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        start = x
        for layer in self.layers:
            x = F.relu(layer(x))
        if self.links:
            x = x + start
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: no ReLU behind the first layer -> The ReLU behind `first` is missing
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(self.first(x), 4)
        for layer in self.layers:
            change = F.relu(layer(x))
            x = x + change if self.links else change
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q5 mistake: not flattened -> mat1 and mat2 shapes cannot be multiplied
prediction = "with links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            change = F.relu(layer(x))
            x = x + change if self.links else change
        return self.out(F.max_pool2d(x, 2))


# %% q5 mistake: no guess that counts -> The prediction should be one of
prediction = "links"


class Deep(nn.Module):
    def __init__(self, links, depth=12, maps=16):
        super().__init__()
        self.links = links
        self.first = nn.Conv2d(3, maps, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(maps, maps, 3, padding=1) for _ in range(depth))
        self.out = nn.Linear(maps * 16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 4)
        for layer in self.layers:
            change = F.relu(layer(x))
            x = x + change if self.links else change
        return self.out(F.max_pool2d(x, 2).flatten(1))


# %% q6 right: the library's
def kernels_from_keras(weight):
    from lenetcourse.models import keras_form

    return keras_form.kernels_from_keras(weight)


def dense_from_keras(weight, channels):
    from lenetcourse.models import keras_form

    return keras_form.dense_from_keras(weight, channels)


# %% q6 right: in NumPy, with moveaxis
def kernels_from_keras(weight):
    import numpy as np

    return np.moveaxis(weight.numpy(), (3, 2), (0, 1))


def dense_from_keras(weight, channels):
    inputs = len(weight)
    rows = [p * channels + c for c in range(channels) for p in range(inputs // channels)]
    return weight[rows].T.numpy()


# %% q6 right: the way there, with places in place of channels
def kernels_from_keras(weight):
    return weight.movedim((3, 2), (0, 1))


def dense_from_keras(weight, channels):
    return lc.dense_to_keras(weight.T, len(weight) // channels).T


# %% q6 mistake: the way there -> This is the way *to* Keras
def kernels_from_keras(weight):
    return weight.permute(2, 3, 1, 0)


def dense_from_keras(weight, channels):
    return weight.unflatten(1, (channels, -1)).permute(2, 1, 0).flatten(0, 1)


# %% q6 mistake: reshaped -> `reshape` moves no axis. Use `permute`
def kernels_from_keras(weight):
    h, w, ins, outs = weight.shape
    return weight.reshape(outs, ins, h, w)


def dense_from_keras(weight, channels):
    out = weight.shape[1]
    return weight.reshape(-1, channels, out).permute(2, 1, 0).reshape(out, -1)


# %% q6 mistake: in and out -> `out` and `in` are exchanged
def kernels_from_keras(weight):
    return weight.permute(2, 3, 0, 1)


def dense_from_keras(weight, channels):
    out = weight.shape[1]
    return weight.reshape(-1, channels, out).permute(2, 1, 0).reshape(out, -1)


# %% q6 mistake: rows and columns -> Rows and columns are exchanged
def kernels_from_keras(weight):
    return weight.permute(3, 2, 1, 0)


def dense_from_keras(weight, channels):
    out = weight.shape[1]
    return weight.reshape(-1, channels, out).permute(2, 1, 0).reshape(out, -1)


# %% q6 mistake: only transposed -> Transposed, but not reordered
def kernels_from_keras(weight):
    return weight.permute(3, 2, 0, 1)


def dense_from_keras(weight, channels):
    return weight.T


# %% q6 mistake: the dense way there -> Transposed, but not reordered
def kernels_from_keras(weight):
    return weight.permute(3, 2, 0, 1)


def dense_from_keras(weight, channels):
    out = len(weight)
    return weight.reshape(out, channels, -1).permute(2, 1, 0).reshape(-1, out)


# %% q6 mistake: not transposed -> Reordered, but not transposed
def kernels_from_keras(weight):
    return weight.permute(3, 2, 0, 1)


def dense_from_keras(weight, channels):
    inputs, outs = weight.shape
    return weight.reshape(-1, channels, outs).transpose(0, 1).reshape(inputs, outs)


# %% q6 mistake: cut the wrong way -> Cut into (channels, places)
def kernels_from_keras(weight):
    return weight.permute(3, 2, 0, 1)


def dense_from_keras(weight, channels):
    out = weight.shape[1]
    return weight.reshape(channels, -1, out).permute(2, 1, 0).reshape(out, -1)


# %% q7 right: all by the same step
def augment(images, generator):
    down, across = torch.randint(-2, 3, (2,), generator=generator).tolist()
    return images.roll((down, across), (2, 3))


# %% q7 right: the library's crops
def augment(images, generator):
    return lc.CropAndFlip(padding=2, flip=False)(images, generator)


# %% q7 mistake: mirrors -> It does harm
def augment(images, generator):
    return lc.CropAndFlip(padding=0, flip=True)(images, generator)


# %% q7 mistake: nothing changes -> The images come back as they went in
def augment(images, generator):
    return images.clone()


# %% q7 mistake: always the same -> Every epoch gets the same images
def augment(images, generator):
    return images.roll(1, 3)


# %% q7 mistake: chance of its own -> Two generators with the same seed
def augment(images, generator):
    down, across = torch.randint(-2, 3, (2,)).tolist()
    noise = torch.randint(0, 9, images.shape)
    return (images.roll((down, across), (2, 3)) + noise).clamp(0, 255).byte()


# %% q7 mistake: shares of 255 -> The images should be bytes again
def augment(images, generator):
    shift = torch.randint(-2, 3, (1,), generator=generator).item()
    return images.roll(shift, 3) / 255


# %% q7 mistake: smaller images -> The images should keep their shape
def augment(images, generator):
    left = torch.randint(0, 4, (1,), generator=generator).item()
    return images[:, :, :, left : left + 28]


# %% q7 mistake: writes into the images -> The images themselves were changed
def augment(images, generator):
    images += torch.randint(0, 2, images.shape, generator=generator).byte()
    return images
