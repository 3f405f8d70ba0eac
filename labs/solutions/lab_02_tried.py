"""Lab 02: other right answers, and typical mistakes with what the check must say of them."""


# %% q1 right: struct unpacks it
def read_header(content):
    import struct

    zero, kind, rank = struct.unpack(">HBB", content[:4])
    return kind, struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank]), 4 + 4 * rank


# %% q1 right: NumPy, and a list
def read_header(content):
    start = 4 + 4 * content[3]
    return [content[2], np.frombuffer(content[4:start], ">u4").astype(int), start]


# %% q1 right: by powers of 256
def read_header(content):
    shape = []
    for place in range(4, 4 + 4 * content[3], 4):
        length = 0
        for byte in content[place : place + 4]:
            length = length * 256 + byte
        shape.append(length)
    return content[2], shape, 4 + 4 * len(shape)


# %% q1 mistake: little-endian -> read from the wrong end
def read_header(content):
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k : k + 4], "little") for k in range(4, start, 4))
    return content[2], shape, start


# %% q1 mistake: always three dimensions -> The fourth byte says how many
def read_header(content):
    shape = tuple(int.from_bytes(content[k : k + 4], "big") for k in (4, 8, 12))
    return content[2], shape, 16


# %% q1 mistake: the start is always 16 -> the header grows with their number
def read_header(content):
    shape = [int.from_bytes(content[k : k + 4], "big") for k in range(4, 4 + 4 * content[3], 4)]
    return content[2], shape, 16


# %% q1 mistake: one byte of each length -> Only the last byte of each length
def read_header(content):
    start = 4 + 4 * content[3]
    return content[2], tuple(content[k + 3] for k in range(4, start, 4)), start


# %% q1 mistake: the whole first number as the kind -> only the third byte
def read_header(content):
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k : k + 4], "big") for k in range(4, start, 4))
    return int.from_bytes(content[:4], "big"), shape, start


# %% q1 mistake: the shape without its tuple -> where shape is a tuple itself
def read_header(content):
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k : k + 4], "big") for k in range(4, start, 4))
    return content[2], *shape, start


# %% q1 mistake: lengths of two bytes -> wrong
def read_header(content):
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k : k + 2], "big") for k in range(4, start, 4))
    return content[2], shape, start


# %% q1 mistake: two bytes of each length -> Only the last two bytes of each length
def read_header(content):
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k + 2 : k + 4], "big") for k in range(4, start, 4))
    return content[2], shape, start


# %% q1 mistake: three bytes of each length -> wrong
def read_header(content):
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[k + 1 : k + 4], "big") for k in range(4, start, 4))
    return content[2], shape, start


# %% q2 right: a class, ReLU after the pooling
class Network(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.third = nn.Linear(84, 10)
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        width = ((side - 4) // 2 - 4) // 2
        self.first, self.second = nn.Linear(16 * width**2, 120), nn.Linear(120, 84)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.c1(x), 2))
        x = F.relu(F.max_pool2d(self.c2(x), 2))
        x = torch.relu(self.first(x.view(len(x), -1)))
        return self.third(torch.relu(self.second(x)))


def make_network(side):
    return Network(side)


# %% q2 right: the library's
def make_network(side):
    return lc.LeNet5(input_size=side)


# %% q2 right: a third convolution
def make_network(side):
    return lc.LeNet5(input_size=side, conv3=True)


# %% q2 right: lazy layers
def make_network(side):
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.LazyLinear(120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 right: the width by asking
def make_network(side):
    front = nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(start_dim=1)),
    )
    count = front(torch.zeros(1, 1, side, side)).shape[1]
    dense = [nn.Linear(count, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(front, *dense)


# %% q2 mistake: softmax at the end -> It ends in a softmax
def make_network(side):
    return nn.Sequential(lc.LeNet5(input_size=side), nn.Softmax(dim=1))


# %% q2 mistake: only for 28 pixels -> another number of values than it was made for
def make_network(side):
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: no Flatten -> Is `Flatten` before the first
def make_network(side):
    width = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: padding -> Is there padding?
def make_network(side):
    width = (side // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: no ReLU between the last two -> The ReLU after the second dense layer
def make_network(side):
    width = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84)),
        nn.Linear(84, 10),
    )


# %% q2 mistake: average pooling -> keeps the largest value of each square
def make_network(side):
    width = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: ReLU at the end -> It ends in a ReLU
def make_network(side):
    return nn.Sequential(lc.LeNet5(input_size=side), nn.ReLU())


