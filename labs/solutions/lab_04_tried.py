"""Lab 04: other right answers, and typical mistakes with what the check must say of them."""

# %% q1 right: torch does it
def dropout(x, p, training):
    return F.dropout(x, p, training)


# %% q1 right: a mask of Bernoulli numbers
def dropout(x, p, training):
    if training:
        mask = torch.bernoulli(torch.full(x.shape, 1 - p))
        return torch.where(mask == 1, x / (1 - p), torch.zeros(()))
    return x


# %% q1 right: a mask from NumPy
def dropout(x, p, training):
    import numpy as np

    if not training:
        return x
    mask = np.random.default_rng().binomial(1, 1 - p, size=tuple(x.shape))
    return x * torch.as_tensor(mask, dtype=x.dtype) / (1 - p)


# %% q1 mistake: keeps with probability p -> here it is the probability to keep
def dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand_like(x) < p) / p


# %% q1 mistake: forgets the division -> is not divided by `1 - p`
def dropout(x, p, training):
    return x * (torch.rand_like(x) >= p) if training else x


# %% q1 mistake: divides by p -> divided by what is kept
def dropout(x, p, training):
    return x * (torch.rand_like(x) >= p) / p if training else x


# %% q1 mistake: ignores the mode -> nothing is dropped
def dropout(x, p, training):
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% q1 mistake: the mode turned round -> nothing is dropped
def dropout(x, p, training):
    return x if training else x * (torch.rand_like(x) >= p) / (1 - p)


# %% q1 mistake: scales in use, too -> In use nothing is scaled
def dropout(x, p, training):
    if not training:
        return x * (1 - p)
    return x * (torch.rand_like(x) >= p) / (1 - p)


# %% q1 mistake: one mask for the batch -> All rows have the same mask
def dropout(x, p, training):
    return x * (torch.rand(x.shape[1:]) >= p) / (1 - p) if training else x


# %% q1 mistake: one number a row -> dropped or kept as a whole
def dropout(x, p, training):
    return x * (torch.rand(len(x), 1) >= p) / (1 - p) if training else x


# %% q1 mistake: two sizes only -> must match the size
def dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand(x.shape[0], x.shape[1]) >= p) / (1 - p)


# %% q1 mistake: two loops -> A map is dropped or kept as a whole
def dropout(x, p, training):
    if not training:
        return x
    mask = torch.ones_like(x)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            if torch.rand(()) < p:
                mask[row, column] = 0
    return x * mask / (1 - p)


# %% q1 mistake: one number a map -> A map is dropped or kept as a whole
def dropout(x, p, training):
    if not training:
        return x
    return x * (torch.rand(x.shape[:2] + (1,) * (x.ndim - 2)) >= p) / (1 - p)


# %% q1 mistake: one mask for all maps -> some share theirs along a whole dimension
def dropout(x, p, training):
    if not training:
        return x
    shape = x.shape if x.ndim == 2 else (len(x), 1, *x.shape[2:])
    return x * (torch.rand(shape) >= p) / (1 - p)


# %% q1 mistake: NumPy's float64 -> `.to(x.dtype)` turns a mask
def dropout(x, p, training):
    import numpy as np

    if not training:
        return x
    return x * torch.from_numpy((np.random.rand(*x.shape) >= p) / (1 - p))


# %% q1 mistake: changes x itself -> The input itself was changed
def dropout(x, p, training):
    if training:
        x[torch.rand_like(x) < p] = 0
        x /= 1 - p
    return x


# %% q1 mistake: the same seed each time -> The mask is the same each time
def dropout(x, p, training):
    torch.manual_seed(0)
    return x * (torch.rand_like(x) >= p) / (1 - p) if training else x


# %% q1 mistake: loses the gradient -> no gradient finds its way back
def dropout(x, p, training):
    with torch.no_grad():
        return x * (torch.rand_like(x) >= p) / (1 - p) if training else x


# %% q1 mistake: forgets the return -> is its `return` missing
def dropout(x, p, training):
    if training:
        x * (torch.rand_like(x) >= p) / (1 - p)
    else:
        return x


# %% q2 right: all masks
def mean_and_variance(values, weights, p):
    import itertools

    mean = squares = 0.0
    for mask in itertools.product([0, 1], repeat=len(values)):
        chance, total = 1.0, 0.0
        for kept, value, weight in zip(mask, values.tolist(), weights.tolist()):
            chance *= 1 - p if kept else p
            total += kept * value * weight / (1 - p)
        mean += chance * total
        squares += chance * total**2
    return mean, squares - mean**2


