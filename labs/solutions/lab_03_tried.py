"""Lab 03: other right answers, and typical mistakes with what the check must say of them."""

# %% q1 right: the library counts
def cost(first, second):
    network = lc.LeNet5((first, second))
    return lc.count_parameters(network), lc.count_macs(network)


# %% q1 right: a tensor of two sums
def cost(first, second):
    kernels = torch.tensor([first, second, 120, 84, 10])
    reads = torch.tensor([25, 25 * first, 16 * second, 120, 84])
    places = torch.tensor([576, 64, 1, 1, 1])
    return torch.stack([(kernels * (reads + 1)).sum(), (kernels * reads * places).sum()])


# %% q1 mistake: multiplies the biases -> count the biases
def cost(first, second):
    weights = [26 * first, second * (25 * first + 1), 120 * (16 * second + 1), 84 * 121, 850]
    return sum(weights), 576 * weights[0] + 64 * weights[1] + sum(weights[2:])


# %% q1 mistake: conv2 reads one map -> lies on all maps of conv1
def cost(first, second):
    dense = 120 * 16 * second + 84 * 120 + 840
    weights = 26 * first + 26 * second + dense + 214
    return weights, 576 * 25 * first + 64 * 25 * second + dense


# %% q1 mistake: fc1 stays as it is -> so it shrinks as well
def cost(first, second):
    dense = 120 * 256 + 84 * 120 + 840
    weights = 26 * first + second * (25 * first + 1) + dense + 214
    return weights, 576 * 25 * first + 64 * 25 * first * second + dense


# %% q1 mistake: takes the map after pooling -> works before the pooling
def cost(first, second):
    dense = 120 * 16 * second + 84 * 120 + 840
    weights = 26 * first + second * (25 * first + 1) + dense + 214
    return weights, 144 * 25 * first + 16 * 25 * first * second + dense


# %% q1 mistake: gives the weights alone -> Two numbers are wanted
def cost(first, second):
    return lc.count_parameters(lc.LeNet5((first, second)))


# %% q1 mistake: the two numbers in the other order -> stand in the other order
def cost(first, second):
    network = lc.LeNet5((first, second))
    return lc.count_macs(network), lc.count_parameters(network)


# %% q1 mistake: multiplies in the convolutions alone -> The dense layers multiply as well
def cost(first, second):
    network = lc.LeNet5((first, second))
    return lc.count_parameters(network), 576 * 25 * first + 64 * 25 * first * second


# %% q1 mistake: fc1 reads maps that are not pooled -> fc1 reads the pooled maps
def cost(first, second):
    dense = 120 * 64 * second + 84 * 120 + 840
    weights = 26 * first + second * (25 * first + 1) + dense + 214
    return weights, 576 * 25 * first + 64 * 25 * first * second + dense


# %% q2 right: switches off, and on again
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        kept = maps[:, k].clone()
        maps[:, k] = kept.mean(0, keepdim=True)
        losses.append(-rest(maps).log_softmax(1)[range(len(labels)), labels].mean().item())
        maps[:, k] = kept
    return torch.tensor(losses)


# %% q2 right: a mask in place of an assignment
def loss_without(maps, labels, rest):
    import numpy as np

    level = maps.mean(0, keepdim=True)
    losses = np.zeros(maps.shape[1])
    for k in range(maps.shape[1]):
        mask = torch.zeros(1, maps.shape[1], 1, 1)
        mask[0, k] = 1
        losses[k] = F.cross_entropy(rest(maps * (1 - mask) + level * mask), labels)
    return losses


# %% q2 mistake: a view in place of a copy -> A kernel that is off stays off
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps
        off[:, k] = maps[:, k].mean(0)
        losses.append(F.cross_entropy(rest(off), labels))
    return torch.stack(losses)


# %% q2 mistake: zeros in place of the mean -> Off means the mean map
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = 0
        losses.append(F.cross_entropy(rest(off), labels))
    return torch.stack(losses)


# %% q2 mistake: one number in place of a map -> keeps its 4x4 places
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = maps[:, k].mean()
        losses.append(F.cross_entropy(rest(off), labels))
    return torch.stack(losses)


# %% q2 mistake: sum for mean -> the sum over the images
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = maps[:, k].mean(0)
        losses.append(F.cross_entropy(rest(off), labels, reduction="sum"))
    return torch.stack(losses)


