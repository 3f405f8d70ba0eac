"""Lab 05: other right answers, and typical mistakes with what the check must say of them."""


# %% q1 right: the library does it
def draw_code(mu, logvar):
    return lc.reparameterise(mu, logvar)


# %% q1 right: a distribution of torch
def draw_code(mu, logvar):
    return torch.distributions.Normal(mu, (0.5 * logvar).exp()).rsample()


# %% q1 right: the root of the variance, noise from NumPy
def draw_code(mu, logvar):
    import numpy as np
    
    noise = np.random.default_rng().standard_normal(tuple(mu.shape))
    return torch.exp(logvar).sqrt() * torch.as_tensor(noise, dtype=mu.dtype) + mu


# %% q1 mistake: the variance for sigma -> multiplied by σ²
def draw_code(mu, logvar):
    return mu + torch.exp(logvar) * torch.randn_like(mu)


# %% q1 mistake: logvar for sigma -> `logvar` itself is taken for σ
def draw_code(mu, logvar):
    return mu + logvar * torch.randn_like(mu)


# %% q1 mistake: the root of logvar -> The code holds nan
def draw_code(mu, logvar):
    return mu + logvar.sqrt() * torch.randn_like(mu)


# %% q1 mistake: forgets the exp -> the `exp` is missing
def draw_code(mu, logvar):
    return mu + logvar / 2 * torch.randn_like(mu)


# %% q1 mistake: uniform noise -> `torch.randn`, not `torch.rand`
def draw_code(mu, logvar):
    return mu + torch.exp(logvar / 2) * torch.rand_like(mu)


# %% q1 mistake: one noise for all images -> All images get the same noise
def draw_code(mu, logvar):
    return mu + torch.exp(logvar / 2) * torch.randn(mu.shape[1])


# %% q1 mistake: one number for an image -> All latents of an image get the same noise
def draw_code(mu, logvar):
    return mu + torch.exp(logvar / 2) * torch.randn(len(mu), 1)


# %% q1 mistake: noise that is not stretched -> not stretched
def draw_code(mu, logvar):
    return mu + torch.randn_like(mu)


# %% q1 mistake: the mean -> This is the mean alone
def draw_code(mu, logvar):
    return mu


# %% q1 mistake: a sample without a gradient -> no gradient finds its way back to `mu` and `logvar`
def draw_code(mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(logvar / 2)).sample()


# %% q1 mistake: torch.normal -> no gradient finds its way back to `mu`
def draw_code(mu, logvar):
    return torch.normal(mu, torch.exp(logvar / 2))


# %% q1 mistake: sigma detached -> no gradient finds its way back to `logvar`
def draw_code(mu, logvar):
    sigma = torch.exp(logvar / 2).detach()
    return mu + sigma * torch.randn_like(sigma)


# %% q1 mistake: the same seed each time -> The noise is the same each time
def draw_code(mu, logvar):
    torch.manual_seed(0)
    return mu + torch.exp(logvar / 2) * torch.randn_like(mu)


# %% q1 mistake: adds sigma -> There is no noise
def draw_code(mu, logvar):
    return mu + torch.exp(logvar / 2)


# %% q1 mistake: the brackets round the sum -> μ is multiplied by σ, too
def draw_code(mu, logvar):
    return torch.exp(logvar / 2) * (mu + torch.randn_like(mu))


# %% q1 mistake: in place -> `mu` itself has changed
def draw_code(mu, logvar):
    mu += torch.exp(logvar / 2) * torch.randn_like(logvar)
    return mu


# %% q1 mistake: NumPy's noise as it comes -> float64
def draw_code(mu, logvar):
    import numpy as np

    noise = np.random.default_rng().standard_normal(tuple(mu.shape))
    return mu + torch.exp(logvar / 2) * torch.from_numpy(noise)


# %% q2 right: the library does it
def price(mu, logvar):
    return lc.kl_to_standard_normal(mu, logvar)


# %% q2 right: by torch's distributions
def price(mu, logvar):
    prior = torch.distributions.Normal(0.0, 1.0)
    posterior = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    return torch.distributions.kl_divergence(posterior, prior).sum(dim=-1)


