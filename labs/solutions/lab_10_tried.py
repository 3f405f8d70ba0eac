"""Lab 10: other right answers, and typical mistakes with what the check must say of them."""


# %% q1 right: step by step, with a list
def signal_and_noise(betas):
    left = [torch.tensor(1.0)]
    for beta in betas:
        left.append(left[-1] * (1 - beta))
    left = torch.stack(left)
    return torch.sqrt(left), torch.sqrt(1 - left)


# %% q1 right: with NumPy, and both in one array
def signal_and_noise(betas):
    import numpy as np

    signal = np.concatenate([[1.0], np.cumprod(np.sqrt(1 - betas.numpy()))])
    return np.stack([signal, np.sqrt(np.clip(1 - signal**2, 0, None))])


# %% q1 right: with NumPy, as two arrays of float64
def signal_and_noise(betas):
    import numpy as np

    signal = np.concatenate([[1.0], np.sqrt(np.cumprod(1 - betas.numpy()))])
    return signal, np.sqrt(np.clip(1 - signal**2, 0, None))


# %% q1 mistake: step 0 is missing -> Step 0 is missing
def signal_and_noise(betas):
    left = torch.cumprod(1 - betas, 0)
    return left.sqrt(), (1 - left).sqrt()


# %% q1 mistake: no root -> The root is missing: this is the signal squared
def signal_and_noise(betas):
    left = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
    return left, 1 - left


# %% q1 mistake: noise is what is missing to 1 -> The variances add up to 1, not the roots
def signal_and_noise(betas):
    signal = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)]).sqrt()
    return signal, 1 - signal


# %% q1 mistake: single steps -> wanted is what all steps up to t leave
def signal_and_noise(betas):
    signal = torch.cat([torch.ones(1), (1 - betas).sqrt()])
    return signal, (1 - signal**2).sqrt()


# %% q1 mistake: only the last noise -> that of earlier steps is still there
def signal_and_noise(betas):
    signal = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)]).sqrt()
    return signal, torch.cat([torch.zeros(1), betas.sqrt()])


# %% q1 mistake: adds the steps up -> what steps leave is multiplied
def signal_and_noise(betas):
    left = torch.cat([torch.ones(1), 1 - torch.cumsum(betas, 0)]).clamp(min=0)
    return left.sqrt(), (1 - left).sqrt()


# %% q1 mistake: writes into betas -> `betas` itself has changed
def signal_and_noise(betas):
    betas *= -1
    betas += 1
    left = torch.cat([torch.ones(1), torch.cumprod(betas, 0)])
    return left.sqrt(), (1 - left).sqrt()


# %% q1 mistake: exchanged -> Signal and noise are exchanged
def signal_and_noise(betas):
    left = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
    return (1 - left).sqrt(), left.sqrt()


# %% q2 right: image by image
def drown(clean, times, grain, signal, noise):
    noisy, velocity = [], []
    for x, t, e in zip(clean, times, grain, strict=True):
        noisy.append(signal[t] * x + noise[t] * e)
        velocity.append(signal[t] * e - noise[t] * x)
    return torch.stack(noisy), torch.stack(velocity)


# %% q2 right: turned around, so that the last axis is the images'
def drown(clean, times, grain, signal, noise):
    a, s = signal[times], noise[times]
    x, e = clean.movedim(0, -1), grain.movedim(0, -1)
    return (a * x + s * e).movedim(-1, 0), (a * e - s * x).movedim(-1, 0)


# %% q2 right: flat rows, and einsum
def drown(clean, times, grain, signal, noise):
    x, e = clean.flatten(1), grain.flatten(1)
    a, s = signal[times], noise[times]
    noisy = torch.einsum("n,nk->nk", a, x) + torch.einsum("n,nk->nk", s, e)
    velocity = torch.einsum("n,nk->nk", a, e) - torch.einsum("n,nk->nk", s, x)
    return noisy.reshape(clean.shape), velocity.reshape(clean.shape)


# %% q2 mistake: along the last axis -> each number of a code got the time of another image
def drown(clean, times, grain, signal, noise):
    a, s = signal[times], noise[times]
    return a * clean + s * grain, a * grain - s * clean


# %% q2 mistake: one time for all -> All images get the time of the first one
def drown(clean, times, grain, signal, noise):
    a, s = signal[times[0]], noise[times[0]]
    return a * clean + s * grain, a * grain - s * clean


# %% q2 mistake: the noise as target -> This is the grain itself
def drown(clean, times, grain, signal, noise):
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = signal[times].reshape(column), noise[times].reshape(column)
    return a * clean + s * grain, grain