# %% q2 mistake: softmax twice -> Softmax twice
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = maps[:, k].mean(0)
        losses.append(F.cross_entropy(rest(off).softmax(1), labels))
    return torch.stack(losses)


# %% q2 mistake: switches off an image, not a kernel -> wrong
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[k] = maps[k].mean(0)
        losses.append(F.cross_entropy(rest(off), labels))
    return torch.stack(losses)


# %% q2 mistake: a list -> stand in a list
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = maps[:, k].mean(0)
        losses.append(F.cross_entropy(rest(off), labels).item())
    return losses


# %% q2 mistake: the share of errors -> These are errors
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = maps[:, k].mean(0)
        losses.append((rest(off).argmax(1) != labels).float().mean())
    return torch.stack(losses)


# %% q2 mistake: counts errors -> These are errors
def loss_without(maps, labels, rest):
    losses = []
    for k in range(maps.shape[1]):
        off = maps.clone()
        off[:, k] = maps[:, k].mean(0)
        losses.append((rest(off).argmax(1) != labels).sum())
    return torch.stack(losses)


# %% q3 right: by the state of the network
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    stays = torch.arange(second) != kernel
    wide = stays.repeat_interleave(16)
    state["fc1.bias"] += state["fc1.weight"][:, ~wide] @ mean_map.reshape(16)
    state["fc1.weight"] = state["fc1.weight"][:, wide]
    state["conv2.weight"], state["conv2.bias"] = (
        state["conv2.weight"][stays],
        state["conv2.bias"][stays],
    )
    cut = lc.LeNet5((first, second - 1))
    cut.load_state_dict(state)
    return cut


# %% q3 right: a copy whose layers are replaced
def prune(network, kernel, mean_map):
    import copy

    cut = copy.deepcopy(network)
    start, end = 16 * kernel, 16 * kernel + 16
    weight = network.fc1.weight.detach()
    conv2, conv2_bias = network.conv2.weight.detach(), network.conv2.bias.detach()
    cut.conv2 = nn.Conv2d(conv2.shape[1], len(conv2) - 1, 5)
    cut.conv2.weight = nn.Parameter(torch.cat([conv2[:kernel], conv2[kernel + 1 :]]))
    cut.conv2.bias = nn.Parameter(torch.cat([conv2_bias[:kernel], conv2_bias[kernel + 1 :]]))
    cut.fc1 = nn.Linear(weight.shape[1] - 16, 120)
    cut.fc1.weight = nn.Parameter(torch.cat([weight[:, :start], weight[:, end:]], 1))
    level = (weight[:, start:end] * mean_map.flatten()).sum(1)
    cut.fc1.bias = nn.Parameter(network.fc1.bias.detach() + level)
    cut.settings["kernels"] = [conv2.shape[1], len(conv2) - 1]
    return cut


# %% q3 mistake: loses the level -> The level is lost
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    state = dict(network.state_dict())
    state["conv2.weight"], state["conv2.bias"] = state["conv2.weight"][keep], state["conv2.bias"][keep]
    state["fc1.weight"] = state["fc1.weight"].reshape(120, second, 16)[:, keep].flatten(1)
    cut = lc.LeNet5((first, second - 1))
    cut.load_state_dict(state)
    return cut


# %% q3 mistake: cuts the wrong columns -> The wrong columns of fc1 are cut
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    state = dict(network.state_dict())
    state["conv2.weight"], state["conv2.bias"] = state["conv2.weight"][keep], state["conv2.bias"][keep]
    columns = state["fc1.weight"].reshape(120, 16, second)
    state["fc1.weight"] = columns[:, :, keep].flatten(1)
    state["fc1.bias"] = state["fc1.bias"] + columns[:, :, kernel] @ mean_map.flatten()
    cut = lc.LeNet5((first, second - 1))
    cut.load_state_dict(state)
    return cut


# %% q3 mistake: cuts the last columns -> the last 16
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    state = dict(network.state_dict())
    state["conv2.weight"], state["conv2.bias"] = state["conv2.weight"][keep], state["conv2.bias"][keep]
    state["fc1.weight"] = state["fc1.weight"][:, : 16 * (second - 1)]
    cut = lc.LeNet5((first, second - 1))
    cut.load_state_dict(state)
    return cut


# %% q3 mistake: only silences the kernel -> silenced, not cut
def prune(network, kernel, mean_map):
    import copy

    cut = copy.deepcopy(network)
    with torch.no_grad():
        cut.conv2.weight[kernel] = 0
        cut.conv2.bias[kernel] = 0
    return cut


