"""Lab 00: other right answers, and typical mistakes with what the check must say of them."""

# %% q1 right: nudges in place, and takes each nudge back
def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros(weights.shape)
    for place in np.ndindex(*weights.shape):
        before = weights[place]
        weights[place] = before + nudge
        above = loss(weights)
        weights[place] = before - nudge
        below = loss(weights)
        weights[place] = before
        gradient[place] = (above - below) / (2 * nudge)
    return gradient


# %% q1 right: one row of the unit matrix at a time, a list in the end
def nudged_gradient(loss, weights, nudge=1e-5):
    units = np.eye(weights.size).reshape(-1, *weights.shape) * nudge
    slopes = [(loss(weights + unit) - loss(weights - unit)) / (2 * nudge) for unit in units]
    return np.reshape(slopes, weights.shape).tolist()


# %% q1 mistake: nudges to one side -> to one side only
def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        above = weights.copy()
        above[place] += nudge
        gradient[place] = (loss(above) - loss(weights)) / nudge
    return gradient


# %% q1 mistake: divides by one nudge -> two nudges far
def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        above, below = weights.copy(), weights.copy()
        above[place] += nudge
        below[place] -= nudge
        gradient[place] = (loss(above) - loss(below)) / nudge
    return gradient


# %% q1 mistake: another name in place of a copy -> `weights.copy()` makes another
def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        above, below = weights, weights
        above[place] += nudge
        below[place] -= nudge
        gradient[place] = (loss(above) - loss(below)) / (2 * nudge)
    return gradient


# %% q1 mistake: does not take the nudge back -> take each nudge back
def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        weights[place] += nudge
        above = loss(weights)
        weights[place] -= 2 * nudge
        gradient[place] = (above - loss(weights)) / (2 * nudge)
    return gradient


# %% q1 mistake: nudges all weights at once -> nudged together
def nudged_gradient(loss, weights, nudge=1e-5):
    slope = (loss(weights + nudge) - loss(weights - nudge)) / (2 * nudge)
    return np.full(weights.shape, slope)


# %% q1 mistake: hands one weight to the loss -> wants all the weights at once
def nudged_gradient(loss, weights, nudge=1e-5):
    slopes = [(loss(w + nudge) - loss(w - nudge)) / (2 * nudge) for w in weights.ravel()]
    return np.array(slopes).reshape(weights.shape)


# %% q1 mistake: returns within the loop -> one slope for each weight
def nudged_gradient(loss, weights, nudge=1e-5):
    return (loss(weights + nudge) - loss(weights - nudge)) / (2 * nudge)


# %% q2 right: with a new array each time, and a list
prediction = 0.05


def walk(loss, start, rate, steps):
    w = start
    path = [w]
    for _ in range(steps):
        w = w - rate * nudged_gradient(loss, w)
        path.append(w)
    return path


# %% q2 right: fills an array
prediction = np.float64(1.0)


def walk(loss, start, rate, steps):
    path = np.empty((steps + 1, *start.shape))
    path[0] = start
    for step in range(steps):
        path[step + 1] = path[step]
        path[step + 1] -= rate * nudged_gradient(loss, path[step])
    return path


# %% q2 mistake: one array, changed in place -> already stands in your list
prediction = 0.1


def walk(loss, start, rate, steps):
    w = start.copy()
    path = [w]
    for _ in range(steps):
        w -= rate * nudged_gradient(loss, w)
        path.append(w)
    return np.array(path)


# %% q2 mistake: one array in place, the start copied -> already stands in your list
prediction = 0.1


def walk(loss, start, rate, steps):
    path, w = [start.copy()], start
    for _ in range(steps):
        w -= rate * nudged_gradient(loss, w)
        path.append(w)
    return path


# %% q2 mistake: uphill -> step against the slope
prediction = 0.1


def walk(loss, start, rate, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] + rate * nudged_gradient(loss, path[-1]))
    return np.array(path)


# %% q2 mistake: without the start -> The start is missing
prediction = 0.1


def walk(loss, start, rate, steps):
    path, w = [], start
    for _ in range(steps):
        w = w - rate * nudged_gradient(loss, w)
        path.append(w)
    return np.array(path)


# %% q2 mistake: only the end -> Only the end comes back
prediction = 0.1


