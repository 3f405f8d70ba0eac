"""Lab 09: other right answers, and typical mistakes with what the check must say of them."""


# %% q1 right: map by map
def respond(maps):
    result = torch.empty_like(maps)
    for place in range(maps.shape[1]):
        five = maps[:, max(0, place - 2) : place + 3]
        result[:, place] = maps[:, place] / (2 + 1e-4 * five.square().sum(1)) ** 0.75
    return result


# %% q1 right: torch's layer, its alpha times five
def respond(maps):
    return F.local_response_norm(maps, 5, alpha=5e-4, beta=0.75, k=2)


# %% q1 right: a convolution over the maps
def respond(maps):
    n, c, h, w = maps.shape
    lines = maps.square().permute(0, 2, 3, 1).reshape(-1, 1, c)
    near = F.conv1d(lines, torch.ones(1, 1, 5), padding=2)
    near = near.reshape(n, h, w, c).permute(0, 3, 1, 2)
    return maps * (2 + 1e-4 * near) ** -0.75


# %% q1 mistake: the paper's alpha given to torch -> The paper does not
def respond(maps):
    return F.local_response_norm(maps, 5, alpha=1e-4, beta=0.75, k=2)


# %% q1 mistake: neighbours along a row -> These neighbours are *pixels*
def respond(maps):
    squares = F.pad(maps.square(), (2, 2))
    near = sum(squares[..., k : k + maps.shape[3]] for k in range(5))
    return maps / (2 + 1e-4 * near) ** 0.75


# %% q1 mistake: all maps -> only the five around
def respond(maps):
    return maps / (2 + 1e-4 * maps.square().sum(1, keepdim=True)) ** 0.75


# %% q1 mistake: goes round in a circle -> round in a circle
def respond(maps):
    near = sum(maps.square().roll(k, 1) for k in range(-2, 3))
    return maps / (2 + 1e-4 * near) ** 0.75


# %% q1 mistake: sums without squares -> The sum is of squares
def respond(maps):
    padded = F.pad(maps.abs(), (0, 0, 0, 0, 2, 2))
    near = sum(padded[:, k : k + maps.shape[1]] for k in range(5))
    return maps / (2 + 1e-4 * near) ** 0.75


# %% q1 mistake: writes into the maps -> The maps themselves were changed
def respond(maps):
    wanted = F.local_response_norm(maps, 5, alpha=5e-4, beta=0.75, k=2)
    maps.copy_(wanted)
    return maps


# %% q1 mistake: without its own -> leaves out the map's own square
def respond(maps):
    squares = maps.square()
    padded = F.pad(squares, (0, 0, 0, 0, 2, 2))
    near = sum(padded[:, k : k + maps.shape[1]] for k in range(5)) - squares
    return maps / (2 + 1e-4 * near) ** 0.75


# %% q1 mistake: no power -> The power is missing
def respond(maps):
    padded = F.pad(maps.square(), (0, 0, 0, 0, 2, 2))
    return maps / (2 + 1e-4 * sum(padded[:, k : k + maps.shape[1]] for k in range(5)))


# %% q1 mistake: the sum squared -> here the sum is squared
def respond(maps):
    padded = F.pad(maps, (0, 0, 0, 0, 2, 2))
    near = sum(padded[:, k : k + maps.shape[1]] for k in range(5)).square()
    return maps / (2 + 1e-4 * near) ** 0.75