# %% q3 mistake: changes the network that came in -> leave this as it is
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    state = network.state_dict()
    columns = state["fc1.weight"].reshape(120, second, 16)
    state["fc1.bias"] += columns[:, kernel] @ mean_map.flatten()
    state["conv2.weight"], state["conv2.bias"] = state["conv2.weight"][keep], state["conv2.bias"][keep]
    state["fc1.weight"] = columns[:, keep].flatten(1)
    cut = lc.LeNet5((first, second - 1))
    cut.load_state_dict(state)
    return cut


# %% q3 mistake: forgets no_grad -> in-place operation
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    cut.conv2.weight.copy_(network.conv2.weight[keep])
    return cut


# %% q3 mistake: copies too little -> conv1 is not copied
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
    return cut


# %% q3 right: a copy with new weights that says its new sizes
def prune(network, kernel, mean_map):
    import copy

    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = copy.deepcopy(network)
    with torch.no_grad():
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.conv2.weight = nn.Parameter(network.conv2.weight[keep])
        cut.conv2.bias = nn.Parameter(network.conv2.bias[keep])
        cut.fc1.weight = nn.Parameter(columns[:, keep].flatten(1))
        cut.fc1.bias = nn.Parameter(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
    cut.conv2.out_channels, cut.fc1.in_features = second - 1, 16 * (second - 1)
    cut.settings["kernels"] = (first, second - 1)
    return cut


# %% q3 mistake: hands the old layer on -> conv1 is the old network's own layer, not a copy
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1 = network.conv1
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    return cut


# %% q3 mistake: hands old weights on -> fc3 is the old network's own layer, not a copy
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.weight, cut.fc3.bias = network.fc3.weight, network.fc3.bias
    return cut


# %% q3 mistake: a copy that still says its old sizes -> still tells of the old network
def prune(network, kernel, mean_map):
    import copy

    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = copy.deepcopy(network)
    with torch.no_grad():
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.conv2.weight = nn.Parameter(network.conv2.weight[keep])
        cut.conv2.bias = nn.Parameter(network.conv2.bias[keep])
        cut.fc1.weight = nn.Parameter(columns[:, keep].flatten(1))
        cut.fc1.bias = nn.Parameter(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
    return cut


# %% q3 mistake: a copy with old settings -> `settings["kernels"]` still tells of the old network
def prune(network, kernel, mean_map):
    import copy

    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = copy.deepcopy(network)
    with torch.no_grad():
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.conv2.weight = nn.Parameter(network.conv2.weight[keep])
        cut.conv2.bias = nn.Parameter(network.conv2.bias[keep])
        cut.fc1.weight = nn.Parameter(columns[:, keep].flatten(1))
        cut.fc1.bias = nn.Parameter(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
    cut.conv2.out_channels, cut.fc1.in_features = second - 1, 16 * (second - 1)
    return cut


# %% q3 mistake: cuts the last kernel -> Another kernel of conv2 is cut
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = list(range(second - 1))
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    return cut


# %% q3 mistake: cuts 16 columns from `kernel` on -> 16 from column `kernel` on
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        weight = network.fc1.weight
        columns = weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(torch.cat([weight[:, :kernel], weight[:, kernel + 16 :]], 1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    return cut


# %% q3 mistake: shapes fc1 before cutting it -> fc1's columns are not those of the old network
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].transpose(1, 2).flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    return cut


# %% q3 mistake: all biases of conv2 but the last -> conv2's biases do not fit its kernels
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[:-1])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    return cut


# %% q3 mistake: loses fc1's old bias -> fc1's old bias is lost
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    return cut


# %% q3 mistake: forgets the last layer -> fc3 is not copied
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
    return cut


# %% q3 mistake: leaves fc1 wide -> `fc1.weight` has another shape
def prune(network, kernel, mean_map):
    first, second = network.settings["kernels"]
    keep = [k for k in range(second) if k != kernel]
    cut = lc.LeNet5((first, second - 1))
    with torch.no_grad():
        cut.conv1.load_state_dict(network.conv1.state_dict())
        cut.conv2.weight.copy_(network.conv2.weight[keep])
        cut.conv2.bias.copy_(network.conv2.bias[keep])
        columns = network.fc1.weight.reshape(120, second, 16)
        cut.fc1.weight.copy_(columns[:, keep].flatten(1))
        cut.fc1.bias.copy_(network.fc1.bias + columns[:, kernel] @ mean_map.flatten())
        cut.fc2.load_state_dict(network.fc2.state_dict())
        cut.fc3.load_state_dict(network.fc3.state_dict())
    cut.fc1 = nn.Linear(16 * second, 120)
    return cut


# %% q4 right: by recursion
prediction = 0


def prune_to(network, images, labels, kernels):
    if network.conv2.out_channels <= kernels:
        return network
    maps = lab.maps_of(network, images)
    k = min(
        range(maps.shape[1]), key=loss_without(maps, labels, lab.rest_of(network)).tolist().__getitem__
    )
    return prune_to(prune(network, k, maps.mean(0)[k]), images, labels, kernels)


# %% q4 right: a loop over the cuts, the maps by hand
prediction = 12.0


@torch.no_grad()
def prune_to(network, images, labels, kernels):
    for _ in range(network.conv2.out_channels - kernels):
        maps = lc.activations(network, images)["conv2"]
        maps = F.max_pool2d(maps.relu(), 2)

        def rest(found, network=network):
            hidden = network.fc1(found.flatten(1)).relu()
            return network.fc3(network.fc2(hidden).relu())

        k = loss_without(maps, labels, rest).sort().indices[0].item()
        network = prune(network, k, maps[:, k].mean(0))
    return network


# %% q4 mistake: measures once -> measured once only
prediction = 5


def prune_to(network, images, labels, kernels):
    maps = lab.maps_of(network, images)
    order = loss_without(maps, labels, lab.rest_of(network)).argsort().tolist()
    off = sorted(order[: len(order) - kernels], reverse=True)
    for k in off:
        network = prune(network, k, maps[:, k].mean(0))
    return network


# %% q4 mistake: cuts the most useful -> The most useful kernel goes first
prediction = 5


def prune_to(network, images, labels, kernels):
    while network.conv2.out_channels > kernels:
        maps = lab.maps_of(network, images)
        k = int(loss_without(maps, labels, lab.rest_of(network)).argmax())
        network = prune(network, k, maps[:, k].mean(0))
    return network


# %% q4 mistake: cuts one only -> another number of kernels
prediction = 5


def prune_to(network, images, labels, kernels):
    maps = lab.maps_of(network, images)
    k = int(loss_without(maps, labels, lab.rest_of(network)).argmin())
    return prune(network, k, maps[:, k].mean(0))


# %% q4 mistake: cuts one too many -> another number of kernels
prediction = 5


def prune_to(network, images, labels, kernels):
    while network.conv2.out_channels >= max(kernels, 2):
        maps = lab.maps_of(network, images)
        k = int(loss_without(maps, labels, lab.rest_of(network)).argmin())
        network = prune(network, k, maps[:, k].mean(0))
    return network


# %% q4 mistake: cuts the first ones -> The first kernels go, or the last
prediction = 5


def prune_to(network, images, labels, kernels):
    while network.conv2.out_channels > kernels:
        network = prune(network, 0, lab.maps_of(network, images)[:, 0].mean(0))
    return network


# %% q4 mistake: predicts a percentage -> should be one whole number
prediction = "50 %"


def prune_to(network, images, labels, kernels):
    while network.conv2.out_channels > kernels:
        maps = lab.maps_of(network, images)
        k = int(loss_without(maps, labels, lab.rest_of(network)).argmin())
        network = prune(network, k, maps[:, k].mean(0))
    return network


# %% q4 mistake: measured with an answer before this one -> run the cell above again
prediction = 5
calls = []  # the 15 calls that measure are answered as by an earlier, wrong answer


def prune_to(network, images, labels, kernels):
    calls.append(kernels)
    early = len(calls) <= 15
    while network.conv2.out_channels > kernels:
        maps = lab.maps_of(network, images)
        losses = loss_without(maps, labels, lab.rest_of(network))
        k = int(losses.argmax() if early else losses.argmin())
        network = prune(network, k, maps[:, k].mean(0))
    return network


# %% q4 mistake: raises -> a LeNet-5 with (2, 5) kernels, 16 images, kernels = 3
prediction = 5


def prune_to(network, images, labels, kernels):
    losses = loss_without(lab.maps_of(network, images), labels, lab.rest_of(network))
    return prune(network, losses.argmax(2), images)


# %% q5 right: a loop over the maps
def separable(maps, depth, point):
    result = 0
    for c in range(maps.shape[1]):
        filtered = F.conv2d(maps[:, c : c + 1], depth[None, None, c])
        result = result + filtered * point[:, c].reshape(1, -1, 1, 1)
    return result


# %% q5 right: windows, and one sum
def separable(maps, depth, point):
    import numpy as np

    size = depth.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(maps.numpy(), (size, size), axis=(2, 3))
    return np.einsum("nchwij,cij,kc->nkhw", windows, depth.numpy(), point.numpy())


# %% q5 right: as one ordinary convolution
def separable(maps, depth, point):
    return F.conv2d(maps, point[:, :, None, None] * depth[None])


# %% q5 mistake: only the first step -> Only the first step
def separable(maps, depth, point):
    return F.conv2d(maps, depth[:, None], groups=len(depth))


# %% q5 mistake: adds up the maps at once -> each map stays for itself
def separable(maps, depth, point):
    filtered = F.conv2d(maps, depth[None])
    return filtered * point.sum(1).reshape(1, -1, 1, 1)


# %% q5 mistake: mean for sum -> This is the mean over the maps
def separable(maps, depth, point):
    filtered = F.conv2d(maps, depth[:, None], groups=len(depth))
    return (filtered[:, None] * point[None, :, :, None, None]).mean(2)


# %% q5 mistake: a ReLU in between -> no ReLU
def separable(maps, depth, point):
    filtered = F.conv2d(maps, depth[:, None], groups=len(depth)).relu()
    return F.conv2d(filtered, point[:, :, None, None])


# %% q5 mistake: forgets the groups -> Given groups=1
def separable(maps, depth, point):
    filtered = F.conv2d(maps, depth[:, None])
    return F.conv2d(filtered, point[:, :, None, None])


# %% q5 mistake: pads -> No padding is wanted
def separable(maps, depth, point):
    filtered = F.conv2d(maps, depth[:, None], groups=len(depth), padding=1)
    return F.conv2d(filtered, point[:, :, None, None])


# %% q6 right: a function that makes a Sequential, without biases
def Separable(inputs, kernels, size):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, size, groups=inputs, bias=False),
        nn.Conv2d(inputs, kernels, 1, bias=False),
    )


def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 right: parameters of its own, and the library counts
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Parameter(torch.randn(inputs, size, size) / size)
        self.point = nn.Parameter(torch.randn(kernels, inputs) / inputs**0.5)

    def forward(self, maps):
        return separable(maps, self.depth, self.point)


def share(inputs, kernels, size):
    shape = (inputs, size, size)
    ordinary = lc.count_macs(nn.Sequential(nn.Conv2d(inputs, kernels, size)), shape)
    depth = lc.count_macs(nn.Sequential(nn.Conv2d(inputs, inputs, size, groups=inputs)), shape)
    return torch.tensor((depth + kernels * inputs) / ordinary)


# %% q6 mistake: forgets the groups -> too many weights
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, size)
        self.point = nn.Conv2d(inputs, kernels, 1)

    def forward(self, maps):
        return self.point(self.depth(maps))


