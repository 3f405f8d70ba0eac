"""Lab 01: other right answers, and typical mistakes with what the check must say of them."""

# %% q1 right: a sum over the kernel, no loop over windows
def correlate(image, kernel):
    rows = image.shape[0] - kernel.shape[0] + 1
    columns = image.shape[1] - kernel.shape[1] + 1
    return sum(
        kernel[r, c] * image[r : r + rows, c : c + columns]
        for r in range(kernel.shape[0])
        for c in range(kernel.shape[1])
    )


# %% q1 right: NumPy's windows
def correlate(image, kernel):
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(image), tuple(kernel.shape))
    return (windows * np.asarray(kernel)).sum((2, 3))


# %% q1 mistake: turns the kernel -> The kernel is turned
def correlate(image, kernel):
    return F.conv2d(image[None, None], kernel.flip(0, 1)[None, None])[0, 0]


# %% q1 mistake: one place too few -> The map has the wrong shape
def correlate(image, kernel):
    return F.conv2d(image[None, None], kernel[None, None])[0, 0][:-1, :-1]


# %% q1 mistake: keeps the shape of the batch -> The map has the wrong shape
def correlate(image, kernel):
    return F.conv2d(image[None, None], kernel[None, None])


# %% q1 mistake: forgets the return -> is its `return` missing
def correlate(image, kernel):
    F.conv2d(image[None, None], kernel[None, None])[0, 0]


# %% q1 mistake: takes the image for square -> The map has the wrong shape
def correlate(image, kernel):
    side = image.shape[0] - kernel.shape[0] + 1
    response = torch.zeros(side, side)
    for row in range(side):
        for column in range(side):
            window = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
            response[row, column] = (window * kernel).sum()
    return response


# %% q2 right: torch does it
def slide(image, kernel, padding, stride):
    return F.conv2d(image[None, None], kernel[None, None], padding=padding, stride=stride)[0, 0]


# %% q2 right: pads with F.pad, and gives a list
def slide(image, kernel, padding, stride):
    return correlate(F.pad(image, (padding,) * 4), kernel)[::stride, ::stride].tolist()


# %% q2 mistake: pads only above and left -> goes on all four sides
def slide(image, kernel, padding, stride):
    return correlate(F.pad(image, (padding, 0, padding, 0)), kernel)[::stride, ::stride]


# %% q2 mistake: forgets the stride -> The stride has no effect
def slide(image, kernel, padding, stride):
    return correlate(F.pad(image, (padding,) * 4), kernel)


# %% q2 mistake: forgets the padding -> The padding has no effect
def slide(image, kernel, padding, stride):
    return correlate(image, kernel)[::stride, ::stride]


# %% q3 right: with torch
def max_pool(image, size):
    return F.max_pool2d(image[None, None], size)[0, 0]