# %% q2 right: with loops
def price(mu, logvar):
    prices = []
    for means, logs in zip(mu, logvar):
        prices.append(sum((m * m + torch.exp(v) - 1 - v) / 2 for m, v in zip(means, logs)))
    return torch.stack(prices)


# %% q2 mistake: with loops over plain numbers -> no gradient finds its way back to `mu` and `logvar`
def price(mu, logvar):
    import math
    
    prices = []
    for means, logs in zip(mu.tolist(), logvar.tolist()):
        prices.append(sum((m * m + math.exp(v) - 1 - v) / 2 for m, v in zip(means, logs)))
    return prices


# %% q2 mistake: a new tensor of the numbers -> no gradient finds its way back to `mu` and `logvar`
def price(mu, logvar):
    import numpy as np

    m, v = mu.detach().numpy(), logvar.detach().numpy()
    return torch.tensor((0.5 * (m**2 + np.exp(v) - 1 - v)).sum(1))


# %% q2 mistake: the mean without its gradient -> no gradient finds its way back to `mu`.
def price(mu, logvar):
    return 0.5 * (mu.detach() ** 2 + logvar.exp() - 1 - logvar).sum(1)


# %% q2 mistake: the mean over the latents -> This is the mean over the latents
def price(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).mean(1)


# %% q2 mistake: one sum over everything -> This is the sum over all images
def price(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()


# %% q2 mistake: the mean over the images already -> This is the mean over all images
def price(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1).mean()


# %% q2 mistake: the wrong axis -> The sum goes over the images
def price(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(0)


# %% q2 mistake: no half -> The half in front is missing
def price(mu, logvar):
    return (mu**2 + logvar.exp() - 1 - logvar).sum(1)


# %% q2 mistake: the sign of the bound -> a price is never negative
def price(mu, logvar):
    return 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)


# %% q2 mistake: sigma, not squared -> The second part is σ, not its square
def price(mu, logvar):
    sigma = torch.exp(logvar / 2)
    return 0.5 * (mu**2 + sigma - 1 - logvar).sum(1)


# %% q2 mistake: ln sigma for ln sigma squared -> this is half of it
def price(mu, logvar):
    sigma = torch.exp(logvar / 2)
    return 0.5 * (mu**2 + sigma**2 - 1 - sigma.log()).sum(1)


# %% q2 mistake: without the one -> The −1 is missing
def price(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - logvar).sum(1)


# %% q2 mistake: logvar for sigma -> `logvar` is taken for σ
def price(mu, logvar):
    return 0.5 * (mu**2 + logvar**2 - 1 - (logvar**2).log()).sum(1)


# %% q3 right: by F.mse_loss, the loss as two means
def error(scores, images):
    ink = torch.sigmoid(scores).reshape(images.shape)
    return F.mse_loss(ink, images, reduction="none").sum(dim=(1, 2, 3))


def loss(scores, images, mu, logvar, beta):
    return error(scores, images).mean() + beta * price(mu, logvar).mean()


# %% q3 right: a sum over everything, divided by the images
def error(scores, images):
    return torch.stack([((1 / (1 + torch.exp(-s)) - x.reshape(-1)) ** 2).sum() for s, x in zip(scores, images)])


def loss(scores, images, mu, logvar, beta):
    both = error(scores, images).sum() + beta * price(mu, logvar).sum()
    return both / len(images)


# %% q3 right: the library's loss
def error(scores, images):
    return torch.linalg.vector_norm(scores.sigmoid() - images.view(len(images), -1), dim=1) ** 2


def loss(scores, images, mu, logvar, beta):
    from lenetcourse.models.vae import VAEOutput
    
    return lc.vae_loss(VAEOutput(scores, mu, logvar), images, beta)


# %% q3 mistake: the mean over the pixels -> This is the mean over the pixels
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().mean(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: mse_loss as it comes -> as `F.mse_loss` takes it when nothing is said
def error(scores, images):
    return F.mse_loss(torch.sigmoid(scores), images.flatten(1))


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: the sum over everything -> This is the sum over all images
def error(scores, images):
    return F.mse_loss(torch.sigmoid(scores), images.flatten(1), reduction="sum")


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: forgets the sigmoid -> The scores go in as they are
def error(scores, images):
    return (scores - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: the wrong axis -> The sum goes over the images
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(0)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: absolute differences -> These are absolute differences
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).abs().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: does not flatten -> Your code raised
def error(scores, images):
    return (torch.sigmoid(scores) - images).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q3 mistake: the collapse, in the loss -> this is the bug that makes the code collapse
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    ink = torch.sigmoid(scores)
    return F.mse_loss(ink, images.flatten(1)) + beta * price(mu, logvar).mean()


# %% q3 mistake: the sum over the images -> This is the sum over the images
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).sum()


# %% q3 mistake: no mean -> One number is wanted, for the whole batch
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return error(scores, images) + beta * price(mu, logvar)


# %% q3 mistake: forgets beta -> `beta` has no effect
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + price(mu, logvar)).mean()