def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: forgets super().__init__ -> cannot assign module before Module.__init__
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        self.depth = nn.Conv2d(inputs, inputs, size, groups=inputs)
        self.point = nn.Conv2d(inputs, kernels, 1)

    def forward(self, maps):
        return self.point(self.depth(maps))


def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: a ReLU in between -> Something bends between the two steps
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, size, groups=inputs)
        self.point = nn.Conv2d(inputs, kernels, 1)

    def forward(self, maps):
        return self.point(self.depth(maps).relu())


def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: pads -> wrong shape
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, size, groups=inputs, padding="same")
        self.point = nn.Conv2d(inputs, kernels, 1)

    def forward(self, maps):
        return self.point(self.depth(maps))


def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: a share above 1 -> Upside down
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, size, groups=inputs)
        self.point = nn.Conv2d(inputs, kernels, 1)

    def forward(self, maps):
        return self.point(self.depth(maps))


def share(inputs, kernels, size):
    return kernels * size**2 / (size**2 + kernels)


# %% q6 mistake: counts the first step alone -> The second step is missing
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, size, groups=inputs)
        self.point = nn.Conv2d(inputs, kernels, 1)

    def forward(self, maps):
        return self.point(self.depth(maps))


def share(inputs, kernels, size):
    return inputs * size**2 / (kernels * inputs * size**2)