def walk(loss, start, rate, steps):
    for _ in range(steps):
        start = start - rate * nudged_gradient(loss, start)
    return start


# %% q2 mistake: changes the start -> `start` was changed
prediction = 0.1


def walk(loss, start, rate, steps):
    path = [start.copy()]
    for _ in range(steps):
        start -= rate * nudged_gradient(loss, start)
        path.append(start.copy())
    return path


# %% q2 mistake: the slope once, at the start -> The slope is taken once, at the start
prediction = 0.1


def walk(loss, start, rate, steps):
    slope = nudged_gradient(loss, start)
    return np.array([start - step * rate * slope for step in range(steps + 1)])


# %% q2 mistake: relies on a slope that is twice too large -> check task 1 again
prediction = 0.1


def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        above, below = weights.copy(), weights.copy()
        above[place] += nudge
        below[place] -= nudge
        gradient[place] = (loss(above) - loss(below)) / nudge
    return gradient


def walk(loss, start, rate, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - rate * nudged_gradient(loss, path[-1]))
    return np.array(path)


# %% q2 mistake: relies on a slope that is always zero -> check task 1 again
prediction = 0.1


def nudged_gradient(loss, weights, nudge=1e-5):
    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        above, below = weights, weights
        above[place] += nudge
        below[place] -= nudge
        gradient[place] = (loss(above) - loss(below)) / (2 * nudge)
    return gradient


def walk(loss, start, rate, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - rate * nudged_gradient(loss, path[-1]))
    return np.array(path)


# %% q2 mistake: the prediction in words -> should be
prediction = "a small one"


def walk(loss, start, rate, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - rate * nudged_gradient(loss, path[-1]))
    return np.array(path)


# %% q3 right: torch does it all
def surprise(scores, labels):
    import torch

    scores = torch.tensor(scores, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
    loss.backward()
    return loss, scores.grad


# %% q3 right: row by row
def surprise(scores, labels):
    loss, d_scores = 0.0, []
    for row, label in zip(scores, labels):
        shifted = row - max(row)
        log_p = shifted - np.log(np.exp(shifted).sum())
        loss -= log_p[label]
        d_scores.append((np.exp(log_p) - (np.arange(len(row)) == label)) / len(labels))
    return [loss / len(labels), d_scores]


# %% q3 mistake: overflows -> Subtract the largest score
def surprise(scores, labels):
    rows = np.arange(len(labels))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# %% q3 right: the largest of each row by a logarithm of sums
def surprise(scores, labels):
    scores = scores.copy()
    scores -= scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    right = np.eye(scores.shape[1])[labels]
    return -(right * log_p).sum() / len(labels), (np.exp(log_p) - right) / len(labels)


# %% q3 mistake: one largest score for all rows -> Each row has a largest of its own
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max())
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# %% q3 mistake: changes the scores in place -> but `scores` is not as you were given it
def surprise(scores, labels):
    rows = np.arange(len(labels))
    scores -= scores.max(axis=1, keepdims=True)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# %% q3 mistake: softmax down the columns -> The softmax goes down the columns
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max(axis=0))
    p = powers / powers.sum(axis=0)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# %% q3 mistake: softmax over the whole array -> over the whole array
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max())
    p = powers / powers.sum()
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# %% q3 mistake: a sum for the mean -> the sum of the surprises
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).sum()
    p[rows, labels] -= 1
    return loss, p


# %% q3 mistake: slopes of the sum -> the slope of the sum
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p