# %% q3 mistake: beta at the error -> `beta` weighs the error
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (beta * error(scores, images) + price(mu, logvar)).mean()


# %% q3 mistake: the prices added up, the errors averaged -> the prices are their sum
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return error(scores, images).mean() + beta * price(mu, logvar).sum()


# %% q3 mistake: a number without its gradient -> no gradient finds its way back
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean().item()


# %% q3 mistake: the mean of the code detached -> no gradient finds its way back to `mu`.
def error(scores, images):
    return (torch.sigmoid(scores) - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu.detach(), logvar)).mean()


# %% q3 mistake: the ink detached -> no gradient finds its way back to `scores`.
def error(scores, images):
    return (torch.sigmoid(scores).detach() - images.flatten(1)).square().sum(1)


def loss(scores, images, mu, logvar, beta):
    return (error(scores, images) + beta * price(mu, logvar)).mean()


# %% q4 right: the library's noise, the weights' products by hand; whole batches weighed by their size
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        x = images.reshape(len(images), -1)
        hidden = (x @ self.encoder.weight.T + self.encoder.bias).clamp(min=0)
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels=labels)
        scores = self.decode(lc.reparameterise(mu, logvar), labels=labels)
        return scores, mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    import numpy as np

    network.train()
    rows = []
    for inputs, digits in batches:
        optimizer.zero_grad()
        outputs = network(inputs, digits)
        total = loss(outputs[0], inputs, *outputs[1:], beta)
        total.backward()
        parts = error(outputs[0], inputs).mean().item(), price(*outputs[1:]).mean().item()
        optimizer.step()
        rows.append([*parts, len(inputs)])
    errors, prices, sizes = np.array(rows).T
    return np.average(errors, weights=sizes), np.average(prices, weights=sizes)


# %% q4 right: two parts of the loss, tensors given back
def train_one_epoch(network, batches, optimizer, beta):
    errors, prices = [], []
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        one, two = error(scores, images), price(mu, logvar)
        network.zero_grad()
        (one.mean() + beta * two.mean()).backward()
        optimizer.step()
        errors.append(one.detach())
        prices.append(two.detach())
    return torch.cat(errors).mean(), torch.cat(prices).mean()


# %% q4 mistake: no ReLU in the encoder -> The ReLU after the encoder's first layer is missing
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = self.encoder(images.flatten(1))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: gives sigma -> This is σ;
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), torch.exp(self.logvar(hidden) / 2)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: mu and logvar exchanged -> The two are exchanged: first mu
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.logvar(hidden), self.mu(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: one layer behind the other -> mat1 and mat2
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        mu = self.mu(F.relu(self.encoder(images.flatten(1))))
        return mu, self.logvar(mu)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: does not flatten -> Is it `images.flatten(1)`
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: sigmoid in the decoder -> These are ink already
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return torch.sigmoid(self.decoder(F.relu(self.expand(codes))))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: no ReLU in the decoder -> The ReLU between the two layers is missing
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(self.expand(codes))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: decodes the mean -> no noise, a plain autoencoder
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(mu, labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: only the scores -> Three things are wanted
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, logvar), labels)


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: keeps the labels to itself -> hand the labels on
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images)
        return self.decode(draw_code(mu, logvar)), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: draws with sigma in place of logvar -> The decoder should get a code that is drawn