# %% q2 right: two products of vectors, as a tensor
def mean_and_variance(values, weights, p):
    return torch.stack([weights @ values, p / (1 - p) * weights**2 @ values**2])


# %% q2 mistake: the standard deviation -> This is the standard deviation
def mean_and_variance(values, weights, p):
    parts = weights * values
    return parts.sum(), (p / (1 - p) * (parts**2).sum()).sqrt()


# %% q2 mistake: the weights once -> has the weights only once
def mean_and_variance(values, weights, p):
    return (weights * values).sum(), p / (1 - p) * (weights * values**2).sum()


# %% q2 mistake: the square of the sum -> the sum of the squares
def mean_and_variance(values, weights, p):
    mean = (weights * values).sum()
    return mean, p / (1 - p) * mean**2


# %% q2 mistake: not divided -> without the division by `1 - p`
def mean_and_variance(values, weights, p):
    parts = weights * values
    return (1 - p) * parts.sum(), p * (1 - p) * (parts**2).sum()


# %% q2 mistake: the variance not divided -> not p (1 - p)
def mean_and_variance(values, weights, p):
    parts = weights * values
    return parts.sum(), p * (1 - p) * (parts**2).sum()


# %% q2 mistake: p for 1 - p -> are exchanged in the variance
def mean_and_variance(values, weights, p):
    parts = weights * values
    return parts.sum(), (1 - p) / p * (parts**2).sum()


# %% q2 mistake: all masks alike -> Masks are not equally likely unless p = 1/2
def mean_and_variance(values, weights, p):
    import itertools

    sums = [
        sum(m * v * w for m, v, w in zip(mask, values, weights)) / (1 - p)
        for mask in itertools.product([0, 1], repeat=len(values))
    ]
    sums = torch.stack([torch.as_tensor(s) for s in sums])
    return sums.mean(), sums.var(correction=0)


# %% q2 mistake: all masks alike, and not divided -> Masks are not equally likely unless p = 1/2
def mean_and_variance(values, weights, p):
    parts = values * weights
    return parts.sum() / 2, (parts**2).sum() / 4


# %% q2 mistake: the variance without weights -> each weight counts, squared
def mean_and_variance(values, weights, p):
    return (weights * values).sum(), p / (1 - p) * (values**2).sum()


# %% q2 mistake: the factor is missing -> The variance depends on p
def mean_and_variance(values, weights, p):
    parts = weights * values
    return parts.sum(), (parts**2).sum()


# %% q2 mistake: the mean is not subtracted -> or second moment
def mean_and_variance(values, weights, p):
    parts = weights * values
    return parts.sum(), p / (1 - p) * (parts**2).sum() + parts.sum() ** 2


# %% q2 mistake: no weights -> The weights do not count yet
def mean_and_variance(values, weights, p):
    return values.sum(), p / (1 - p) * (values**2).sum()


# %% q2 mistake: only a sample -> Only a sample of masks
def mean_and_variance(values, weights, p):
    sums = F.dropout(values.repeat(20_000, 1), p) @ weights
    return sums.mean(), sums.var()


# %% q2 mistake: only the mean -> Two numbers are wanted
def mean_and_variance(values, weights, p):
    return (weights * values).sum()


# %% q3 right: the library does it
def error(network, images, labels):
    answers = lc.predict_probabilities(network, images).argmax(1)
    return (answers != labels).double().mean() * 100


# %% q3 right: one image at a time
def error(network, images, labels):
    was = network.training
    network.eval()
    wrong = 0
    with torch.inference_mode():
        for image, label in zip(images, labels):
            scores = network(image[None, None].float().div(255))[0]
            wrong += int(scores.argmax()) != int(label)
    if was:
        network.train()
    return 100 * wrong / len(labels)


# %% q3 mistake: forgets eval -> Dropout was on
def error(network, images, labels):
    with torch.no_grad():
        answers = network(images[:, None] / 255).argmax(1)
    return 100 * (answers != labels).float().mean().item()


# %% q3 mistake: forgets no_grad -> under `torch.no_grad()`
def error(network, images, labels):
    before = network.training
    network.eval()
    answers = network(images[:, None] / 255).argmax(1)
    network.train(before)
    return 100 * (answers != labels).float().mean().item()