# %% q2 mistake: the sign of the velocity -> The sign is turned
def drown(clean, times, grain, signal, noise):
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = signal[times].reshape(column), noise[times].reshape(column)
    return a * clean + s * grain, s * clean - a * grain


# %% q2 mistake: signal and noise exchanged -> `signal` belongs to the image
def drown(clean, times, grain, signal, noise):
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = signal[times].reshape(column), noise[times].reshape(column)
    return s * clean + a * grain, s * grain - a * clean


# %% q2 mistake: the velocity of the noisy image -> made of the clean image and the grain
def drown(clean, times, grain, signal, noise):
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = signal[times].reshape(column), noise[times].reshape(column)
    noisy = a * clean + s * grain
    return noisy, a * grain - s * noisy


# %% q2 mistake: one time too early -> The times are one too early
def drown(clean, times, grain, signal, noise):
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = signal[times - 1].reshape(column), noise[times - 1].reshape(column)
    return a * clean + s * grain, a * grain - s * clean


# %% q2 mistake: writes into the grain -> `grain` itself has changed
def drown(clean, times, grain, signal, noise):
    column = (-1, *[1] * (clean.ndim - 1))
    a, s = signal[times].reshape(column), noise[times].reshape(column)
    velocity = a * grain - s * clean
    grain *= s
    return a * clean + grain, velocity


# %% q3 right: the library's loss function, labels changed on a copy
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels = labels.clone()
    labels[torch.rand(len(labels)) < 0.1] = -1
    noisy, velocity = drown(clean, times, torch.randn(clean.shape), signal, noise)
    return torch.nn.functional.mse_loss(network(noisy, times, labels), velocity)


# %% q3 right: times spread evenly, as the library does
def loss(network, clean, labels, signal, noise):
    steps, count = len(signal) - 1, len(clean)
    share = (torch.rand(1) + torch.arange(count) / count) % 1
    times = (1 + (share * steps).long()).clamp(max=steps)
    hidden = torch.empty(count).bernoulli_(0.1).bool()
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    errors = network(noisy, times, labels.masked_fill(hidden, -1)) - velocity
    return (errors**2).sum() / errors.numel()


# %% q3 mistake: the last step never turns up -> The last step never turns up
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal) - 1, (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: time 0 -> Time 0 turns up
def loss(network, clean, labels, signal, noise):
    times = torch.randint(len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: one time for all -> All images get the same time
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (1,)).repeat(len(clean))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: no label is withheld -> No label is withheld
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: nine in ten are withheld -> `where` is turned around
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, labels, -1)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: uniform noise -> `torch.randn`, not `torch.rand`
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.rand_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: compares with the grain -> compared with the grain
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    grain = torch.randn_like(clean)
    noisy, velocity = drown(clean, times, grain, signal, noise)
    return (network(noisy, times, labels) - grain).square().mean()


# %% q3 mistake: the sum -> their mean is wanted
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().sum()


# %% q3 mistake: a number without gradients -> no gradient finds its way back
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean().item()


# %% q3 mistake: the same chance each time -> Each call should draw times and grain anew
def loss(network, clean, labels, signal, noise):
    torch.manual_seed(0)
    times = torch.randint(1, len(signal), (len(clean),))
    labels = torch.where(torch.rand(len(labels)) < 0.1, -1, labels)
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: writes -1 into the labels -> `labels` itself has changed
def loss(network, clean, labels, signal, noise):
    times = torch.randint(1, len(signal), (len(clean),))
    labels[torch.rand(len(labels)) < 0.1] = -1
    noisy, velocity = drown(clean, times, torch.randn_like(clean), signal, noise)
    return (network(noisy, times, labels) - velocity).square().mean()


# %% q3 mistake: a loop over images -> The network should be asked once
def loss(network, clean, labels, signal, noise):
    total = 0.0
    for x, label in zip(clean[:, None], labels[:, None], strict=True):
        times = torch.randint(1, len(signal), (1,))
        noisy, velocity = drown(x, times, torch.randn_like(x), signal, noise)
        total = total + (network(noisy, times, label) - velocity).square().mean()
    return total / len(clean)


# %% q4 right: the grain from the definition of the noisy data
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy - noise[now] * seen
    grain = (noisy - signal[now] * clean) / noise[now]
    return signal[earlier] * clean + noise[earlier] * grain, clean


# %% q4 right: turned by an angle
def step_back(noisy, seen, now, earlier, signal, noise):
    angle = torch.atan2(noise, signal)
    turn = angle[now] - angle[earlier]
    clean = torch.cos(angle[now]) * noisy - torch.sin(angle[now]) * seen
    return torch.cos(turn) * noisy - torch.sin(turn) * seen, clean


