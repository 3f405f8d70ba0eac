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


# %% q1 right: NumPy, from arrays made with .numpy()
def correlate(image, kernel):
    import numpy as np

    image, kernel = image.numpy(), kernel.numpy()
    rows, columns = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    response = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            window = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
            response[row, column] = np.sum(window * kernel)
    return response


# %% q1 mistake: makes whole numbers of the sums -> The fractions are gone
def correlate(image, kernel):
    rows = image.shape[0] - kernel.shape[0] + 1
    columns = image.shape[1] - kernel.shape[1] + 1
    return [
        [
            int((image[r : r + kernel.shape[0], c : c + kernel.shape[1]] * kernel).sum())
            for c in range(columns)
        ]
        for r in range(rows)
    ]


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


# %% q2 mistake: makes whole numbers of the sums -> The fractions are gone
def slide(image, kernel, padding, stride):
    response = correlate(F.pad(image, (padding,) * 4), kernel)[::stride, ::stride]
    return torch.tensor([[int(value) for value in row] for row in response])


# %% q2 mistake: moves on by stride, but as many places as without -> has the wrong shape
def slide(image, kernel, padding, stride):
    padded = F.pad(image, (padding,) * 4)
    full = correlate(padded, kernel)
    response = torch.zeros(full.shape)
    response[: full[::stride].shape[0], : full[0, ::stride].shape[0]] = full[::stride, ::stride]
    return response


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


# %% q3 mistake: a map of whole numbers -> The fractions are gone
def max_pool(image, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    pooled = torch.zeros(rows, columns, dtype=torch.int64)
    for row in range(rows):
        for column in range(columns):
            square = image[row * size : (row + 1) * size, column * size : (column + 1) * size]
            pooled[row, column] = square.max()
    return pooled


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


# %% q4 mistake: a bias for each map read -> not for each map that it reads
def count(maps_read, side, map_side):
    parameters = sum(reads * (side**2 + 1) for reads in maps_read)
    return parameters, parameters * map_side**2


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


# %% q5 mistake: knows only a stride of 2 -> A stride of 3 counts as well
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride in layers:
        field += (side - 1) * jump
        if stride == 2:
            jump *= 2
    return field


# %% q5 mistake: every stride above 1 doubles -> three times as long, not twice
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride in layers:
        field += (side - 1) * jump
        jump *= 2 if stride > 1 else 1
    return field


# %% q5 mistake: only the stride just before -> this counts only the one just before
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride in layers:
        field += (side - 1) * jump
        jump = stride
    return field


# %% q5 mistake: adds the strides -> The side of the field is another number
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride in layers:
        field += (side - 1) * jump
        jump += stride - 1
    return field


# %% q6 right: stronger weights
corner = torch.tensor([[-4, -2, -2], [-2, 2, 1], [-2, 1, 1]])

# %% q6 right: a list
corner = [[-3, -3, -3], [-3, 2, 2], [-3, 2, 2]]

# %% q6 right: a tensor of whole numbers
corner = torch.tensor([[-1, -1, -1], [-1, 1, 1], [-1, 1, 1]])

# %% q6 right: rows put together
corner = [torch.full((3,), -1.0), torch.tensor([-1.0, 1, 1]), torch.tensor([-1.0, 1, 1])]

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


# %% q7 right: the four dimensions named
prediction = "Average"


def relative_change(before, after):
    def length(maps):
        return (maps**2).sum(dim=(0, 1, 2, 3)).sqrt()

    return length(after - before) / length(before)


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


# %% q7 mistake: one number per digit, as in the chapter -> one number for each digit
prediction = "same"


def relative_change(before, after):
    difference = (after - before).flatten(1).norm(dim=1)
    return difference / before.flatten(1).norm(dim=1)


# %% q7 mistake: the mean over the digits -> This is the mean over the digits
prediction = "same"


def relative_change(before, after):
    difference = (after - before).flatten(1).norm(dim=1)
    return (difference / before.flatten(1).norm(dim=1)).mean().item()


# %% q7 mistake: sums the sizes -> not the sum of the sizes
prediction = "same"


def relative_change(before, after):
    return ((after - before).abs().sum() / before.abs().sum()).item()


# %% q7 mistake: measured with an earlier version without a root -> Run the measuring cell again
prediction = "same"
runs = []


def relative_change(before, after):
    runs.append(1)
    change = (after - before).square().sum() / before.square().sum()
    return change if len(runs) <= 2 else change.sqrt()  # the measuring cell calls it twice


# %% q7 mistake: measured with an earlier version, one number per digit -> Run the measuring cell
prediction = "same"
runs = []


def relative_change(before, after):
    runs.append(1)
    start = 1 if len(runs) <= 2 else 0  # the measuring cell calls it twice
    change = (after - before).flatten(start).norm(dim=-1)
    return change / before.flatten(start).norm(dim=-1)


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


# %% q8 right: the values of each map in order
def pool(maps):
    return maps.flatten(2).sort(2).values


# %% q8 right: NumPy, one number for each map
def pool(maps):
    return maps.numpy().mean((2, 3))


# %% q8 mistake: nothing is pooled -> not read clearly better
def pool(maps):
    return maps


# %% q8 mistake: one number for all images -> the first dimension stays
def pool(maps):
    return maps.mean()


# %% q8 mistake: a gain too small to tell from luck -> less may be luck
def pool(maps):
    return F.avg_pool2d(maps, 2)


# %% q8 mistake: keeps only every other pixel -> not read clearly better
def pool(maps):
    return maps[..., ::2, ::2]


# %% q8 mistake: keeps only the empty margin -> not read clearly better
def pool(maps):
    return maps[..., :2, :2]