# %% q3 mistake: leaves it in eval mode -> in another mode than before
def error(network, images, labels):
    network.eval()
    with torch.no_grad():
        answers = network(images[:, None] / 255).argmax(1)
    return 100 * (answers != labels).float().mean().item()


# %% q3 mistake: always back to train mode -> in another mode than before
def error(network, images, labels):
    network.eval()
    with torch.no_grad():
        answers = network(images[:, None] / 255).argmax(1)
    network.train()
    return 100 * (answers != labels).float().mean().item()


# %% q3 mistake: a share -> This is a share
def error(network, images, labels):
    answers = lc.predict_probabilities(network, images).argmax(1)
    return (answers != labels).float().mean().item()


# %% q3 mistake: the accuracy -> counts the wrong ones
def error(network, images, labels):
    answers = lc.predict_probabilities(network, images).argmax(1)
    return 100 * (answers == labels).float().mean().item()


# %% q3 mistake: a count -> This is the number of wrong images
def error(network, images, labels):
    answers = lc.predict_probabilities(network, images).argmax(1)
    return (answers != labels).sum().item()


# %% q3 mistake: the channel is missing -> Given groups=1
def error(network, images, labels):
    before = network.training
    network.eval()
    with torch.no_grad():
        answers = network(images / 255).argmax(1)
    network.train(before)
    return 100 * (answers != labels).float().mean().item()


# %% q4 right: torch's dropout
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = F.dropout(F.max_pool2d(self.conv1(x), 2).relu(), self.maps, self.training)
        x = F.dropout(F.max_pool2d(self.conv2(x), 2).relu(), self.maps, self.training)
        x = F.dropout(self.fc1(x.flatten(1)).relu(), self.units, self.training)
        return self.fc3(F.dropout(self.fc2(x).relu(), self.units, self.training))


# %% q4 right: layers of its own, ReLU before the pooling
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.behind_pooling, self.behind_dense = torch.nn.Dropout(maps), torch.nn.Dropout(units)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.behind_pooling(F.max_pool2d(F.relu(layer(x)), 2))
        x = torch.flatten(x, start_dim=1)
        for layer in (self.fc1, self.fc2):
            x = self.behind_dense(F.relu(layer(x)))
        return self.fc3(x)


# %% q4 right: dropped before the ReLU, which changes nothing
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = F.relu(dropout(F.max_pool2d(self.conv1(x), 2), self.maps, self.training))
        x = F.relu(dropout(F.max_pool2d(self.conv2(x), 2), self.maps, self.training))
        x = F.relu(dropout(self.fc1(x.flatten(1)), self.units, self.training))
        x = F.relu(dropout(self.fc2(x), self.units, self.training))
        return self.fc3(x)


# %% q4 mistake: always in training -> After eval() something is still dropped
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = dropout(F.relu(F.max_pool2d(self.conv1(x), 2)), self.maps, True)
        x = dropout(F.relu(F.max_pool2d(self.conv2(x), 2)), self.maps, True)
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.units, True)
        x = dropout(F.relu(self.fc2(x)), self.units, True)
        return self.fc3(x)


# %% q4 mistake: on the output, too -> Never on the output
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = dropout(F.relu(F.max_pool2d(self.conv1(x), 2)), self.maps, self.training)
        x = dropout(F.relu(F.max_pool2d(self.conv2(x), 2)), self.maps, self.training)
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.units, self.training)
        x = dropout(F.relu(self.fc2(x)), self.units, self.training)
        return dropout(self.fc3(x), self.units, self.training)


# %% q4 mistake: before the pooling -> comes after pooling and ReLU
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = F.relu(F.max_pool2d(dropout(self.conv1(x), self.maps, self.training), 2))
        x = F.relu(F.max_pool2d(dropout(self.conv2(x), self.maps, self.training), 2))
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.units, self.training)
        x = dropout(F.relu(self.fc2(x)), self.units, self.training)
        return self.fc3(x)


# %% q4 mistake: the rates exchanged -> the rate of the other kind
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = dropout(F.relu(F.max_pool2d(self.conv1(x), 2)), self.units, self.training)
        x = dropout(F.relu(F.max_pool2d(self.conv2(x), 2)), self.units, self.training)
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.maps, self.training)
        x = dropout(F.relu(self.fc2(x)), self.maps, self.training)
        return self.fc3(x)