# %% q4 mistake: takes the velocity for the noise -> it is the velocity, and needs no division
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = (noisy - noise[now] * seen) / signal[now]
    return signal[earlier] * clean + noise[earlier] * seen, clean


# %% q4 mistake: the sign of the clean data -> The sign is turned
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy + noise[now] * seen
    grain = noise[now] * noisy + signal[now] * seen
    return signal[earlier] * clean + noise[earlier] * grain, clean


# %% q4 mistake: no grain is put back -> The grain is not put back
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy - noise[now] * seen
    return signal[earlier] * clean, clean


# %% q4 mistake: the velocity in place of the grain -> The velocity is put in the place of the grain
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy - noise[now] * seen
    return signal[earlier] * clean + noise[earlier] * seen, clean


# %% q4 mistake: put together for now -> so nothing has changed
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy - noise[now] * seen
    grain = noise[now] * noisy + signal[now] * seen
    return signal[now] * clean + noise[now] * grain, clean


# %% q4 mistake: exchanged -> The two results are exchanged
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy - noise[now] * seen
    grain = noise[now] * noisy + signal[now] * seen
    return clean, signal[earlier] * clean + noise[earlier] * grain


# %% q4 mistake: the whole repair -> the whole repair at once is a blur
def step_back(noisy, seen, now, earlier, signal, noise):
    clean = signal[now] * noisy - noise[now] * seen
    return clean, clean


# %% q5 right: a while loop, times from arange
def walk_back(network, start, labels, steps, signal, noise):
    last = len(signal) - 1
    noisy, step = start, 0
    while step < steps:
        now = round(last * (steps - step) / steps)
        earlier = round(last * (steps - step - 1) / steps)
        times = torch.full((len(noisy),), now)
        noisy = step_back(
            noisy, network(noisy, times, labels).detach(), now, earlier, signal, noise
        )[0]
        step += 1
    return noisy


# %% q5 right: the clean data of the last step
@torch.no_grad()
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long()
    noisy = start.clone()
    for place in range(steps):
        now, earlier = times[place], times[place + 1]
        seen = network(noisy, now.repeat(len(noisy)), labels)
        noisy, clean = step_back(noisy, seen, now, earlier, signal, noise)
    return clean