class VAE(torch.nn.Module):
    def __init__(self, latents=10, hidden=256, extra=0):
        super().__init__()
        self.latents = latents
        self.encoder = torch.nn.Linear(784 + extra, hidden)
        self.mu = torch.nn.Linear(hidden, latents)
        self.logvar = torch.nn.Linear(hidden, latents)
        self.expand = torch.nn.Linear(latents + extra, hidden)
        self.decoder = torch.nn.Linear(hidden, 784)

    def encode(self, images, labels=None):
        hidden = F.relu(self.encoder(images.flatten(1)))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels=None):
        return self.decoder(F.relu(self.expand(codes)))

    def forward(self, images, labels=None):
        mu, logvar = self.encode(images, labels)
        return self.decode(draw_code(mu, torch.exp(logvar / 2)), labels), mu, logvar


def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: no zero_grad -> The gradients of earlier batches are still there
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: zero_grad behind backward -> The weights have not moved
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.zero_grad()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: beta forgotten -> `beta` does not reach the loss
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, 1.0).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: labels not handed over -> Hand the labels over as well
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: returns within the loop -> Only the first batch is used
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
        return total_error / count, total_price / count


# %% q4 mistake: divided by the batches -> divide by the number of images
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += 1
    return total_error / count, total_price / count


# %% q4 mistake: the price with its weight -> The price has its weight in it
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += beta * price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: the whole loss for the error -> The first is the whole loss
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += len(images) * loss(scores, images, mu, logvar, beta).item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: the mean of the batches' means -> a mean of the batches' means
def train_one_epoch(network, batches, optimizer, beta):
    errors, prices = [], []
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        errors.append(error(scores, images).mean().item())
        prices.append(price(mu, logvar).mean().item())
    return sum(errors) / len(errors), sum(prices) / len(prices)


# %% q4 mistake: the loss added up -> The loss is added up over the images
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        (error(scores, images) + beta * price(mu, logvar)).sum().backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q4 mistake: bytes once more -> The images are divided by 255
def train_one_epoch(network, batches, optimizer, beta):
    total_error = total_price = count = 0
    for images, labels in batches:
        images = images / 255
        scores, mu, logvar = network(images, labels)
        optimizer.zero_grad()
        loss(scores, images, mu, logvar, beta).backward()
        optimizer.step()
        total_error += error(scores, images).sum().item()
        total_price += price(mu, logvar).sum().item()
        count += len(images)
    return total_error / count, total_price / count


# %% q5 right: a list of images
def invent(network, count, spread=1.0):
    codes = spread * torch.randn(count, network.latents)
    with torch.no_grad():
        return [torch.sigmoid(scores).view(28, 28) for scores in network.decode(codes)]


# %% q5 right: normal_ in place, inference mode
def invent(network, count, spread=1.0):
    codes = torch.empty(count, network.latents).normal_(0, spread)
    with torch.inference_mode():
        ink = network.decode(codes).sigmoid()
    return ink.view(count, 28, 28)


# %% q5 right: one image at a time, NumPy's numbers
def invent(network, count, spread=1.0):
    import numpy as np

    images = []
    for code in np.random.default_rng().normal(0, spread, (count, network.latents)):
        scores = network.decode(torch.tensor(code[None], dtype=torch.float32))
        images.append(1 / (1 + np.exp(-scores.detach().numpy().reshape(28, 28))))
    return np.stack(images)