# %% q4 mistake: whole maps -> whole maps are dropped
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = F.dropout2d(F.relu(F.max_pool2d(self.conv1(x), 2)), self.maps, self.training)
        x = F.dropout2d(F.relu(F.max_pool2d(self.conv2(x), 2)), self.maps, self.training)
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.units, self.training)
        x = dropout(F.relu(self.fc2(x)), self.units, self.training)
        return self.fc3(x)


# %% q4 mistake: one place forgotten -> Behind pooling 2 nothing is dropped
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = dropout(F.relu(F.max_pool2d(self.conv1(x), 2)), self.maps, self.training)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.units, self.training)
        x = dropout(F.relu(self.fc2(x)), self.units, self.training)
        return self.fc3(x)


# %% q4 mistake: the result of dropout is thrown away -> nothing is dropped
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        dropout(x, self.maps, self.training)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        dropout(x, self.maps, self.training)
        x = F.relu(self.fc1(x.flatten(1)))
        dropout(x, self.units, self.training)
        x = F.relu(self.fc2(x))
        dropout(x, self.units, self.training)
        return self.fc3(x)


# %% q4 mistake: probabilities at the end -> no softmax at the end
class Placed(lc.LeNet5):
    def __init__(self, maps, units):
        super().__init__((3, 8))
        self.maps, self.units = maps, units

    def forward(self, x):
        x = dropout(F.relu(F.max_pool2d(self.conv1(x), 2)), self.maps, self.training)
        x = dropout(F.relu(F.max_pool2d(self.conv2(x), 2)), self.maps, self.training)
        x = dropout(F.relu(self.fc1(x.flatten(1))), self.units, self.training)
        x = dropout(F.relu(self.fc2(x)), self.units, self.training)
        return self.fc3(x).softmax(1)


# %% q5 right: with NumPy and Student's t
def compare(before, after):
    import numpy as np
    from scipy import stats

    change = np.array(after) - np.array(before)
    half = stats.t.ppf(0.975, len(change) - 1) * change.std(ddof=1) / np.sqrt(len(change))
    return change.mean(), change.mean() - half, change.mean() + half


def verdict(low, high):
    if low <= 0 <= high:
        return "not shown"
    return "better" if low < 0 else "worse"


# %% q5 right: SciPy's interval, and a tensor
def compare(before, after):
    from scipy import stats

    change = (torch.tensor(after) - torch.tensor(before)).double()
    found = stats.ttest_1samp(change.numpy(), 0).confidence_interval(0.95)
    return torch.tensor([change.mean().item(), found.low, found.high])


def verdict(low, high):
    verdicts = {(True, True): "better", (False, False): "worse"}
    return verdicts.get((low < 0, high < 0), "Not shown")


# %% q5 mistake: before minus after -> The sign is turned
def compare(before, after):
    change = [b - a for b, a in zip(before, after)]
    return sum(change) / len(change), *lc.mean_interval(change)


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: not in pairs -> This interval is not paired
def compare(before, after):
    import numpy as np
    from scipy import stats

    change, n = np.mean(after) - np.mean(before), len(before)
    spread = np.sqrt((np.var(before, ddof=1) + np.var(after, ddof=1)) / n)
    half = stats.t.ppf(0.975, n - 1) * spread
    return change, change - half, change + half


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: two groups, as SciPy's test has them -> This interval is not paired
def compare(before, after):
    from scipy import stats

    found = stats.ttest_ind(after, before).confidence_interval(0.95)
    return sum(after) / len(after) - sum(before) / len(before), found.low, found.high


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: no root of n -> The root of the number of runs is missing
def compare(before, after):
    import numpy as np
    from scipy import stats

    change = np.subtract(after, before)
    half = stats.t.ppf(0.975, len(change) - 1) * change.std(ddof=1)
    return change.mean(), change.mean() - half, change.mean() + half


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: the factor of many runs -> Student's t takes its place
def compare(before, after):
    import numpy as np

    change = np.subtract(after, before)
    half = 1.96 * change.std(ddof=1) / np.sqrt(len(change))
    return change.mean(), change.mean() - half, change.mean() + half


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: more is better -> An error that falls is better
def compare(before, after):
    change = [a - b for b, a in zip(before, after)]
    return sum(change) / len(change), *lc.mean_interval(change)