# %% q5 mistake: begins at time 0 -> The walk goes forward
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(0, len(signal) - 1, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for earlier, now in pairwise(times):
            seen = network(noisy, torch.full((len(noisy),), now), labels)
            noisy, _ = step_back(noisy, seen, now, earlier, signal, noise)
    return noisy


# %% q5 mistake: is told the earlier time -> it should be told how much noise there is now
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for now, earlier in pairwise(times):
            seen = network(noisy, torch.full((len(noisy),), earlier), labels)
            noisy, _ = step_back(noisy, seen, now, earlier, signal, noise)
    return noisy


# %% q5 mistake: always shows the first noise -> The network is always shown the first noise
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for now, earlier in pairwise(times):
            seen = network(start, torch.full((len(start),), now), labels)
            noisy, _ = step_back(noisy, seen, now, earlier, signal, noise)
    return noisy


# %% q5 mistake: forgets the result of a step -> what it says changes nothing
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for now in times[:-1]:
            network(noisy, torch.full((len(noisy),), now), labels)
    return noisy


# %% q5 mistake: goes on with the clean data -> The walk goes on with the clean data
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for now, earlier in pairwise(times):
            seen = network(noisy, torch.full((len(noisy),), now), labels)
            _, noisy = step_back(noisy, seen, now, earlier, signal, noise)
    return noisy


# %% q5 mistake: steps to the time before -> Each step goes to the time `now - 1`
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for now in times[:-1]:
            seen = network(noisy, torch.full((len(noisy),), now), labels)
            noisy, _ = step_back(noisy, seen, now, now - 1, signal, noise)
    return noisy


# %% q5 mistake: one time alone -> one number for each image
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long()
    noisy = start
    with torch.no_grad():
        for now, earlier in pairwise(times):
            noisy, _ = step_back(noisy, network(noisy, now, labels), now, earlier, signal, noise)
    return noisy


# %% q5 mistake: one step too many -> There are too many steps
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    with torch.no_grad():
        for now, earlier in pairwise([*times, 0]):
            seen = network(noisy, torch.full((len(noisy),), now), labels)
            noisy, _ = step_back(noisy, seen, now, earlier, signal, noise)
    return noisy


# %% q5 mistake: gradients are kept -> it still holds what a backward pass would need
def walk_back(network, start, labels, steps, signal, noise):
    times = torch.linspace(len(signal) - 1, 0, steps + 1).round().long().tolist()
    noisy = start
    for now, earlier in pairwise(times):
        seen = network(noisy, torch.full((len(noisy),), now), labels)
        noisy, _ = step_back(noisy, seen, now, earlier, signal, noise)
    return noisy


# %% q6 right: partial
def guided(network, strength):
    def ask(noisy, times, labels, how_much):
        both = [network(noisy, times, said) for said in (labels, torch.full_like(labels, -1))]
        return (1 + how_much) * both[0] - how_much * both[1]

    return partial(ask, how_much=strength)


# %% q6 right: a class, one call for both
class guided:
    def __init__(self, network, strength):
        self.network, self.strength = network, strength

    def __call__(self, noisy, times, labels):
        none = torch.full_like(labels, -1)
        both = self.network(noisy.repeat(2, 1), times.repeat(2), torch.cat([labels, none]))
        seen, free = both.chunk(2)
        return torch.lerp(free, seen, 1 + self.strength)


# %% q6 mistake: the other convention -> so strength 0 ignores them
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen = network(noisy, times, labels)
        free = network(noisy, times, torch.full_like(labels, -1))
        return free + strength * (seen - free)

    return pushed


# %% q6 mistake: the sign -> The sign is turned
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen = network(noisy, times, labels)
        free = network(noisy, times, torch.full_like(labels, -1))
        return seen + strength * (free - seen)

    return pushed


# %% q6 mistake: asks with the labels twice -> The strength has no effect
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen, free = network(noisy, times, labels), network(noisy, times, labels)
        return seen + strength * (seen - free)

    return pushed


# %% q6 mistake: writes -1 into the labels -> `labels` itself has changed
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen = network(noisy, times, labels)
        labels[:] = -1
        return seen + strength * (seen - network(noisy, times, labels))

    return pushed


# %% q6 mistake: minus the label -> not minus the label
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen, free = network(noisy, times, labels), network(noisy, times, -labels)
        return seen + strength * (seen - free)

    return pushed


# %% q6 mistake: 0 for any digit -> 0 is a digit
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen = network(noisy, times, labels)
        free = network(noisy, times, torch.zeros_like(labels))
        return seen + strength * (seen - free)

    return pushed


# %% q6 mistake: no function -> A function is wanted, which can be asked like a network
def guided(network, strength):
    return strength


# %% q6 mistake: the difference alone -> nothing is added to it
def guided(network, strength):
    def pushed(noisy, times, labels):
        seen = network(noisy, times, labels)
        return strength * (seen - network(noisy, times, torch.full_like(labels, -1)))

    return pushed


# %% q7 right: by the symmetric product, in NumPy
def frechet(first, second):
    import numpy as np

    one, other = first.numpy(), second.numpy()
    a, b = np.atleast_2d(np.cov(one.T)), np.atleast_2d(np.cov(other.T))
    values, vectors = np.linalg.eigh(a)
    root = vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T
    both = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(0)).sum()
    return ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * both


# %% q7 right: scipy's root of a matrix, covariances by hand
def frechet(first, second):
    from scipy.linalg import sqrtm

    means, covs = [], []
    for rows in (first, second):
        away = rows - rows.mean(0)
        means.append(rows.mean(0))
        covs.append(away.T @ away / len(rows))
    root = torch.as_tensor(sqrtm((covs[0] @ covs[1]).numpy()).real)
    return ((means[0] - means[1]) ** 2).sum() + torch.trace(covs[0] + covs[1] - 2 * root)


# %% q7 mistake: no means -> The means are not in it
def frechet(first, second):
    size = first.shape[1]
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    root = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
    return a.trace() + b.trace() - 2 * root


# %% q7 mistake: the means alone -> The covariances are not in it
def frechet(first, second):
    return (first.mean(0) - second.mean(0)).square().sum()


# %% q7 mistake: taken away once -> it should be twice
def frechet(first, second):
    size = first.shape[1]
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    root = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
    return (first.mean(0) - second.mean(0)).square().sum() + a.trace() + b.trace() - root


# %% q7 mistake: no clamp -> Rounding has made eigenvalues a little negative
def frechet(first, second):
    size = first.shape[1]
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    root = torch.linalg.eigvals(a @ b).real.sqrt().sum()
    return (first.mean(0) - second.mean(0)).square().sum() + a.trace() + b.trace() - 2 * root