# %% q6 right: a loop over the maps, products number by number
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.ParameterList([torch.randn(1, 1, size, size) for _ in range(inputs)])
        self.point = nn.Parameter(torch.randn(kernels, inputs))

    def forward(self, maps):
        result = 0
        for c, kernel in enumerate(self.depth):
            filtered = F.conv2d(maps[:, c : c + 1], kernel)
            result = result + filtered * self.point[:, c].reshape(1, -1, 1, 1)
        return result



def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: mixes first -> Depthwise comes first
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.point = nn.Conv2d(inputs, kernels, 1)
        self.depth = nn.Conv2d(kernels, kernels, size, groups=kernels)

    def forward(self, maps):
        return self.depth(self.point(maps))



def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: a NumPy array -> gives a NumPy array
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Parameter(torch.randn(inputs, size, size))
        self.point = nn.Parameter(torch.randn(kernels, inputs))

    def forward(self, maps):
        return separable(maps, self.depth, self.point).detach().numpy()



def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q6 mistake: cuts the weights off -> no gradient comes back
class Separable(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Parameter(torch.randn(inputs, size, size))
        self.point = nn.Parameter(torch.randn(kernels, inputs))

    def forward(self, maps):
        return separable(maps, self.depth.data, self.point)



def share(inputs, kernels, size):
    return 1 / kernels + 1 / size**2


# %% q7 right: a class of its own, a pooling first
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = Separable(12, 20, 3)
        self.conv3 = Separable(20, 64, 3)
        self.fc = nn.Linear(64 * 4, 10)

    def forward(self, images):
        maps = F.relu(self.conv1(F.avg_pool2d(images, 2)))
        maps = F.max_pool2d(F.relu(self.conv2(maps)), 2)
        maps = F.max_pool2d(F.relu(self.conv3(maps)), 2)
        return self.fc(maps.flatten(1))


def make_network():
    return Small()


# %% q7 right: ordinary convolutions, with strides
def make_network():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 32, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 16, 32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip


# %% q7 mistake: one dense layer on coarse images -> too many validation errors
def make_network():
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 10))