# %% q2 mistake: the class without its brackets -> an object of your own class
def make_network(side):
    return lc.LeNet5


# %% q2 mistake: 3x3 kernels -> The weights are not those of LeNet-5
def make_network(side):
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.LazyLinear(120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: always the same network -> Each call should make a new network
networks = {}


def make_network(side):
    if side not in networks:
        networks[side] = lc.LeNet5(input_size=side)
    return networks[side]


# %% q2 mistake: log_softmax at the end -> It ends in a log-softmax
def make_network(side):
    width = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        *(nn.Linear(84, 10), nn.LogSoftmax(dim=1)),
    )


# %% q2 mistake: a dropout is added -> Is there a `Dropout`
def make_network(side):
    width = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(84, 10)),
    )


# %% q2 mistake: the half is rounded -> another number of values than it was made for
def make_network(side):
    width = round(((side - 4) / 2 - 4) / 2)
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: the half is rounded up -> another number of values than it was made for
def make_network(side):
    width = -(-(side - 12) // 4)
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: right for 28 and 32 only -> another number of values than it was made for
def make_network(side):
    width = 4 if side == 28 else 5
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q2 mistake: Flatten from the first axis -> were laid in one row
def make_network(side):
    width = ((side - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(0), nn.Linear(16 * width**2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
        nn.Linear(84, 10),
    )


# %% q3 right: another order, the loss by hand
def train_one_epoch(network, batches, optimizer):
    losses = []
    network.train()
    for inputs, targets in batches:
        logs = network(inputs).log_softmax(1)
        loss = -logs[torch.arange(len(targets)), targets].mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    return losses


# %% q3 right: the library's
def train_one_epoch(network, batches, optimizer):
    return lc.train_one_epoch(network, batches, nn.CrossEntropyLoss(), optimizer)


# %% q3 right: gradients set to None by hand, losses as a tensor
def train_one_epoch(network, batches, optimizer):
    network.train(True)
    losses = torch.zeros(len(batches))
    for number, (inputs, targets) in enumerate(batches):
        for weight in network.parameters():
            weight.grad = None
        loss = F.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        losses[number] = loss.detach()
    return losses


# %% q3 mistake: forgets zero_grad -> The gradients of earlier batches are still there
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: zero_grad once, before the loop -> belongs into the loop
def train_one_epoch(network, batches, optimizer):
    network.train()
    optimizer.zero_grad()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: zero_grad after backward -> The weights have not moved
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: softmax twice -> Softmax twice
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs).softmax(1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: return inside the loop -> Only the first batch is used
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        return losses


# %% q3 mistake: stays in evaluation mode -> it was trained in it
def train_one_epoch(network, batches, optimizer):
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: keeps the tensors -> the memory fills up
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return losses


# %% q3 mistake: one mean loss -> one for each batch, has the wrong shape
def train_one_epoch(network, batches, optimizer):
    return np.mean(lc.train_one_epoch(network, batches, F.cross_entropy, optimizer))


# %% q3 mistake: sum for mean -> their mean is wanted
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 right: losses as a NumPy array
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


# %% q3 mistake: no backward -> No gradient is ever computed
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: backward without its parentheses -> with its parentheses
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: no step -> No step is ever taken
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
    return losses


# %% q3 mistake: zero_grad without its parentheses -> `optimizer.zero_grad()`, with its parentheses
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: the step outside the loop -> `optimizer.step()` ran 1 time
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
    optimizer.step()
    return losses


# %% q3 mistake: gradient and step outside the loop -> `loss.backward()` ran 1 time
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        losses.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return losses


# %% q3 mistake: the step before the gradient -> The weights have not moved
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        optimizer.step()
        loss.backward()
        losses.append(loss.item())
    return losses


# %% q3 mistake: divides by 255 again -> their pixels go from 0 to 1 already
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs / 255), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q3 mistake: a step against the mean of all losses so far -> not those that one step
def train_one_epoch(network, batches, optimizer):
    network.train()
    losses = []
    for inputs, targets in batches:
        loss = F.cross_entropy(network(inputs), targets)
        optimizer.zero_grad()
        (loss / 2).backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% q4 right: the library's
def evaluate(network, batches):
    found = lc.evaluate(network, batches, F.cross_entropy, {"accuracy": lc.accuracy})
    return found["loss"], found["accuracy"]


# %% q4 right: all scores first, in inference mode
@torch.inference_mode()
def evaluate(network, batches):
    was = network.training
    network.eval()
    pairs = [(network(inputs), targets) for inputs, targets in batches]
    network.train(was)
    scores, targets = torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
    return F.cross_entropy(scores, targets), (scores.argmax(1) == targets).float().mean()


# %% q4 right: with sums
@torch.no_grad()
def evaluate(network, batches):
    mode, count = network.training, 0
    network.train(False)
    totals = np.zeros(2)
    for inputs, targets in batches:
        scores = network(inputs)
        totals[0] += F.cross_entropy(scores, targets, reduction="sum").item()
        totals[1] += (scores.max(1).indices == targets).sum().item()
        count += len(inputs)
    network.train(mode)
    return totals / count


# %% q4 mistake: no eval -> its dropout goes on
@torch.no_grad()
def evaluate(network, batches):
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    return loss / count, right / count


# %% q4 mistake: no no_grad -> Torch still keeps what it would need for gradients
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / count, right / count


# %% q4 mistake: a mean of means -> a mean of the batches' means
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    losses, shares = [], []
    for inputs, targets in batches:
        scores = network(inputs)
        losses.append(F.cross_entropy(scores, targets).item())
        shares.append((scores.argmax(1) == targets).float().mean().item())
    network.train(was)
    return np.mean(losses), np.mean(shares)


# %% q4 mistake: leaves it in evaluation mode -> does not leave in it
@torch.no_grad()
def evaluate(network, batches):
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    return loss / count, right / count


# %% q4 mistake: always back to training -> does not leave in it
@torch.no_grad()
def evaluate(network, batches):
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train()
    return loss / count, right / count


# %% q4 mistake: the loss divided twice -> once too often
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item()
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / count, right / count


# %% q4 mistake: only the last batch -> the last batch alone
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    for inputs, targets in batches:
        scores = network(inputs)
        loss = F.cross_entropy(scores, targets)
        accuracy = (scores.argmax(1) == targets).float().mean()
    network.train(was)
    return loss, accuracy


# %% q4 mistake: the number of right answers -> divide by the number of images
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / count, right


# %% q4 right: gradients off and on again
def evaluate(network, batches):
    was = network.training
    network.eval()
    torch.set_grad_enabled(False)
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    torch.set_grad_enabled(True)
    network.train(was)
    return loss / count, right / count


# %% q4 mistake: gradients stay off -> leaves the gradients switched off
def evaluate(network, batches):
    was = network.training
    network.eval()
    torch.set_grad_enabled(False)
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / count, right / count


# %% q4 mistake: both divided by the number of batches -> A share is never more than 1
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / len(batches), right / len(batches)


# %% q4 mistake: right answers by batches, a mean of the losses -> A share is never more than 1
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item()
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / len(batches), right / len(batches)


# %% q4 mistake: the loss divided by batches -> The loss is divided by the number of batches
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / len(batches), right / count


# %% q4 mistake: divides by 255 again -> their pixels go from 0 to 1 already
@torch.no_grad()
def evaluate(network, batches):
    was = network.training
    network.eval()
    loss, right, count = 0.0, 0, 0
    for inputs, targets in batches:
        scores = network(inputs / 255)
        loss += F.cross_entropy(scores, targets).item() * len(targets)
        right += (scores.argmax(1) == targets).sum().item()
        count += len(targets)
    network.train(was)
    return loss / count, right / count


# %% q5 right: the loss of each image, and sorting
def suspects(probabilities, labels, count):
    losses = F.nll_loss(probabilities.log(), labels, reduction="none")
    return losses.topk(count).indices


def margin(probabilities):
    rows = probabilities.sort(dim=1, descending=True).values
    return rows[:, 0] - rows[:, 1]


# %% q5 right: loops and lists
def suspects(probabilities, labels, count):
    pairs = [(float(row[label]), k) for k, (row, label) in enumerate(zip(probabilities, labels))]
    return [k for _, k in sorted(pairs)[:count]]


def margin(probabilities):
    return [max(row) - sorted(row)[-2] for row in probabilities.tolist()]


# %% q5 right: NumPy and gather
def suspects(probabilities, labels, count):
    return np.argsort(probabilities.gather(1, labels[:, None])[:, 0].numpy())[:count]


def margin(probabilities):
    rows = np.partition(probabilities.numpy(), -2, axis=1)
    return rows[:, -1] - rows[:, -2]


# %% q5 mistake: the unsure ones -> *largest* probability
def suspects(probabilities, labels, count):
    return probabilities.amax(1).argsort()[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q5 mistake: sorted downwards -> the *least* suspicious
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].argsort(descending=True)[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q5 mistake: wrong answers by their own probability -> in the order of the *answer's*
def suspects(probabilities, labels, count):
    largest, digit = probabilities.max(1)
    largest[digit == labels] = -1
    return largest.argsort(descending=True)[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q5 mistake: gives the probabilities -> wanted are the images' numbers
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].sort().values[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q5 mistake: picks columns for rows -> takes whole columns
def suspects(probabilities, labels, count):
    return probabilities[:, labels].argsort()[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q5 mistake: the largest probability as the margin -> How far is the second behind
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].argsort()[:count]


def margin(probabilities):
    return probabilities.amax(1)


# %% q5 mistake: sorted, but from the wrong end -> these are the first two
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].argsort()[:count]


def margin(probabilities):
    rows = probabilities.sort(dim=1, descending=True).values
    return rows[:, -2] - rows[:, -1]


# %% q5 mistake: over the images in place of the digits -> wrong shape
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].argsort()[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=0).values
    return best[0] - best[1]


# %% q5 mistake: margin overwrites the largest -> Work on a copy
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].argsort()[:count]


def margin(probabilities):
    largest, digit = probabilities.max(1)
    probabilities[torch.arange(len(digit)), digit] = 0
    return largest - probabilities.amax(1)


# %% q5 mistake: margin sorts in place in NumPy -> Work on a copy
def suspects(probabilities, labels, count):
    return probabilities[torch.arange(len(labels)), labels].argsort()[:count]


def margin(probabilities):
    rows = probabilities.numpy()
    rows.sort(axis=1)
    return rows[:, -1] - rows[:, -2]


# %% q5 mistake: suspects overwrites -> Work on a copy
def suspects(probabilities, labels, count):
    found = []
    for _ in range(count):
        of_label = probabilities[torch.arange(len(labels)), labels]
        least = int(of_label.argmin())
        found.append(least)
        probabilities[least, labels[least]] = 2
    return found


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q5 mistake: by the lead over the label -> behind the largest probability
def suspects(probabilities, labels, count):
    of_label = probabilities[torch.arange(len(labels)), labels]
    return (probabilities.amax(1) - of_label).argsort(descending=True)[:count]


def margin(probabilities):
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


# %% q6 right: sums from the top
prediction = "ten times"


def reject(validation, test, most_wrong):
    margins, order = validation[0].sort(descending=True)
    wrong = (~validation[1])[order].cumsum(0) / torch.arange(1, len(order) + 1)
    last = torch.ones(len(order), dtype=torch.bool)
    last[:-1] = margins[1:] < margins[:-1]
    limit = margins[(wrong <= most_wrong) & last][-1]
    answered = test[0] >= limit
    return limit, 1 - answered.float().mean(), 1 - test[1][answered].float().mean()


# %% q6 right: every margin, in NumPy and with a set
prediction = "As many"


def reject(validation, test, most_wrong):
    margins, right = (np.asarray(part) for part in validation)
    for limit in sorted(set(margins.tolist())):
        answered = margins >= limit
        if answered.any() and np.mean(~right[answered]) <= most_wrong:
            break
    margins, right = (np.asarray(part) for part in test)
    answered = margins >= limit
    return np.array([limit, np.mean(~answered), np.mean(~right[answered])])


# %% q6 right: shares as tensors of one number
prediction = "ten times"


def reject(validation, test, most_wrong):
    def shares(pair, limit):
        answered = pair[0] >= limit
        return 1 - answered.float().mean(), 1 - pair[1][answered].float().mean()

    good = [m for m in validation[0].unique() if shares(validation, m)[1] <= most_wrong]
    return min(good), *shares(test, min(good))


# %% q6 mistake: the limit from the test images -> comes from the *test* images
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = test
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    return limit, (~answered).double().mean(), (~right[answered]).double().mean()


# %% q6 mistake: wrong of all in the choice -> not of all
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (answered & ~right).double().mean() <= most_wrong:
            break
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: wrong of all in the report -> `wrong` is divided by all test images
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (answered & ~test[1]).double().mean()


# %% q6 mistake: stops at the first wrong answer from the top -> too careful
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    best = 1.0
    for limit in margins.unique().flip(0).tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() > most_wrong:
            break
        best = limit
    answered = test[0] >= best
    return best, (~answered).double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: the answered in place of the refused -> the other part is wanted
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    answered = test[0] >= limit
    return limit, answered.double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: counts for shares -> not numbers of images
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    answered = test[0] >= limit
    return limit, (~answered).sum(), (answered & ~test[1]).sum()


# %% q6 mistake: a limit from nowhere -> With this limit
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, order = validation[0].sort(descending=True)
    right = validation[1][order].double()
    margins, right = margins.flip(0), right.flip(0)
    order = right.argsort(stable=True)  # the wrong ones first
    limit = float(margins[order][-1]) / 4
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: a prediction of another kind -> should be one of
prediction = 3


def reject(validation, test, most_wrong):
    return 0.5, 0.1, 0.0


# %% q6 mistake: a fine grid -> it is none of their margins
prediction = "As many"


def reject(validation, test, most_wrong):
    margins, right = (np.asarray(part) for part in validation)
    for limit in np.linspace(0, 1, 1001):
        answered = margins >= limit
        if answered.any() and np.mean(~right[answered]) <= most_wrong:
            break
    margins, right = (np.asarray(part) for part in test)
    answered = margins >= limit
    return np.array([limit, np.mean(~answered), np.mean(~right[answered])])


# %% q6 mistake: cuts between equal margins, from the top -> Equal margins belong together
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, order = validation[0].sort(descending=True)
    wrong = (~validation[1][order]).cumsum(0) / torch.arange(1, len(order) + 1)
    limit = margins[wrong <= most_wrong][-1].item()
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: cuts between equal margins, from below -> Equal margins belong together
prediction = "a few times"


def reject(validation, test, most_wrong):
    order = np.argsort(validation[0].numpy())
    right = validation[1].numpy()[order]
    for place in range(len(order)):
        if np.mean(~right[place:]) <= most_wrong:
            limit = float(validation[0][order[place]])
            break
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: less than for at most -> `<=`, not `<`
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() < most_wrong:
            break
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (~test[1][answered]).double().mean()


# %% q6 mistake: the shares of the validation images -> These are shares of the validation images
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    answered = margins >= limit
    return limit, (~answered).double().mean(), (~right[answered]).double().mean()


# %% q6 mistake: wrong among the refused -> the share of the *refused* images
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    answered = test[0] >= limit
    return limit, (~answered).double().mean(), (~test[1][~answered]).double().mean()


# %% q6 mistake: marks the refused in what it was given -> work on copies
prediction = "a few times"


def reject(validation, test, most_wrong):
    margins, right = validation
    for limit in margins.unique().tolist():
        answered = margins >= limit
        if (~right[answered]).double().mean() <= most_wrong:
            break
    refused = test[0] < limit
    test[1][refused] = True
    wrong = (~test[1]).sum() / (~refused).sum()
    return limit, refused.double().mean(), wrong


# %% q7 right: the network by hand
def read(picture, network, limit):
    network.eval()
    with torch.no_grad():
        probabilities = network(lc.to_mnist(picture)[None, None] / 255).softmax(1)
    best, digits = probabilities[0].topk(2)
    lead = best[0] - best[1]
    return (digits[0] if lead >= limit else None), lead


# %% q7 right: with as_inputs, in NumPy, and a list
def read(picture, network, limit):
    images = lc.as_inputs(lc.to_mnist(picture)[None])
    scores = network.train(False)(images).detach().numpy()[0].astype(float)
    shares = np.exp(scores) / np.exp(scores).sum()
    second, first = np.sort(shares)[-2:]
    if first - second < limit:
        return [None, first - second]
    return [np.argmax(shares), first - second]


# %% q7 mistake: pixels up to 255 -> The pixels go from 0 to 255
def read(picture, network, limit):
    network.eval()
    with torch.no_grad():
        probabilities = network(lc.to_mnist(picture)[None, None].float()).softmax(1)
    lead = margin(probabilities)[0].item()
    return (int(probabilities.argmax()) if lead >= limit else None), lead


# %% q7 mistake: no eval -> The network reads in training mode
def read(picture, network, limit):
    with torch.no_grad():
        probabilities = network(lc.to_mnist(picture)[None, None] / 255).softmax(1)
    lead = margin(probabilities)[0].item()
    return (int(probabilities.argmax()) if lead >= limit else None), lead


# %% q7 mistake: the margin of the scores -> softmax first
def read(picture, network, limit):
    network.eval()
    with torch.no_grad():
        scores = network(lc.to_mnist(picture)[None, None] / 255)
    lead = margin(scores)[0].item()
    return (int(scores.argmax()) if lead >= limit else None), lead


# %% q7 mistake: refuses the sure ones -> The answer is None where the margin is below
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    lead = margin(probabilities)[0].item()
    return (int(probabilities.argmax()) if lead < limit else None), lead


# %% q7 mistake: never refuses -> The answer is None where the margin is below
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    return int(probabilities.argmax()), margin(probabilities)[0].item()


# %% q7 mistake: the probability for the margin -> not its lead over the second
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    lead = probabilities.max().item()
    return (int(probabilities.argmax()) if lead >= limit else None), lead


# %% q7 mistake: ink and paper exchanged -> Ink and paper are exchanged
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, 255 - lc.to_mnist(picture)[None])
    lead = margin(probabilities)[0].item()
    return (int(probabilities.argmax()) if lead >= limit else None), lead