def verdict(low, high):
    return "better" if low > 0 else "worse" if high < 0 else "not shown"


# %% q5 mistake: the mean alone decides -> neither better nor worse is shown
def compare(before, after):
    change = [a - b for b, a in zip(before, after)]
    return sum(change) / len(change), *lc.mean_interval(change)


def verdict(low, high):
    return "better" if (low + high) / 2 < 0 else "worse"


# %% q5 mistake: the change alone -> Three numbers are wanted
def compare(before, after):
    return sum(after) / len(after) - sum(before) / len(before)


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: the ends of two intervals -> the ends of two intervals, one subtracted
def compare(before, after):
    (low, high), ends = lc.mean_interval(after), lc.mean_interval(before)
    return sum(after) / len(after) - sum(before) / len(before), low - ends[0], high - ends[1]


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: the ends of two intervals, crosswise -> the ends of two intervals, one subtracted
def compare(before, after):
    (low, high), ends = lc.mean_interval(after), lc.mean_interval(before)
    return sum(after) / len(after) - sum(before) / len(before), low - ends[1], high - ends[0]


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: the interval in one piece -> Unpack the interval, with a star
def compare(before, after):
    change = [a - b for b, a in zip(before, after)]
    return sum(change) / len(change), lc.mean_interval(change)


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: the runs were never made -> Run the training cell again
errors = None


def compare(before, after):
    change = [a - b for b, a in zip(before, after)]
    return sum(change) / len(change), *lc.mean_interval(change)


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q5 mistake: a prediction of another kind -> The prediction should be one of
prediction = "both"


def compare(before, after):
    change = [a - b for b, a in zip(before, after)]
    return sum(change) / len(change), *lc.mean_interval(change)


def verdict(low, high):
    return "better" if high < 0 else "worse" if low > 0 else "not shown"


# %% q6 right: a loop, and one large batch
def between(four, nine, steps):
    images = []
    for step in range(steps):
        share = step / (steps - 1)
        images.append(four * (1 - share) + nine * share)
    return torch.stack(images)


def ask_often(network, images, times):
    mode = network.training
    network.train()
    with torch.inference_mode():
        scores = network(images.repeat(times, 1, 1)[:, None] / 255)
    network.train(mode)
    answers = scores.softmax(1).reshape(times, len(images), 10)
    return answers.mean(dim=0), answers.std(dim=0)


# %% q6 right: lerp and running sums
def between(four, nine, steps):
    return torch.lerp(four.float()[None], nine.float()[None],
                      torch.arange(steps)[:, None, None] / (steps - 1))


@torch.no_grad()
def ask_often(network, images, times):
    mode = network.training
    network.train()
    total = squares = 0
    for _ in range(times):
        answer = F.softmax(network(images.unsqueeze(1).float() / 255), dim=-1).double()
        total, squares = total + answer, squares + answer**2
    network.train(mode)
    mean = total / times
    return [mean.numpy(), (squares / times - mean**2).clamp(min=0).sqrt().numpy()]