# %% q2 right: torch's groups
def grouped(x, weights, bias):
    return F.conv2d(x, weights, bias, padding=weights.shape[-1] // 2, groups=2)


# %% q2 right: one convolution, zeros for what a kernel does not see
def grouped(x, weights, bias):
    d, half = weights.shape[:2]
    full = torch.zeros(d, 2 * half, *weights.shape[2:])
    full[: d // 2, :half] = weights[: d // 2]
    full[d // 2 :, half:] = weights[d // 2 :]
    return F.conv2d(x, full, bias, padding="same")


# %% q2 mistake: the first half for all -> All kernels read the first half
def grouped(x, weights, bias):
    return F.conv2d(x[:, : weights.shape[1]], weights, bias, padding=weights.shape[-1] // 2)


# %% q2 mistake: exchanged -> the first kernels read the first maps
def grouped(x, weights, bias):
    side, first, second = weights.shape[-1] // 2, *x.chunk(2, 1)
    pairs = zip((second, first), weights.chunk(2), bias.chunk(2), strict=True)
    return torch.cat([F.conv2d(part, w, b, padding=side) for part, w, b in pairs], 1)


# %% q2 mistake: every other map -> dealt out one by one
def grouped(x, weights, bias):
    side, parts = weights.shape[-1] // 2, (x[:, ::2], x[:, 1::2])
    pairs = zip(parts, weights.chunk(2), bias.chunk(2), strict=True)
    return torch.cat([F.conv2d(part, w, b, padding=side) for part, w, b in pairs], 1)


# %% q2 mistake: no padding -> the padding is missing
def grouped(x, weights, bias):
    return F.conv2d(x, weights, bias, groups=2)


# %% q2 mistake: no bias -> The bias is missing
def grouped(x, weights, bias):
    return F.conv2d(x, weights, padding=weights.shape[-1] // 2, groups=2)


# %% q2 mistake: added up -> They stand one behind the other
def grouped(x, weights, bias):
    side, (first, second) = weights.shape[-1] // 2, x.chunk(2, 1)
    pairs = zip((first, second), weights.chunk(2), bias.chunk(2), strict=True)
    return sum(F.conv2d(part, w, b, padding=side) for part, w, b in pairs)


# %% q2 mistake: all kernels on both halves -> All kernels read both halves
def grouped(x, weights, bias):
    side = weights.shape[-1] // 2
    return sum(F.conv2d(half, weights, bias, padding=side) for half in x.chunk(2, 1))


# %% q3 right: a Sequential inside, frozen weight by weight
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body)
        for weight in self.body.parameters():
            weight.requires_grad = False
        count = self.body.out.in_features
        self.body.out = nn.Sequential()
        self.head = nn.Linear(count, classes)

    def train(self, mode=True):
        self.training = mode
        self.head.train(mode)
        self.body.train(False)
        return self

    def forward(self, x):
        with torch.no_grad():
            values = self.body(x)
        return self.head(values)


# %% q3 right: the mode set at each pass
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def forward(self, x):
        return self.head(self.body.eval()(x))


# %% q3 right: all layers but the last, one behind the other
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        twin = copy.deepcopy(body).requires_grad_(False)
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.body = nn.Sequential(twin.normalise, *twin.stages, pool)
        self.head = nn.Linear(twin.out.in_features, classes)

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: not frozen -> the body is not frozen
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: the body moves -> batch normalisation renews its running means
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: no copy -> Work on a copy
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = body.requires_grad_(False)
        self.head = nn.Linear(body.out.in_features, classes)
        self.body.out = nn.Identity()

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: the old number of classes -> `classes` are wanted
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        self.head = nn.Linear(body.out.in_features, body.out.out_features)
        self.body.out = nn.Identity()

    def forward(self, x):
        return self.head(self.body.eval()(x))


# %% q3 mistake: the head frozen, too -> No weight learns
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()
        self.requires_grad_(False)

    def forward(self, x):
        return self.head(self.body.eval()(x))


# %% q3 mistake: no gradient for the head -> is it inside `torch.no_grad()`
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def forward(self, x):
        with torch.no_grad():
            return self.head(self.body.eval()(x))


# %% q3 mistake: train gives nothing back -> return self
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: probabilities -> the loss wants scores
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def forward(self, x):
        return self.head(self.body.eval()(x)).softmax(1)


# %% q3 mistake: the body without its first step -> The body's first step is missing
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        twin = copy.deepcopy(body).requires_grad_(False)
        self.body = nn.Sequential(*twin.stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(twin.out.in_features, classes)

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: two layers in the head -> *one* dense layer
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False)
        count = body.out.in_features
        self.head = nn.Sequential(nn.Linear(count, 16), nn.ReLU(), nn.Linear(16, classes))
        self.body.out = nn.Identity()

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


# %% q3 mistake: no mode at all -> the network's own `training`
class Transferred(nn.Module):
    def __init__(self, body, classes):
        super().__init__()
        self.body = copy.deepcopy(body).requires_grad_(False).eval()
        self.head, self.body.out = nn.Linear(body.out.in_features, classes), nn.Identity()

    def train(self, mode=True):
        self.body.eval()
        return self

    def forward(self, x):
        return self.head(self.body(x))


# %% q4 right: a twin without its head
def features(body, images):
    twin = copy.deepcopy(body).eval()
    twin.out = nn.Identity()
    with torch.no_grad():
        return twin(lc.as_inputs(images))


# %% q4 right: layer by layer, one picture at a time
def features(body, images):
    mode = body.training
    body.eval()
    rows = []
    with torch.inference_mode():
        for image in images:
            x = body.normalise(image[None] / 255)
            for stage in body.stages:
                x = stage(x)
            rows.append(x.mean((2, 3))[0].tolist())
    body.train(mode)
    return rows


# %% q4 mistake: the scores -> the scores of the old classes
def features(body, images):
    twin = copy.deepcopy(body).eval()
    with torch.no_grad():
        return twin(lc.as_inputs(images))


# %% q4 mistake: bytes as they are -> the body learned on 0 to 1
def features(body, images):
    twin = copy.deepcopy(body).eval()
    twin.out = nn.Identity()
    with torch.no_grad():
        return twin(images.float())


# %% q4 mistake: training mode -> features in training mode
def features(body, images):
    twin = copy.deepcopy(body).train()
    twin.out = nn.Identity()
    with torch.no_grad():
        return twin(lc.as_inputs(images))


# %% q4 mistake: with gradients -> still carry what is needed for gradients
def features(body, images):
    twin = copy.deepcopy(body).eval()
    twin.out = nn.Identity()
    return twin(lc.as_inputs(images))


# %% q4 mistake: leaves the body without a head -> must put it back
def features(body, images):
    mode = body.training
    body.eval()
    body.out = nn.Identity()
    with torch.no_grad():
        found = body(lc.as_inputs(images))
    body.train(mode)
    return found


# %% q4 mistake: leaves the hook -> A hook is left on the body
def features(body, images):
    kept, mode = [], body.training
    body.out.register_forward_pre_hook(lambda layer, inputs: kept.append(inputs[0]))
    with torch.no_grad():
        body.eval()(lc.as_inputs(images))
    body.train(mode)
    return kept[0]


# %% q4 mistake: leaves evaluation mode -> in another mode than it was left in
def features(body, images):
    twin = copy.deepcopy(body.eval())
    twin.out = nn.Identity()
    with torch.no_grad():
        return twin(lc.as_inputs(images))


# %% q4 mistake: the stages by hand, without the first step -> The body's first step is missing
def features(body, images):
    twin = copy.deepcopy(body).eval()
    x = lc.as_inputs(images)
    with torch.no_grad():
        for stage in twin.stages:
            x = stage(x)
    return x.mean((2, 3))


# %% q4 mistake: tensors that nothing can be trained on -> no head can be trained on
def features(body, images):
    twin = copy.deepcopy(body).eval()
    twin.out = nn.Identity()
    with torch.inference_mode():
        return twin(lc.as_inputs(images))


# %% q4 mistake: the library's probabilities, without the head -> ends in a softmax
def features(body, images):
    twin = copy.deepcopy(body)
    twin.out = nn.Identity()
    return lc.predict_probabilities(twin, images)


# %% q4 mistake: the probabilities -> the probabilities of the old classes
def features(body, images):
    return lc.predict_probabilities(body, images)


# %% q4 mistake: freezes the body for good -> no longer learn
def features(body, images):
    mode = body.training
    twin = copy.deepcopy(body.requires_grad_(False)).eval()
    twin.out = nn.Identity()
    body.train(mode)
    return twin(lc.as_inputs(images))


# %% q5 right: by hand, with the standard library, and another prediction
import statistics

prediction = "Scratch"


def paired(ours, rival):
    differences = [a - b for a, b in zip(ours, rival, strict=True)]
    mean, count = statistics.fmean(differences), len(differences)
    half = t.isf(0.025, count - 1) * statistics.stdev(differences) / count**0.5
    return [mean, mean - half, mean + half]


# %% q5 right: SciPy's interval
prediction = "not decided"


def paired(ours, rival):
    from scipy.stats import ttest_rel

    low, high = ttest_rel(ours, rival).confidence_interval(0.95)
    return torch.tensor([np.mean(ours) - np.mean(rival), low, high])


# %% q5 mistake: the normal factor -> for so few it is Student's
prediction = "frozen"


def paired(ours, rival):
    d = np.subtract(ours, rival)
    half = 1.96 * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% q5 mistake: the example's factor -> 4.30 is the factor for three values
prediction = "frozen"


def paired(ours, rival):
    d = np.subtract(ours, rival)
    half = 4.30 * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% q5 mistake: ddof forgotten -> n − 1 below
prediction = "frozen"


def paired(ours, rival):
    d = np.subtract(ours, rival)
    half = t.ppf(0.975, len(d) - 1) * d.std() / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% q5 mistake: the spread of single differences -> smaller by √n
prediction = "frozen"


def paired(ours, rival):
    d = np.subtract(ours, rival)
    half = t.ppf(0.975, len(d) - 1) * d.std(ddof=1)
    return d.mean(), d.mean() - half, d.mean() + half


# %% q5 mistake: no pairs -> subtract within pairs first
prediction = "frozen"


def paired(ours, rival):
    count, mean = len(ours), np.mean(ours) - np.mean(rival)
    error = np.sqrt((np.var(ours, ddof=1) + np.var(rival, ddof=1)) / count)
    half = t.ppf(0.975, 2 * count - 2) * error
    return mean, mean - half, mean + half


# %% q5 mistake: the sign -> The sign is turned
prediction = "frozen"


def paired(ours, rival):
    d = np.subtract(rival, ours)
    half = t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% q5 mistake: one side -> 0.975, not 0.95
prediction = "frozen"


def paired(ours, rival):
    d = np.subtract(ours, rival)
    half = t.ppf(0.95, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% q5 mistake: only the ends -> Three numbers are wanted
prediction = "frozen"


def paired(ours, rival):
    return lc.mean_interval(np.subtract(ours, rival))


# %% q5 mistake: the prediction in words -> should be one of
prediction = "the frozen one"


def paired(ours, rival):
    return 0, 0, 0


# %% q6 right: the library, on a network that ends in the difference
def rather(model, image, layer, this, that):
    difference = nn.Linear(model.out.out_features, 1, bias=False)
    with torch.no_grad():
        difference.weight.zero_()
        difference.weight[0, this], difference.weight[0, that] = 1, -1
    both = nn.Sequential(model, difference).train(model.training)
    return lc.grad_cam(both, image[None], layer, torch.tensor([0]))[0]


# %% q6 right: backward, cleaned up, with NumPy at the end
def rather(model, image, layer, this, that):
    kept, mode = [], model.training

    def keep(layer, inputs, maps):
        maps.retain_grad()
        kept.append(maps)

    hook = layer.register_forward_hook(keep)
    scores = model.eval()((image[None] / 255).requires_grad_())[0]
    (scores[this] - scores[that]).backward()
    hook.remove()
    model.train(mode)
    for weight in model.parameters():
        weight.grad = None
    (maps,) = kept
    weights = maps.grad.mean((2, 3))[0].numpy()
    heat = np.maximum(np.einsum("c,chw->hw", weights, maps.detach()[0].numpy()), 0)
    size = image.shape[1:]
    return F.interpolate(torch.from_numpy(heat)[None, None], size, mode="bilinear")[0, 0].numpy()


# %% q6 right: the maps of two classes before the cut, one taken off the other, on a copy
def one_map(model, image, place, wanted):
    kept, twin = {}, copy.deepcopy(model).eval()
    layer = list(twin.modules())[place]
    layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    log_shares = F.log_softmax(twin(lc.as_inputs(image[None])), 1)
    (gradient,) = torch.autograd.grad(log_shares[0, wanted], kept["maps"])
    return torch.einsum("nchw,nc->nhw", kept["maps"], gradient.mean((2, 3)))


def rather(model, image, layer, this, that):
    place = [part is layer for part in model.modules()].index(True)
    heat = one_map(model, image, place, this) - one_map(model, image, place, that)
    heat = heat.clamp(min=0)[None]
    return F.interpolate(heat, image.shape[1:], mode="bilinear").detach().numpy()[0, 0]


# %% q6 mistake: the chapter's, for one class -> This is the map of `this` alone
def rather(model, image, layer, this, that):
    return lc.grad_cam(model, image[None], layer, torch.tensor([this]))[0]


# %% q6 mistake: two maps of the library -> first subtract, then cut
def rather(model, image, layer, this, that):
    pair = [lc.grad_cam(model, image[None], layer, torch.tensor([one]))[0] for one in (this, that)]
    return F.relu(pair[0] - pair[1])


# %% q6 mistake: two maps, and no cut -> cut once, at the end
def rather(model, image, layer, this, that):
    pair = [lc.grad_cam(model, image[None], layer, torch.tensor([one]))[0] for one in (this, that)]
    return pair[0] - pair[1]


# %% q6 mistake: exchanged -> are exchanged
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, that] - scores[0, this], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: with the score beside it -> return the map alone
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach(), scores[
        0, this
    ].item()


# %% q6 mistake: bytes as they are -> the network learned on 0 to 1
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(image[None].float())
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: not cut off -> cut off below 0
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = (gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True)
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: the probabilities -> wanted are those of scores
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None])).softmax(1)
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: the sum of the gradients -> this is the sum
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.sum((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: not detached -> the map still carries
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0]


# %% q6 mistake: leaves evaluation mode -> in another mode than it was left in
def rather(model, image, layer, this, that):
    kept = {}
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: no evaluation mode -> batch normalisation moves
def rather(model, image, layer, this, that):
    kept = {}
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model(lc.as_inputs(image[None]))
    hook.remove()
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: training mode, on a copy -> this one came in training mode
def rather(model, image, layer, this, that):
    place = [part is layer for part in model.modules()].index(True)
    kept, twin = {}, copy.deepcopy(model)
    layer = list(twin.modules())[place]
    layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = twin(lc.as_inputs(image[None]))
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: backward leaves gradients -> Gradients are left
def rather(model, image, layer, this, that):
    kept, mode = [], model.training

    def keep(layer, inputs, maps):
        maps.retain_grad()
        kept.append(maps)

    hook = layer.register_forward_hook(keep)
    scores = model.eval()(lc.as_inputs(image[None]))[0]
    (scores[this] - scores[that]).backward()
    hook.remove()
    model.train(mode)
    weights = kept[0].grad.mean((2, 3), keepdim=True)
    heat = F.relu((weights * kept[0]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: freezes the model for it -> no longer learn
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    model.requires_grad_(False)
    scores = model.eval()(lc.as_inputs(image[None]).requires_grad_())
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: as small as the layer -> enlarge it to that of the picture
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return heat[0, 0].detach()


# %% q6 mistake: leaves the hook -> A hook is left
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: in blocks -> Enlarged in blocks
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:])[0, 0].detach()


# %% q6 mistake: place by place -> its *mean* over the places
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient * kept["maps"]).sum(1, keepdim=True))
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: cut map by map -> first the sum, then the cut
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu(gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True)
    return F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()