# %% q7 mistake: only the digit -> Two things are wanted
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    return int(probabilities.argmax()) if margin(probabilities)[0] >= limit else None, *[]


# %% q7 right: tensors of one number
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    lead = margin(probabilities)
    return (probabilities.argmax(1) if lead >= limit else None), lead


# %% q7 mistake: not above the limit is refused -> not below it
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    lead = margin(probabilities)[0].item()
    return (None if lead <= limit else int(probabilities.argmax())), lead


# %% q7 mistake: the softmax over the batch -> along the wrong axis
def read(picture, network, limit):
    network.eval()
    with torch.no_grad():
        probabilities = network(lc.to_mnist(picture)[None, None] / 255).softmax(0)
    lead = margin(probabilities)[0].item()
    return (int(probabilities.argmax()) if lead >= limit else None), lead


# %% q7 mistake: no margin for the refused -> also when the answer is refused
def read(picture, network, limit):
    probabilities = lc.predict_probabilities(network, lc.to_mnist(picture)[None])
    lead = margin(probabilities)[0].item()
    return (int(probabilities.argmax()), lead) if lead >= limit else (None, 0)


# %% q8 right: five amounts, probabilities added
def answers(network, images):
    amounts = (-0.8, -0.4, 0, 0.4, 0.8)
    return sum(lc.predict_probabilities(network, lab.lean(images, by)) for by in amounts).argmax(1)