# %% q6 mistake: adds bytes -> uint8 wrapped round
def between(four, nine, steps):
    return torch.stack([(four * (steps - 1 - k) + nine * k) // (steps - 1) for k in range(steps)])


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: the difference of bytes -> uint8 wrapped round
def between(four, nine, steps):
    return torch.stack([four + (nine - four) * (k / (steps - 1)) for k in range(steps)])


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: bytes, divided in the end -> uint8 wrapped round
def between(four, nine, steps):
    last = steps - 1
    return torch.stack([((last - k) * four + k * nine) / last for k in range(steps)])


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: a list of images -> One tensor is wanted, not a list
def between(four, nine, steps):
    return [four * (1 - k / (steps - 1)) + nine * (k / (steps - 1)) for k in range(steps)]


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: back to bytes -> Floats are wanted
def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return ((1 - shares) * four + shares * nine).round().to(torch.uint8)


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: rounds -> The pixels are rounded
def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return ((1 - shares) * four + shares * nine).round()


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: forgets to divide -> divide the images by 255
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack(
            [network(images[:, None].float()).softmax(1) for _ in range(times)]
        )
    network.train(before)
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: the mean distance -> This is the mean distance from it
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    network.train(before)
    mean = answers.mean(0)
    return mean, (answers - mean).abs().mean(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: the square of the mean left in -> The mean fits, the standard deviation does not
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    network.train(before)
    return answers.mean(0), answers.square().mean(0).sqrt()


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: stops before the nine -> The last image is not the nine
def between(four, nine, steps):
    return torch.stack([four * (1 - k / steps) + nine * (k / steps) for k in range(steps)])


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: from the nine to the four -> should begin with the four
def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return shares * four + (1 - shares) * nine


def ask_often(network, images, times):
    raise NotImplementedError


# %% q6 mistake: dropout off -> Dropout was off
def ask_often(network, images, times):
    network.eval()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: stays in train mode -> in another mode than before
def ask_often(network, images, times):
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: records gradients -> No gradients are wanted
def ask_often(network, images, times):
    before = network.training
    network.train()
    answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    network.train(before)
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: softmax twice -> `softmax` was taken twice
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack(
            [network(images[:, None] / 255).softmax(1).softmax(1) for _ in range(times)]
        )
    network.train(before)
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: no softmax -> These are scores
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255) for _ in range(times)])
    network.train(before)
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: softmax over the images -> it belongs over the ten digits
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(0) for _ in range(times)])
    network.train(before)
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: softmax of the mean -> This is `softmax` of the mean scores
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        scores = torch.stack([network(images[:, None] / 255) for _ in range(times)])
    network.train(before)
    return scores.mean(0).softmax(1), scores.softmax(2).std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: over the images -> has the wrong shape
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    network.train(before)
    return answers.mean(1), answers.std(1)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: the variance -> This is the variance
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    network.train(before)
    return answers.mean(0), answers.var(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: the error of the mean -> divided by the root of `times`
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = torch.stack([network(images[:, None] / 255).softmax(1) for _ in range(times)])
    network.train(before)
    return answers.mean(0), answers.std(0) / times**0.5


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q6 mistake: asks once -> Each image should be asked
def ask_often(network, images, times):
    before = network.training
    network.train()
    with torch.no_grad():
        answers = network(images[:, None] / 255).softmax(1).repeat(times, 1, 1)
    network.train(before)
    return answers.mean(0), answers.std(0)


def between(four, nine, steps):
    shares = torch.linspace(0, 1, steps)[:, None, None]
    return (1 - shares) * four + shares * nine


# %% q7 right: one gather for all
def shifted(images, generator):
    n = len(images)
    starts = torch.randint(5, (2, n, 1), generator=generator)
    rows, columns = starts + torch.arange(28)
    padded = F.pad(images, (2, 2, 2, 2))[:, 0]
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]


# %% q7 right: copies what stays, image by image
def shifted(images, generator):
    result = torch.zeros_like(images)
    for number, image in enumerate(images):
        down = int(torch.randint(-2, 3, (), generator=generator))
        across = int(torch.randint(-2, 3, (), generator=generator))
        moved = image[0].roll((down, across), (0, 1))
        if down:
            (moved[:down] if down > 0 else moved[down:]).zero_()
        if across:
            (moved[:, :across] if across > 0 else moved[:, across:]).zero_()
        result[number, 0] = moved
    return result


# %% q7 right: another way to draw
def shifted(images, generator):
    shifts = (torch.rand(len(images), 2, generator=generator) * 5).floor().long() - 2
    result = []
    for image, (down, across) in zip(images, shifts.tolist()):
        result.append(F.pad(image, (across, -across, down, -down)))
    return torch.stack(result)


# %% q7 mistake: the upper end of randint -> The upper end of `torch.randint` is not included
def shifted(images, generator):
    shifts = torch.randint(-2, 2, (len(images), 2), generator=generator).tolist()
    return torch.stack(
        [F.pad(image, (c, -c, r, -r)) for image, (r, c) in zip(images, shifts)]
    )


# %% q7 mistake: rolls -> comes in again on the other
def shifted(images, generator):
    shifts = torch.randint(-2, 3, (len(images), 2), generator=generator).tolist()
    return torch.stack([image.roll((r, c), (1, 2)) for image, (r, c) in zip(images, shifts)])


# %% q7 mistake: one shift for all -> All images move alike
def shifted(images, generator):
    r, c = torch.randint(-2, 3, (2,), generator=generator).tolist()
    return F.pad(images, (c, -c, r, -r))