# %% q7 mistake: the length of the means' difference -> is not squared
def frechet(first, second):
    size = first.shape[1]
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    root = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
    return (first.mean(0) - second.mean(0)).norm() + a.trace() + b.trace() - 2 * root


# %% q7 mistake: no root -> The root is missing: these are the eigenvalues themselves
def frechet(first, second):
    size = first.shape[1]
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    both = torch.linalg.eigvals(a @ b).real.sum()
    return (first.mean(0) - second.mean(0)).square().sum() + a.trace() + b.trace() - 2 * both


# %% q7 mistake: the root of the distance -> wanted is the distance as the chapter has it
def frechet(first, second):
    size = first.shape[1]
    a, b = (torch.cov(rows.T).reshape(size, size) for rows in (first, second))
    moved = (first.mean(0) - second.mean(0)).square().sum()
    both = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
    return (moved + a.trace() + b.trace() - 2 * both).sqrt()


# %% q7 mistake: images as rows of the covariance -> Your code raised
def frechet(first, second):
    a, b = torch.cov(first), torch.cov(second)
    root = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
    return (first.mean(0) - second.mean(0)).square().sum() + a.trace() + b.trace() - 2 * root


# %% q8 right: DDPM's fresh noise at each step
def mine(digits):
    pushed, noisy = guided(model, 1.0), torch.randn(len(digits), 20)
    with torch.no_grad():
        for now in range(100, 0, -1):
            seen = pushed(noisy, torch.full((len(digits),), now), digits)
            clean = signal[now] * noisy - noise[now] * seen
            kept = signal[now] / signal[now - 1]
            fresh = noise[now - 1] / noise[now] * (1 - kept**2).sqrt()
            grain = noise[now] * noisy + signal[now] * seen
            rest = (noise[now - 1] ** 2 - fresh**2).clamp(min=0).sqrt()
            noisy = signal[now - 1] * clean + rest * grain + fresh * torch.randn_like(noisy)
    return images_of(noisy)


# %% q8 right: three tries, and another network keeps the best
def mine(digits):
    judge, rows = lc.load_model("lenet5")[0], torch.arange(len(digits))
    pushed, tries, sure = guided(model, 0.7), [], []
    for _ in range(3):
        start = torch.randn(len(digits), 20)
        images = images_of(walk_back(pushed, start, digits, 25, signal, noise))
        tries.append(images)
        sure.append(lc.predict_probabilities(judge, images)[rows, digits])
    return torch.stack(tries)[torch.stack(sure).argmax(0), rows]


# %% q8 mistake: no guidance -> Too few can be read as asked
def mine(digits):
    start = torch.randn(len(digits), 20)
    return images_of(walk_back(model, start, digits, 25, signal, noise))


# %% q8 mistake: one perfect hand -> As a set they are too far from real digits
def mine(digits):
    means = torch.stack([codes[train.labels == digit].mean(0) for digit in range(10)])
    start = 0.01 * torch.randn(len(digits), 20)
    found = walk_back(guided(model, 6.0), start, digits, 25, signal, noise)
    return images_of(found + 0 * means[digits])


# %% q8 mistake: training images -> Somebody has written these
def mine(digits):
    return torch.stack(
        [train.images[train.labels == digit][int(torch.randint(50, (1,)))] for digit in digits]
    )


# %% q8 mistake: training images, moved by a pixel -> Somebody has written these
def mine(digits):
    rows = [int((train.labels == digit).nonzero()[torch.randint(50, (1,))]) for digit in digits]
    return train.images[rows].roll(1, 2)


# %% q8 mistake: training images with noise -> Somebody has written these
def mine(digits):
    rows = [int((train.labels == digit).nonzero()[torch.randint(50, (1,))]) for digit in digits]
    images = train.images[rows].float()
    return (images + 12 * torch.randn(images.shape)).clamp(0, 255)


# %% q8 mistake: much guidance -> As a set they are too far from real digits
def mine(digits):
    start = torch.randn(len(digits), 20)
    return images_of(walk_back(guided(model, 6.0), start, digits, 25, signal, noise))


# %% q8 mistake: codes in place of images -> Images of shape (n, 28, 28) are wanted
def mine(digits):
    start = torch.randn(len(digits), 20)
    return walk_back(guided(model, 1.5), start, digits, 25, signal, noise)


# %% q8 mistake: ink from 0 to 1 -> Images of 0 to 255 are wanted
def mine(digits):
    start = torch.randn(len(digits), 20)
    return images_of(walk_back(guided(model, 1.5), start, digits, 25, signal, noise)) / 255