# %% q3 mistake: takes whole columns -> takes every label from every row
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[:, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


# %% q3 mistake: y minus p -> The signs of `d_scores` are turned
def surprise(scores, labels):
    rows = np.arange(len(labels))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    return loss, (np.eye(scores.shape[1])[labels] - p) / len(labels)


# %% q3 mistake: only the loss -> Two things are wanted
def surprise(scores, labels):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


# %% q4 right: by einsum
def dense_backward(x, w, d_out):
    d_x = np.einsum("nk,mk->nm", d_out, w)
    d_w = np.einsum("nm,nk->mk", x, d_out)
    return [d_x, d_w, np.einsum("nk->k", d_out)]


# %% q4 right: example by example, the bias as a weight whose input is 1
def dense_backward(x, w, d_out):
    d_x, d_w, d_b = np.zeros_like(x), np.zeros_like(w), 0
    for n in range(len(x)):
        d_x[n] = w @ d_out[n]
        d_w += np.outer(x[n], d_out[n])
        d_b = d_b + d_out[n]
    return d_x, d_w, d_b


# %% q4 mistake: a mean for the bias -> collects from every row: a sum
def dense_backward(x, w, d_out):
    return d_out @ w.T, x.T @ d_out, d_out.mean(axis=0)


# %% q4 mistake: divides by the examples once more -> `d_w` is a mean over the examples
def dense_backward(x, w, d_out):
    return d_out @ w.T, x.T @ d_out / len(x), d_out.sum(axis=0)


# %% q4 mistake: the wrong axis for the bias -> add up over the examples, `axis=0`
def dense_backward(x, w, d_out):
    return d_out @ w.T, x.T @ d_out, d_out.sum(axis=1)


# %% q4 mistake: the gradient of the bias is d_out itself -> one bias for each output
def dense_backward(x, w, d_out):
    return d_out @ w.T, x.T @ d_out, d_out


# %% q4 mistake: keeps the dimension of the sum -> leave out `keepdims`
def dense_backward(x, w, d_out):
    return d_out @ w.T, x.T @ d_out, d_out.sum(axis=0, keepdims=True)


# %% q4 mistake: does not turn w -> Your code raised
def dense_backward(x, w, d_out):
    return d_out @ w, x.T @ d_out, d_out.sum(axis=0)


# %% q4 mistake: does not turn w, but makes the shapes fit -> `w` is not turned
def dense_backward(x, w, d_out):
    d_x = d_out @ (w if w.shape[0] == w.shape[1] else w.T)
    return d_x, x.T @ d_out, d_out.sum(axis=0)


# %% q4 mistake: d_w turned over -> `d_w` is turned over
def dense_backward(x, w, d_out):
    return d_out @ w.T, d_out.T @ x, d_out.sum(axis=0)


# %% q4 mistake: another order -> The order is d_x, d_w, d_b
def dense_backward(x, w, d_out):
    return x.T @ d_out, d_out @ w.T, d_out.sum(axis=0)


# %% q5 right: a function with a name, and 1 / cosh²
def tanh(a):
    def pass_back(g):
        return [g / np.cosh(a.value) ** 2]

    return Node(np.tanh(a.value), [a], pass_back)


# %% q5 right: out of powers
def tanh(a):
    up, down = np.exp(a.value), np.exp(-a.value)
    slope = 4 / (up + down) ** 2
    return Node((up - down) / (up + down), (a,), lambda g: (slope * g,))


# %% q5 mistake: the local slope alone -> This is the local slope alone
def tanh(a):
    value = np.tanh(a.value)
    return Node(value, (a,), lambda g: (1 - value**2,))


# %% q5 mistake: the slope of the input -> not 1 − a²
def tanh(a):
    return Node(np.tanh(a.value), (a,), lambda g: (g * (1 - a.value**2),))


# %% q5 mistake: the gradient of the node for the one that arrives -> The gradient that arrives is `g`
def tanh(a):
    value = np.tanh(a.value)
    return Node(value, (a,), lambda g: (a.gradient * (1 - value**2),))


# %% q5 mistake: no comma behind the gradient -> mind the comma
def tanh(a):
    value = np.tanh(a.value)
    return Node(value, (a,), lambda g: g * (1 - value**2))


# %% q5 mistake: no comma behind the parent -> A tuple of one parent has a comma
def tanh(a):
    value = np.tanh(a.value)
    return Node(value, (a), lambda g: (g * (1 - value**2),))


# %% q5 mistake: an array, no node -> should give back a `Node`
def tanh(a):
    return np.tanh(a.value)


# %% q5 mistake: a node that remembers nothing -> The node has no parents
def tanh(a):
    return Node(np.tanh(a.value))


# %% q5 mistake: no pass_back -> The node has no `pass_back`
def tanh(a):
    return Node(np.tanh(a.value), (a,))


# %% q5 mistake: the slope of the sigmoid -> the slope of the sigmoid
def tanh(a):
    value = np.tanh(a.value)
    return Node(value, (a,), lambda g: (g * value * (1 - value),))


# %% q5 mistake: takes tanh of a node -> Your code raised
def tanh(a):
    value = np.tanh(a)
    return Node(value, (a,), lambda g: (g * (1 - value**2),))


# %% q6 right: a loop over the kernel's weights in place of the places
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = sum(
        kernels.value[None, :, i, j, None, None]
        * images.value[:, None, i : i + rows, j : j + columns]
        for i in range(r)
        for j in range(c)
    )

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), np.zeros_like(kernels.value)
        for i in range(r):
            for j in range(c):
                part = np.s_[:, i : i + rows, j : j + columns]
                d_kernels[:, i, j] = (g * images.value[part][:, None]).sum((0, 2, 3))
                d_images[part] += (g * kernels.value[None, :, i, j, None, None]).sum(1)
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 right: torch does it
def convolve(images, kernels):
    import torch

    leaves = [torch.tensor(a.value[:, None], requires_grad=True) for a in (images, kernels)]
    maps = torch.nn.functional.conv2d(*leaves)

    def pass_back(g):
        d_images, d_kernels = torch.autograd.grad(maps, leaves, torch.tensor(g), retain_graph=True)
        return d_images[:, 0].numpy(), d_kernels[:, 0].numpy()

    return Node(maps.detach(), (images, kernels), pass_back)