# %% q7 mistake: the generator is not used -> The same state of the generator
def shifted(images, generator):
    shifts = torch.randint(-2, 3, (len(images), 2)).tolist()
    return torch.stack([F.pad(image, (c, -c, r, -r)) for image, (r, c) in zip(images, shifts)])


# %% q7 mistake: one number for both directions -> Down and across move together
def shifted(images, generator):
    shifts = torch.randint(-2, 3, (len(images),), generator=generator).tolist()
    return torch.stack([F.pad(image, (s, -s, s, -s)) for image, s in zip(images, shifts)])


# %% q7 mistake: only across -> some shifts never occur
def shifted(images, generator):
    shifts = torch.randint(-2, 3, (len(images),), generator=generator).tolist()
    return torch.stack([F.pad(image, (s, -s)) for image, s in zip(images, shifts)])


# %% q7 mistake: a view of the training images -> The images themselves were changed
def shifted(images, generator):
    shifts = torch.randint(-2, 3, (len(images), 2), generator=generator).tolist()
    for image, (r, c) in zip(images, shifts):
        image[:] = F.pad(image, (c, -c, r, -r))
    return images


# %% q7 mistake: rounded numbers -> the two ends get half a share
def shifted(images, generator):
    shifts = (4 * torch.rand(len(images), 2, generator=generator)).round().long() - 2
    return torch.stack(
        [F.pad(image, (c, -c, r, -r)) for image, (r, c) in zip(images, shifts.tolist())]
    )


# %% q7 mistake: cut off instead of rounded down -> the five shifts should be equally likely
def shifted(images, generator):
    shifts = (5 * torch.rand(len(images), 2, generator=generator) - 2.5).long()
    return torch.stack(
        [F.pad(image, (c, -c, r, -r)) for image, (r, c) in zip(images, shifts.tolist())]
    )


# %% q7 mistake: two draws added -> most often in the middle
def shifted(images, generator):
    shifts = torch.randint(-1, 2, (2, len(images), 2), generator=generator).sum(0)
    return torch.stack(
        [F.pad(image, (c, -c, r, -r)) for image, (r, c) in zip(images, shifts.tolist())]
    )


# %% q7 mistake: across follows down -> Draw them apart
def shifted(images, generator):
    down = torch.randint(0, 5, (len(images),), generator=generator)
    across = (2 * down) % 5
    return torch.stack(
        [
            F.pad(image, (c - 2, 2 - c, r - 2, 2 - r))
            for image, r, c in zip(images, down.tolist(), across.tolist())
        ]
    )


# %% q7 mistake: keeps the frame -> The result has the wrong shape
def shifted(images, generator):
    return F.pad(images, (2, 2, 2, 2))


# %% q8 right: the shifts of task 7
def mine(few, seed):
    return train(lambda: Placed(0.0, 0.0), few, seed, epochs=30, augment=shifted)


# %% q8 right: torch's own loop, another network
def mine(few, seed):
    torch.manual_seed(seed)
    network = lc.LeNet5((6, 16), dropout=0.1)
    generator = torch.Generator().manual_seed(seed)
    change = lc.Augment(elastic=0, pen=0, hard=0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003)
    for _ in range(200):
        rows = torch.randint(len(few), (40,), generator=generator)
        inputs = change(few.images[rows, None] / 255, generator)
        loss = F.cross_entropy(network(inputs), few.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% q8 mistake: far too much dropout -> misreads no fewer digits
def mine(few, seed):
    return train(lambda: Placed(0.8, 0.8), few, seed)


# %% q8 mistake: an augmentation that changes the label -> misreads no fewer digits
def mine(few, seed):
    return train(
        lambda: Placed(0.0, 0.0), few, seed, augment=lambda images, generator: images.flip(2)
    )


# %% q8 mistake: not trained -> misreads no fewer digits
def mine(few, seed):
    torch.manual_seed(seed)
    return Placed(0.0, 0.25)


# %% q8 mistake: gives back the answers -> A trained network is wanted
def mine(few, seed):
    network = train(lambda: Placed(0.0, 0.1), few, seed, epochs=1)
    return lc.predict_probabilities(network, few.images)


# %% q8 mistake: all embedded digits -> train on `few`, not on `train_images`
def mine(few, seed):
    every = lc.load_dataset("digits", "train")
    return train(lambda: Placed(0.0, 0.0), every, seed, epochs=8, augment=shifted)