# %% q7 mistake: a wide dense network -> not cheap enough
def make_network():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 150), nn.ReLU(), nn.Linear(150, 10))


# %% q7 mistake: judges on test images -> Choose on validation images
validation = lc.load_dataset(dataset, "test")


def make_network():
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 10))


# %% q7 mistake: judges on a part -> All validation images count
validation = validation.first(50)


def make_network():
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 10))


# %% q7 right: the pointwise step as a product number by number
class Loops(nn.Module):
    def __init__(self, inputs, kernels, size):
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, size, groups=inputs)
        self.point = nn.Parameter(torch.randn(kernels, inputs) / inputs**0.5)

    def forward(self, maps):
        filtered = self.depth(maps)
        parts = (filtered[:, c : c + 1] * w[:, None, None] for c, w in enumerate(self.point.T))
        return sum(parts)


def make_network():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), Loops(8, 24, 3), nn.ReLU(), nn.MaxPool2d(2),
        Loops(24, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 3 * 3, 10),
    )  # fmt: skip


# %% q7 mistake: a dense layer as a product number by number -> not cheap enough
def trained(network):
    return network  # it is refused for what it multiplies, trained or not


class Dense(nn.Module):
    def __init__(self, inputs, units):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units, inputs) / inputs**0.5)

    def forward(self, x):
        return (x[:, None] * self.weight).sum(-1)


def make_network():
    return nn.Sequential(nn.Flatten(), Dense(784, 150), nn.ReLU(), Dense(150, 10))


# %% q7 mistake: no products at all -> Nothing is multiplied here that this lab can count
def trained(network):
    return network  # it is refused for what it multiplies, trained or not


class Distances(nn.Module):
    def __init__(self):
        super().__init__()
        self.patterns = nn.Parameter(torch.rand(10, 49))

    def forward(self, images):
        found = F.avg_pool2d(images, 4).flatten(1)
        return -(found[:, None] - self.patterns).abs().sum(-1)


def make_network():
    return Distances()


# %% q7 mistake: a recurrent layer -> uses a layer that this lab cannot count
def trained(network):
    return network  # it is refused for what it multiplies, trained or not


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.LSTM(28, 20, batch_first=True)
        self.fc = nn.Linear(20, 10)

    def forward(self, images):
        return self.fc(self.rows(images[:, 0])[0][:, -1])


def make_network():
    return Rows()


# %% q7 mistake: stops while training -> No network is trained yet
def make_network():
    return nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(784, 10))