# %% q6 mistake: divided by its maximum -> divided by its largest value
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    heat = F.interpolate(heat, image.shape[-2:], mode="bilinear")[0, 0].detach()
    return heat / heat.max()


# %% q6 mistake: corners aligned -> puts the map's corners elsewhere
def rather(model, image, layer, this, that):
    kept, mode = {}, model.training
    hook = layer.register_forward_hook(lambda layer, inputs, maps: kept.update(maps=maps))
    scores = model.eval()(lc.as_inputs(image[None]))
    hook.remove()
    model.train(mode)
    (gradient,) = torch.autograd.grad(scores[0, this] - scores[0, that], kept["maps"])
    heat = F.relu((gradient.mean((2, 3), keepdim=True) * kept["maps"]).sum(1, keepdim=True))
    size = image.shape[-2:]
    big = F.interpolate(heat, size, mode="bilinear", align_corners=True)
    return big[0, 0].detach()


# %% q7 right: by the order of the entries
def translated(state):
    layers = [f"conv{k}" for k in range(1, 6)] + [f"fc{k}" for k in range(1, 4)]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    ours = dict(zip(names, state.values(), strict=True))
    ours["normalise.mean"] = torch.tensor([[[0.485]], [[0.456]], [[0.406]]])
    ours["normalise.deviation"] = torch.tensor([[[0.229]], [[0.224]], [[0.225]]])
    return ours