# %% q6 right: einsum over NumPy's windows
def convolve(images, kernels):
    _, r, c = kernels.value.shape
    windows = np.lib.stride_tricks.sliding_window_view(images.value, (r, c), axis=(1, 2))
    value = np.einsum("nyxrc,krc->nkyx", windows, kernels.value)

    def pass_back(g):
        d_kernels = np.einsum("nkyx,nyxrc->krc", g, windows)
        wide = np.pad(g, ((0, 0), (0, 0), (r - 1, r - 1), (c - 1, c - 1)))
        around = np.lib.stride_tricks.sliding_window_view(wide, (r, c), axis=(2, 3))
        return np.einsum("nkhwrc,krc->nhw", around, kernels.value[:, ::-1, ::-1]), d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 right: slow, a loop over the images and the kernels
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    places = list(np.ndindex(n, k, rows, columns))
    for i, j, y, x in places:
        value[i, j, y, x] = (images.value[i, y : y + r, x : x + c] * kernels.value[j]).sum()

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), np.zeros_like(kernels.value)
        for i, j, y, x in places:
            d_images[i, y : y + r, x : x + c] += g[i, j, y, x] * kernels.value[j]
            d_kernels[j] += g[i, j, y, x] * images.value[i, y : y + r, x : x + c]
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: the value alone, the way back still blank -> The value is right. Now `pass_back`
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = ..., ...
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: a wrong value, the way back still blank -> The kernels are turned
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value[:, ::-1, ::-1]).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = ..., ...
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: one of the two gradients still blank -> The value is right. Now `pass_back`
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), ...
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: rows and columns of the map swapped -> Rows and columns have changed places
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, columns, rows))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, x, y] = (window * kernels.value).sum((2, 3))

    return Node(value, (images, kernels), lambda g: (images.value, kernels.value))


# %% q6 mistake: loops over the columns as if they were rows -> Your code raised
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(columns):
        for x in range(rows):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    return Node(value, (images, kernels), lambda g: (images.value, kernels.value))


# %% q6 mistake: stamps overwrite one another -> overwrite one another
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), np.zeros_like(kernels.value)
        for y in range(rows):
            for x in range(columns):
                here = g[:, :, y, x, None, None]
                d_images[:, y : y + r, x : x + c] = (here * kernels.value).sum(1)
                d_kernels += (here * images.value[:, None, y : y + r, x : x + c]).sum(0)
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: only the last place for the kernels -> Only the last place counts
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images = np.zeros_like(images.value)
        for y in range(rows):
            for x in range(columns):
                here = g[:, :, y, x, None, None]
                d_images[:, y : y + r, x : x + c] += (here * kernels.value).sum(1)
                d_kernels = (here * images.value[:, None, y : y + r, x : x + c]).sum(0)
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: a mean over the images -> each of them adds its share
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), np.zeros_like(kernels.value)
        for y in range(rows):
            for x in range(columns):
                here = g[:, :, y, x, None, None]
                d_images[:, y : y + r, x : x + c] += (here * kernels.value).sum(1)
                d_kernels += (here * images.value[:, None, y : y + r, x : x + c]).mean(0)
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: the gradients in the other order -> another order than the parents
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), np.zeros_like(kernels.value)
        for y in range(rows):
            for x in range(columns):
                here = g[:, :, y, x, None, None]
                d_images[:, y : y + r, x : x + c] += (here * kernels.value).sum(1)
                d_kernels += (here * images.value[:, None, y : y + r, x : x + c]).sum(0)
        return d_kernels, d_images

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: turns the kernels -> The kernels are turned
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value[:, ::-1, ::-1]).sum((2, 3))
    return Node(value, (images, kernels), lambda g: (images.value, kernels.value))