# %% q5 mistake: uniform codes -> The prior has mean 0
def invent(network, count, spread=1.0):
    codes = spread * torch.rand(count, network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: uniform round zero -> The prior is a bell curve
def invent(network, count, spread=1.0):
    codes = spread * 3**0.5 * (2 * torch.rand(count, network.latents) - 1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: forgets the spread -> `spread` has no effect yet
def invent(network, count, spread=1.0):
    codes = torch.randn(count, network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: the spread as a variance -> is the standard deviation, not the variance
def invent(network, count, spread=1.0):
    codes = spread**0.5 * torch.randn(count, network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: adds the spread -> The prior has mean 0
def invent(network, count, spread=1.0):
    codes = spread + torch.randn(count, network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: one code for all -> All images get the same code
def invent(network, count, spread=1.0):
    codes = spread * torch.randn(network.latents).expand(count, -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: twenty latents, always -> `decode` wants codes of shape
def invent(network, count, spread=1.0):
    codes = spread * torch.randn(count, 20)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: forgets the sigmoid -> These are scores
def invent(network, count, spread=1.0):
    codes = spread * torch.randn(count, network.latents)
    with torch.no_grad():
        return network.decode(codes).reshape(-1, 28, 28)


# %% q5 mistake: keeps the gradients -> `torch.no_grad()`
def invent(network, count, spread=1.0):
    codes = spread * torch.randn(count, network.latents)
    return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q5 mistake: rows in place of images -> images of 28 by 28 are wanted
def invent(network, count, spread=1.0):
    codes = spread * torch.randn(count, network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes))


# %% q5 mistake: the same noise each time -> Each call should draw other codes
def invent(network, count, spread=1.0):
    torch.manual_seed(0)
    codes = spread * torch.randn(count, network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q6 right: lerp and normalize
def straight(start, stop, steps):
    return torch.stack([torch.lerp(start, stop, k / (steps - 1)) for k in range(steps)])


def round_walk(start, stop, steps):
    shares = torch.linspace(0, 1, steps).unsqueeze(1)
    lengths = torch.lerp(start.norm(), stop.norm(), shares)
    return lengths * F.normalize(straight(start, stop, steps), dim=1)


# %% q6 right: NumPy
def straight(start, stop, steps):
    import numpy as np

    return np.linspace(start.numpy(), stop.numpy(), steps)


def round_walk(start, stop, steps):
    import numpy as np

    points = np.linspace(start.numpy(), stop.numpy(), steps)
    long, short = (np.linalg.norm(code.numpy()) for code in (start, stop))
    wanted = np.linspace(long, short, steps)
    return [point * length / np.linalg.norm(point) for point, length in zip(points, wanted)]


# %% q6 right: lists of points
def straight(start, stop, steps):
    return [start + k / (steps - 1) * (stop - start) for k in range(steps)]


def round_walk(start, stop, steps):
    points = []
    for k, point in enumerate(straight(start, stop, steps)):
        share = k / (steps - 1)
        length = (1 - share) * start.norm() + share * stop.norm()
        points.append(length * point / point.norm())
    return points


# %% q6 mistake: never arrives -> The last point is not `stop` yet
def straight(start, stop, steps):
    shares = torch.arange(steps)[:, None] / steps
    return start + shares * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm(dim=1, keepdim=True)


# %% q6 mistake: from stop to start -> The walk goes from `stop` to `start`
def straight(start, stop, steps):
    shares = torch.linspace(0, 1, steps)[:, None]
    return shares * start + (1 - shares) * stop


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm(dim=1, keepdim=True)


# %% q6 mistake: a step too many -> There is a step too many
def straight(start, stop, steps):
    shares = torch.linspace(0, 1, steps + 1)[:, None]
    return start + shares * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm(dim=1, keepdim=True)


# %% q6 mistake: forgets to add the start -> add `start` itself
def straight(start, stop, steps):
    return torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm(dim=1, keepdim=True)


# %% q6 mistake: points as columns -> Rows and columns are exchanged
def straight(start, stop, steps):
    shares = torch.linspace(0, 1, steps)
    return start[:, None] + shares * (stop - start)[:, None]


def round_walk(start, stop, steps):
    points = start + torch.linspace(0, 1, steps)[:, None] * (stop - start)
    return points


# %% q6 mistake: the shares no column -> Your code raised
def straight(start, stop, steps):
    shares = torch.linspace(0, 1, steps)
    return start + shares * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm(dim=1, keepdim=True)


# %% q6 mistake: the round one is straight -> no point is stretched
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    return straight(start, stop, steps)


# %% q6 mistake: length one -> All points have length 1 now
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    return F.normalize(straight(start, stop, steps), dim=1)


# %% q6 mistake: multiplies only -> not divided by the lengths they had
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths


# %% q6 mistake: the length of the start -> All points have the length of `start`
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    return points * start.norm() / points.norm(dim=1, keepdim=True)


# %% q6 mistake: the length of all points -> The length goes over all points together
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm()


# %% q6 mistake: the length of a column -> The length goes down the columns
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    points = straight(start, stop, steps)
    lengths = torch.linspace(start.norm().item(), stop.norm().item(), steps)[:, None]
    return points * lengths / points.norm(dim=0, keepdim=True)


# %% q6 mistake: even angles -> even steps of the *angle*
def straight(start, stop, steps):
    return start + torch.linspace(0, 1, steps)[:, None] * (stop - start)


def round_walk(start, stop, steps):
    shares = torch.linspace(0, 1, steps)[:, None]
    lengths = (1 - shares) * start.norm() + shares * stop.norm()
    angle = torch.arccos(F.cosine_similarity(start, stop, dim=0))
    one, two = start / start.norm(), stop / stop.norm()
    return lengths * (torch.sin((1 - shares) * angle) * one + torch.sin(shares * angle) * two) / torch.sin(angle)


# %% q7 right: by the methods of VAE, labels as rows of a unit matrix
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        return super().encode(torch.cat([images.flatten(1), torch.eye(10)[labels]], dim=1))

    def decode(self, codes, labels):
        return super().decode(torch.cat([codes, torch.eye(10)[labels]], dim=1))


def write(network, digits, code):
    ink = []
    for digit in digits:
        scores = network.decode(code[None], digit[None]).detach()
        ink.append(scores.sigmoid()[0].view(28, 28))
    return torch.stack(ink)


# %% q7 right: the labels before the pixels and the code
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        marks = (labels[:, None] == torch.arange(10)).float()
        hidden = torch.relu(self.encoder(torch.hstack([marks, images.flatten(1)])))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        marks = (labels[:, None] == torch.arange(10)).float()
        return self.decoder(torch.relu(self.expand(torch.hstack([marks, codes]))))


def write(network, digits, code):
    with torch.inference_mode():
        scores = network.decode(code.repeat(len(digits), 1), digits)
        return scores.sigmoid().unflatten(1, (28, 28))


# %% q7 mistake: the label as one number -> mat1 and mat2
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), labels[:, None]], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: as many columns as the largest label -> `F.one_hot(labels, 10)`
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: the encoder is not told -> The labels do not reach the encoder
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), torch.zeros(len(images), 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: the decoder is not told -> The labels do not reach the decoder
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, torch.zeros(len(codes), 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: joined along the images -> It stops with sizes that do not fit
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 0)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: the decoder gets the code alone -> mat1 and mat2
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        return self.decoder(F.relu(self.expand(codes)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: ink from decode -> These are ink already
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return torch.sigmoid(self.decoder(F.relu(self.expand(joined))))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: no ReLU in the encoder -> The ReLU after the encoder's first layer is missing
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = self.encoder(joined)
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: another code for each digit -> no other is drawn
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = torch.randn(len(digits), network.latents)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: one code, many digits -> one code for each digit
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code[None]
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: write forgets the sigmoid -> These are scores
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return network.decode(codes, digits).reshape(-1, 28, 28)


# %% q7 mistake: write keeps the gradients -> `torch.no_grad()`
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    return torch.sigmoid(network.decode(codes, digits)).reshape(-1, 28, 28)


# %% q7 mistake: write does not say which digits -> wants the digits as its second input
class Writer(VAE):
    def __init__(self, latents=10, hidden=256):
        super().__init__(latents, hidden, extra=10)

    def encode(self, images, labels):
        joined = torch.cat([images.flatten(1), F.one_hot(labels, 10)], 1)
        hidden = F.relu(self.encoder(joined))
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, codes, labels):
        joined = torch.cat([codes, F.one_hot(labels, 10)], 1)
        return self.decoder(F.relu(self.expand(joined)))


def write(network, digits, code):
    codes = code.expand(len(digits), -1)
    with torch.no_grad():
        return torch.sigmoid(network.decode(codes)).reshape(-1, 28, 28)


# %% q8 right: a little less spread, the best of eight
def mine(digits):
    judge = lc.load_model("lenet5")[0]
    found = torch.zeros(len(digits), 28, 28)
    best = torch.full((len(digits),), -1.0)
    for _ in range(8):
        with torch.no_grad():
            ink = writer.decode(0.9 * torch.randn(len(digits), writer.latents), digits)
        ink = ink.sigmoid().reshape(-1, 28, 28)
        chance = lc.predict_probabilities(judge, as_bytes(ink))
        chance = chance.gather(1, digits[:, None])[:, 0]
        better = chance > best
        found[better], best[better] = ink[better], chance[better]
    return found


# %% q8 right: one digit at a time, the best of twelve by the margin
def mine(digits):
    judge = lc.load_model("lenet5")[0]
    images = []
    for digit in digits.tolist():
        same = torch.full((12,), digit)
        with torch.no_grad():
            ink = writer.decode(torch.randn(12, writer.latents), same).sigmoid().view(-1, 28, 28)
        best = lc.predict_probabilities(judge, as_bytes(ink))[:, digit].argmax()
        images.append(ink[best].numpy())
    return images


# %% q8 mistake: always the middle -> rubber stamps
def mine(digits):
    codes = torch.zeros(len(digits), writer.latents)
    with torch.no_grad():
        return torch.sigmoid(writer.decode(codes, digits)).reshape(-1, 28, 28)


# %% q8 mistake: a small spread -> rubber stamps
def mine(digits):
    codes = 0.3 * torch.randn(len(digits), writer.latents)
    with torch.no_grad():
        return torch.sigmoid(writer.decode(codes, digits)).reshape(-1, 28, 28)


# %% q8 mistake: much too wide a spread -> Too few can be read
def mine(digits):
    codes = 2.5 * torch.randn(len(digits), writer.latents)
    with torch.no_grad():
        return torch.sigmoid(writer.decode(codes, digits)).reshape(-1, 28, 28)


# %% q8 mistake: training images -> Some are training or validation images
def mine(digits):
    places = [(train.labels == digit).nonzero()[:, 0] for digit in range(10)]
    chosen = [places[d][torch.randint(len(places[d]), (1,))] for d in digits.tolist()]
    return train.images[torch.cat(chosen)] / 255


# %% q8 mistake: validation images, again and again -> Some are training or validation images
def mine(digits):
    places = [(validation.labels == digit).nonzero()[:, 0] for digit in range(10)]
    chosen = [places[d][torch.randint(len(places[d]), (1,))] for d in digits.tolist()]
    return validation.images[torch.cat(chosen)] / 255


# %% q8 mistake: training images, a pixel to the right -> perhaps a pixel further
def mine(digits):
    places = [(train.labels == digit).nonzero()[:, 0] for digit in range(10)]
    chosen = [places[d][torch.randint(len(places[d]), (1,))] for d in digits.tolist()]
    return train.images[torch.cat(chosen)].roll(1, 2) / 255


# %% q8 mistake: does not heed the digits -> Too few can be read
def mine(digits):
    return invent(vae, len(digits))


# %% q8 mistake: bytes -> The ink should go from 0 to 1
def mine(digits):
    codes = torch.randn(len(digits), writer.latents)
    with torch.no_grad():
        return 255 * torch.sigmoid(writer.decode(codes, digits)).reshape(-1, 28, 28)


# %% q8 mistake: rows of pixels -> The ink has the wrong shape
def mine(digits):
    codes = torch.randn(len(digits), writer.latents)
    with torch.no_grad():
        return torch.sigmoid(writer.decode(codes, digits))