# %% q7 right: names replaced one by one
def translated(state):
    table = [
        ("features.10.", "conv5."), ("features.0.", "conv1."), ("features.3.", "conv2."),
        ("features.6.", "conv3."), ("features.8.", "conv4."), ("classifier.1.", "fc1."),
        ("classifier.4.", "fc2."), ("classifier.6.", "fc3."),
    ]  # fmt: skip
    ours = {}
    for name, value in state.items():
        for theirs, our in table:
            name = name.replace(theirs, our)
        ours[name] = value.clone()
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours |= {"normalise.mean": torch.tensor(mean).view(3, 1, 1)}
    return ours | {"normalise.deviation": torch.tensor(deviation).view(3, 1, 1)}


# %% q7 mistake: no normalisation -> Still missing is how the pictures are normalised
def translated(state):
    layers = [f"conv{k}" for k in range(1, 6)] + [f"fc{k}" for k in range(1, 4)]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    return dict(zip(names, state.values(), strict=True))


# %% q7 mistake: names as they are -> The names are not those of
def translated(state):
    return dict(state)


# %% q7 mistake: two layers exchanged -> holds the weights that belong to
def translated(state):
    layers = ["conv1", "conv2", "conv3", "conv5", "conv4", "fc1", "fc2", "fc3"]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    ours = dict(zip(names, state.values(), strict=True))
    ours["normalise.mean"] = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    ours["normalise.deviation"] = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    return ours