# %% q6 mistake: adds up the windows alone -> but not times the gradient
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r + 1, w - c + 1
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))

    def pass_back(g):
        d_images, d_kernels = np.zeros_like(images.value), np.zeros_like(kernels.value)
        for y in range(rows):
            for x in range(columns):
                here = g[:, :, y, x, None, None]
                d_images[:, y : y + r, x : x + c] += (here * kernels.value).sum(1)
                d_kernels += images.value[:, None, y : y + r, x : x + c].sum(0)
        return d_images, d_kernels

    return Node(value, (images, kernels), pass_back)


# %% q6 mistake: one place too few -> wrong shape
def convolve(images, kernels):
    (n, h, w), (k, r, c) = images.value.shape, kernels.value.shape
    rows, columns = h - r, w - c
    value = np.zeros((n, k, rows, columns))
    for y in range(rows):
        for x in range(columns):
            window = images.value[:, None, y : y + r, x : x + c]
            value[:, :, y, x] = (window * kernels.value).sum((2, 3))
    return Node(value, (images, kernels), lambda g: (images.value, kernels.value))


# %% q7 right: clears at the end, changes in place, names the other line
bugs = [6, 2, 4]


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[batch]), weights), labels[batch])
        backward(loss)
        for weight in weights:
            weight.value -= rate * weight.gradient
            weight.gradient = np.zeros_like(weight.value)
        losses.append(loss.value)
    return losses


# %% q7 right: clears first of all, an array of losses
bugs = (2, 5, 6)


def train(network, weights, images, labels, batches, rate):
    losses = np.zeros(len(batches))
    for number, batch in enumerate(batches):
        for weight in weights:
            weight.gradient[:] = 0
        loss = cross_entropy(network(Node(images[batch]), weights), labels[batch])
        backward(loss)
        for weight in weights:
            weight.value = weight.value + -rate * weight.gradient
        losses[number] = loss.value
    return losses