# %% q3 right: by reshaping
def max_pool(image, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    squares = image[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return squares.amax((1, 3))


# %% q3 mistake: starts from zero -> start from the first value
def max_pool(image, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    pooled = torch.zeros(rows, columns)
    for row in range(rows * size):
        for column in range(columns * size):
            place = row // size, column // size
            pooled[place] = max(pooled[place], image[row, column])
    return pooled


# %% q3 mistake: overlapping squares -> The squares overlap
def max_pool(image, size):
    return F.max_pool2d(image[None, None], size, stride=1)[0, 0]


# %% q3 mistake: averages -> This is the average
def max_pool(image, size):
    return F.avg_pool2d(image[None, None], size)[0, 0]


# %% q3 mistake: keeps what sticks out -> is dropped, not filled up
def max_pool(image, size):
    return F.max_pool2d(image[None, None], size, ceil_mode=True)[0, 0]


# %% q4 right: weights and biases apart
def count(maps_read, side, map_side):
    weights, biases = sum(maps_read) * side * side, len(maps_read)
    return [weights + biases, (weights + biases) * map_side * map_side]


# %% q4 right: as a tensor
def count(maps_read, side, map_side):
    parameters = (torch.tensor(maps_read) * side**2 + 1).sum()
    return torch.stack([parameters, parameters * map_side**2])


# %% q4 mistake: no biases -> The biases are missing
def count(maps_read, side, map_side):
    return sum(maps_read) * side**2, sum(maps_read) * side**2 * map_side**2


# %% q4 mistake: connections without biases -> The connections leave out the biases
def count(maps_read, side, map_side):
    weights = sum(maps_read) * side**2
    return weights + len(maps_read), weights * map_side**2


# %% q4 mistake: each map reads one -> weights for every map it reads
def count(maps_read, side, map_side):
    parameters = len(maps_read) * (side**2 + 1)
    return parameters, parameters * map_side**2


# %% q4 mistake: only one number -> Two numbers are wanted
def count(maps_read, side, map_side):
    return sum(maps_read) * side**2 + len(maps_read)


# %% q5 right: from the last layer back
def receptive_field(layers):
    field = 1
    for side, stride in reversed(layers):
        field = (field - 1) * stride + side
    return field


# %% q5 right: in one sum
def receptive_field(layers):
    import numpy as np

    sides, strides = np.array(layers).T
    steps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + ((sides - 1) * steps).sum()


# %% q5 mistake: the stride too early -> counts for the layers after it
def receptive_field(layers):
    field, step = 1, 1
    for side, stride in layers:
        step *= stride
        field += (side - 1) * step
    return field


# %% q5 mistake: no strides -> The strides do not count yet
def receptive_field(layers):
    return 1 + sum(side - 1 for side, stride in layers)


# %% q5 mistake: adds whole windows -> is another number
def receptive_field(layers):
    field, step = 0, 1
    for side, stride in layers:
        field += side * step
        step *= stride
    return field


# %% q6 right: stronger weights
corner = torch.tensor([[-4, -2, -2], [-2, 2, 1], [-2, 1, 1]])

# %% q6 right: a list
corner = [[-3, -3, -3], [-3, 2, 2], [-3, 2, 2]]

# %% q6 mistake: an edge -> at the corner alone
corner = torch.tensor([[-1.0, -1, -1], [0, 0, 0], [1, 1, 1]])

# %% q6 mistake: the lower right corner -> not at the upper left corner
corner = torch.tensor([[1.0, 1, -1], [1, 1, -1], [-1, -1, -1]])

# %% q6 mistake: nothing is punished -> at the corner alone
corner = torch.tensor([[0.0, 0, 0], [0, 1, 1], [0, 1, 1]])

# %% q6 mistake: two by two -> three rows and three columns
corner = torch.tensor([[1.0, 0], [0, 1]])

# %% q7 right: with norms
prediction = "same"


def relative_change(before, after):
    return torch.linalg.vector_norm(after - before) / torch.linalg.vector_norm(before)


# %% q7 right: with NumPy
prediction = "max"


def relative_change(before, after):
    import numpy as np

    before, after = np.asarray(before).ravel(), np.asarray(after).ravel()
    return np.sqrt(((after - before) ** 2).sum()) / np.sqrt((before**2).sum())


# %% q7 mistake: not relative -> not divided by the length of `before`
prediction = "same"


def relative_change(before, after):
    return (after - before).square().sum().sqrt()


# %% q7 mistake: relative to after -> Divided by the length of `after`
prediction = "same"


def relative_change(before, after):
    return ((after - before).square().sum() / after.square().sum()).sqrt()


# %% q7 mistake: no root -> The root is missing
prediction = "same"


def relative_change(before, after):
    return (after - before).square().sum() / before.square().sum()


# %% q7 mistake: a prediction of another kind -> should be one of
prediction = "it depends"


def relative_change(before, after):
    return ((after - before).square().sum() / before.square().sum()).sqrt()


# %% q8 right: large averages
def pool(maps):
    return F.avg_pool2d(maps, 8)


# %% q8 right: one number for each row of squares
def pool(maps):
    return F.max_pool2d(maps, 4).mean(3)


# %% q8 mistake: nothing is pooled -> no better than without
def pool(maps):
    return maps


# %% q8 mistake: one number for all images -> the first dimension stays
def pool(maps):
    return maps.mean()


# %% q8 mistake: keeps only every other pixel -> no better than without
def pool(maps):
    return maps[..., :2, :2]