# %% q7 mistake: three numbers in a row -> fits (n, 3, h, w)
def translated(state):
    layers = [f"conv{k}" for k in range(1, 6)] + [f"fc{k}" for k in range(1, 4)]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    ours = dict(zip(names, state.values(), strict=True))
    ours["normalise.mean"] = torch.tensor([0.485, 0.456, 0.406])
    ours["normalise.deviation"] = torch.tensor([0.229, 0.224, 0.225])
    return ours


# %% q7 mistake: mean and deviation exchanged -> holds other numbers
def translated(state):
    layers = [f"conv{k}" for k in range(1, 6)] + [f"fc{k}" for k in range(1, 4)]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    ours = dict(zip(names, state.values(), strict=True))
    ours["normalise.deviation"] = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    ours["normalise.mean"] = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    return ours


# %% q7 mistake: empties the file's dictionary -> make a new one
def translated(state):
    layers = [f"conv{k}" for k in range(1, 6)] + [f"fc{k}" for k in range(1, 4)]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    ours = dict(zip(names, [state.pop(name) for name in list(state)], strict=True))
    ours["normalise.mean"] = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    ours["normalise.deviation"] = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    return ours


# %% q7 mistake: the network itself -> A dictionary from names to weights
def translated(state):
    return lc.AlexNet(num_classes=3, hidden=4)