# %% q7 mistake: names the bugs and mends none -> No weight has moved
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        y = labels[: len(batch)]
        loss = cross_entropy(network(x, weights), y)
        backward(loss)
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        for weight in weights:
            weight.value = weight.value + rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: one of three mended -> The weights move, but uphill
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        y = labels[: len(batch)]
        loss = cross_entropy(network(x, weights), y)
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value + rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: two of three mended -> labels of other images
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        y = labels[: len(batch)]
        loss = cross_entropy(network(x, weights), y)
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: deletes the line that clears -> pile up
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        y = labels[batch]
        loss = cross_entropy(network(x, weights), y)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: a new name in place of a new value -> No weight has moved
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        loss = cross_entropy(network(x, weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: a rate of its own -> the step should use `rate`
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[batch]), weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - 0.3 * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: backward in the loop that clears -> more than once in a round
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[batch]), weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
            backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: backward in the loop that steps -> more than once in a round
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[batch]), weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        for weight in weights:
            backward(loss)
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: line 1 made like line 2 -> the first ones of the set in every round
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[: len(batch)]), weights), labels[: len(batch)])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: line 1 made like line 2, still uphill -> The weights move, but uphill
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[: len(batch)]), weights), labels[: len(batch)])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value + rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: the labels mended, the images spoiled -> labels of other images
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[: len(batch)]), weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: steps only with the last batch -> What `train` leaves in the weights has
bugs = {2, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        loss = cross_entropy(network(Node(images[batch]), weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        losses.append(float(loss.value))
    for weight in weights:
        weight.value = weight.value - rate * weight.gradient
    return losses


# %% q7 mistake: mends all and names a line that was right -> 2 of 3 held a bug
bugs = {2, 3, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        loss = cross_entropy(network(x, weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q7 mistake: names four lines -> no more
bugs = {2, 4, 5, 6}


def train(network, weights, images, labels, batches, rate):
    losses = []
    for batch in batches:
        x = Node(images[batch])
        loss = cross_entropy(network(x, weights), labels[batch])
        for weight in weights:
            weight.gradient = np.zeros_like(weight.value)
        backward(loss)
        for weight in weights:
            weight.value = weight.value - rate * weight.gradient
        losses.append(float(loss.value))
    return losses


# %% q8 right: fewer kernels, ReLU
rng = np.random.default_rng(1)
rate = 0.2


def network(x, weights):
    maps = relu(add(convolve(x, weights[0]), weights[1]))
    return add(matmul(flatten(maps), weights[2]), weights[3])


start = [rng.normal(size=(4, 5, 5)) * 0.2, np.zeros((4, 1, 1)), np.zeros((400, 10)), np.zeros(10)]

# %% q8 right: lists for arrays, larger kernels, no shifts
rng = np.random.default_rng(2)
rate = 0.3


def network(x, weights):
    return matmul(flatten(tanh(convolve(x, weights[0]))), weights[1])


start = [(rng.normal(size=(4, 7, 7)) / 7).tolist(), (rng.normal(size=(256, 10)) / 16).tolist()]

# %% q8 mistake: all weights start at zero -> no better than one dense layer
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    maps = tanh(add(convolve(x, weights[0]), weights[1]))
    return add(matmul(flatten(maps), weights[2]), weights[3])


start = [np.zeros((2, 5, 5)), np.zeros((2, 1, 1)), np.zeros((200, 10)), np.zeros(10)]

# %% q8 mistake: hardly trained, and the dense layer not at all -> no better than one dense layer
rng = np.random.default_rng(0)
rate = 0.003
plain = [Node(np.zeros((196, 10))), Node(np.zeros(10))]


def network(x, weights):
    return add(matmul(flatten(tanh(convolve(x, weights[0]))), weights[1]), weights[2])


start = [rng.normal(size=(2, 5, 5)) / 5, rng.normal(size=(200, 10)) / 14, np.zeros(10)]

# %% q8 mistake: starts as nodes -> `start` should hold arrays
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    return add(matmul(flatten(tanh(convolve(x, weights[0]))), weights[1]), weights[2])


start = [
    Node(rng.normal(size=(2, 5, 5)) / 5), Node(rng.normal(size=(200, 10)) / 14), Node(np.zeros(10))
]

# %% q8 mistake: a bias for each column, by chance as many as maps -> the shape is (k, 1, 1)
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    maps = tanh(add(convolve(x, weights[0]), weights[1]))
    return add(matmul(flatten(maps), weights[2]), weights[3])


start = [
    rng.normal(size=(10, 5, 5)) / 5, np.zeros(10), rng.normal(size=(1000, 10)) / 32, np.zeros(10)
]


# %% q8 mistake: the weights start far too large -> no better than one dense layer
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    maps = tanh(add(convolve(x, weights[0]), weights[1]))
    return add(matmul(flatten(maps), weights[2]), weights[3])


start = [
    10 * rng.normal(size=(2, 5, 5)), np.zeros((2, 1, 1)),
    10 * rng.normal(size=(200, 10)), np.zeros(10),
]

# %% q8 mistake: a node out of bare values cuts the graph -> That cuts the graph
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    maps = tanh(convolve(x, weights[0]))
    rows = Node(maps.value.reshape(len(maps.value), -1))
    return add(matmul(rows, weights[1]), weights[2])


start = [rng.normal(size=(4, 5, 5)) / 5, rng.normal(size=(400, 10)) / 20, np.zeros(10)]

# %% q8 mistake: the shape of the dense layer does not fit -> Your code raised
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    return add(matmul(flatten(tanh(convolve(x, weights[0]))), weights[1]), weights[2])


start = [rng.normal(size=(4, 5, 5)) / 5, rng.normal(size=(4 * 81, 10)) / 18, np.zeros(10)]

# %% q8 mistake: one score too many -> ten scores for each image
rng = np.random.default_rng(0)
rate = 0.3


def network(x, weights):
    return add(matmul(flatten(x), weights[0]), weights[1])


start = [np.zeros((196, 11)), np.zeros(11)]