# %% q8 right: the amount of which the network is surest, as a list
def answers(network, images):
    each = [lc.predict_probabilities(network, lab.lean(images, by)) for by in (-0.6, 0, 0.6)]
    return torch.stack(each).amax(0).argmax(1).tolist()


# %% q8 mistake: the network alone -> no evidence that your way is better
def answers(network, images):
    return lc.predict_probabilities(network, images).argmax(1)


# %% q8 mistake: leans all by the same amount -> no evidence that your way is better
def answers(network, images):
    return lc.predict_probabilities(network, lab.lean(images, 0.5)).argmax(1)


# %% q8 mistake: probabilities in place of digits -> One digit for each image
def answers(network, images):
    return lc.predict_probabilities(network, lab.lean(images, 0.5))


# %% q8 mistake: blurring -> no evidence that your way is better
def answers(network, images):
    blurred = F.avg_pool2d(images[:, None].float(), 3, stride=1, padding=1)[:, 0]
    return lc.predict_probabilities(network, blurred.byte()).argmax(1)


# %% q8 mistake: the course's other network -> Ask this network only
def answers(network, images):
    return lc.predict_probabilities(lc.load_model("reader")[0], images).argmax(1)


# %% q8 mistake: trains the network anew -> The network's weights have changed
def answers(network, images):
    digits = lc.load_dataset("digits", "train").first(1000)
    amounts = torch.linspace(-0.9, 0.9, 1000)[torch.randperm(1000)]
    batches = lc.Batches(lab.lean(digits.images, amounts), digits.labels, 50)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    train_one_epoch(network, batches, optimizer)
    return lc.predict_probabilities(network, images).argmax(1)


# %% q8 mistake: trains a copy of the network -> Ask this network only
def answers(network, images):
    import copy

    network = copy.deepcopy(network)
    digits = lc.load_dataset("digits", "train").first(1000)
    amounts = torch.linspace(-0.9, 0.9, 1000)[torch.randperm(1000)]
    batches = lc.Batches(lab.lean(digits.images, amounts), digits.labels, 50)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    train_one_epoch(network, batches, optimizer)
    return lc.predict_probabilities(network, images).argmax(1)