# %% q8 right: climbing the score, the step by the sign
def fool(digit):
    network, _ = lc.load_model("lenet5")
    quarter = torch.full((14, 14), 0.5)
    for _ in range(200):
        quarter.requires_grad_()
        scores = network(quarter.repeat(2, 2)[None, None])[0]
        others = torch.cat([scores[:digit], scores[digit + 1 :]])
        (gradient,) = torch.autograd.grad(scores[digit] - others.logsumexp(0), quarter)
        quarter = (quarter.detach() + 0.02 * gradient.sign()).clamp(0, 1)
    return (255 * quarter).round().byte().repeat(2, 2).numpy()


# %% q8 right: another start, a list of rows
def fool(digit):
    network, _ = lc.load_model("lenet5")
    quarter = torch.rand(14, 14, generator=torch.Generator().manual_seed(7)).requires_grad_()
    optimizer = torch.optim.Adam([quarter], lr=0.05)
    for _ in range(150):
        scores = network(quarter.clamp(0, 1).repeat(2, 2)[None, None])
        loss = F.cross_entropy(scores, torch.tensor([digit]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (255 * quarter.detach().clamp(0, 1)).round().repeat(2, 2).int().tolist()


# %% q8 mistake: noise -> is not sure enough
def fool(digit):
    quarter = torch.randint(256, (14, 14), generator=torch.Generator().manual_seed(0))
    return quarter.repeat(2, 2)


# %% q8 mistake: for the other network that comes along -> `lc.load_model("lenet5")`
def fool(digit):
    network, _ = lc.load_model("reader")
    quarter = torch.rand(14, 14, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(network(quarter.repeat(2, 2)[None, None])[0, digit], quarter)
    return (255 * (gradient > 0).float()).byte().repeat(2, 2)


# %% q8 mistake: a real digit -> The four quarters of 14x14 should be the same
def fool(digit):
    digits = lc.load_dataset("digits", "test")
    return digits.images[digits.labels == digit][0]


# %% q8 mistake: shares in place of bytes -> times 255, and round
def fool(digit):
    return torch.rand(14, 14).repeat(2, 2)


# %% q8 mistake: zeros and ones -> Times 255
def fool(digit):
    return (torch.rand(14, 14) > 0.5).int().repeat(2, 2)


# %% q8 mistake: only a quarter -> One picture is wanted
def fool(digit):
    return torch.zeros(14, 14)
