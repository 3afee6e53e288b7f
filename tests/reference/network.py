"""The network of the bundled model in PyTorch: a second implementation, which finds its tensors by their names in the
model file and shares no code with the SDK.

    python3 tests/reference/network.py MODEL.safetensors OUT.onnx

Writes the network as ONNX, for comparisons with other runtimes.

- Input: `pixels` [1, 3, side, side], the letterboxed image with values in -1..1.
- Outputs: `logits` [1, K + 1, side, side], the weights of the confounders `confounders` [1, M], `presences` [1, M], and
  `unfamiliar` [1].

Reads model files of version 3 with an EfficientNet-Lite and the removal of confounders. The other encoders, the paper's
attention and the back-door sum are left out.

Needs PyTorch and numpy, such as Debian's python3-torch. Newer versions of PyTorch also need the package `onnx`.
"""

import inspect
import itertools
import json
import math
import struct
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F

# The strides of EfficientNet-Lite's stages.
STRIDES = (1, 2, 2, 2, 1, 2, 1)

# The epsilons of batch normalisation: TensorFlow's in the encoder, PyTorch's in the head.
ENCODER_EPSILON = 1e-3
HEAD_EPSILON = 1e-5

# The light above which a pixel is bright, below which it is dark, and below which it is part of a black bar.
BRIGHT, DARK, BLACK = 0.8, -0.8, -0.95

# Weighted sums of a pixel and its neighbours.
LAPLACIAN = torch.tensor([[[[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]]])
DOWN = torch.tensor([[[[0.0, 1.0, 0.0], [0.0, -2.0, 0.0], [0.0, 1.0, 0.0]]]])
ALONG = DOWN.transpose(2, 3)
COUNT = torch.ones(1, 1, 3, 3)

# The mean absolute second derivative that counts as none.
FLAT = 0.002

# The largest exponent of the removal.
LARGEST_EXPONENT = 3.0

# A change of the features, relative to their size, that is too small to be called a correction.
NO_CORRECTION = 1e-3


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    kinds = {"F16": numpy.float16, "F32": numpy.float32}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(data[begin:end], kinds[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.astype(numpy.float32).reshape(entry["shape"]))
    return tensors, json.loads(metadata["mcdrl"])


def missing(header):
    """The properties that a model needs here and does not have."""
    if header["version"] != 3:
        return ["format version 3"]
    architecture, run = header["architecture"], header["run"]
    has = {
        "an EfficientNet-Lite": "Lite" in architecture["vision"],
        "the removal of confounders": architecture["intervention"] == "removal",
        "the region selection": run["selection"]["enabled"],
        "the intervention": run["intervention"]["enabled"],
        "no back-door sum": not run["intervention"]["backdoor"],
    }
    return [name for name, is_met in has.items() if not is_met]


def encoder_blocks(tensors):
    """The encoder's blocks: name, stride, and whether the block adds its input. A stage begins where the number of
    channels changes.
    """
    blocks, strides = [], iter(STRIDES)
    channels = tensors["visual.encoder.stem.conv.weight"].shape[0]
    for number in itertools.count():
        name = f"visual.encoder.blocks.{number}"
        if f"{name}.project.conv.weight" not in tensors:
            return blocks
        outputs = tensors[f"{name}.project.conv.weight"].shape[0]
        begins_stage = outputs != channels
        blocks.append((name, next(strides) if begins_stage else 1, not begins_stage))
        channels = outputs


def normalize(x, dim=-1):
    """Scales vectors to length one."""
    return F.normalize(x, dim=dim, eps=1e-6)


def resize(x, size):
    size = [int(side) for side in size]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def thirds(side):
    """The matrix that averages each third of `side` values: [3, side]."""
    matrix = numpy.zeros((3, side), numpy.float32)
    for third in range(3):
        begin, end = third * side // 3, math.ceil((third + 1) * side / 3)
        matrix[third, begin:end] = 1 / (end - begin)
    return torch.from_numpy(matrix)


def around(x, kernel):
    return F.conv2d(x, kernel, padding=1)


def inner(lit):
    """1 where all neighbours are lit too."""
    return (around(lit, COUNT) > 8.5).float()


def mean_over(x, over):
    return (x * over).sum((2, 3)) / over.sum((2, 3)).clamp(min=1)


def mean_by(x, weight):
    return (x * weight).sum((2, 3)) / (weight.sum((2, 3)) + 1e-3)


def lean(light, lit):
    """How far the light is from the middle, and how much farther out it is than the shown part: [1, 2]."""
    ramp = lambda side: (2 * torch.arange(side) + 1) / side - 1
    rows, columns = map(int, light.shape[2:])
    away = lambda place: place - mean_by(place, lit)[:, :, None, None]
    x, y = away(ramp(columns)[None, None, None]), away(ramp(rows)[None, None, :, None])
    across, down = (mean_by(place, light) ** 2 for place in (x, y))
    squared = x**2 + y**2
    outwards = mean_by(squared, light) / (mean_by(squared, lit) + 1e-3) - 1
    return torch.cat([(across + down + 1e-6).sqrt() * 5, outwards * 3], 1)


def cells(light, lit, thirds):
    """Spread, maximum and minimum of the light in a 3×3 grid, relative to the mean: [1, 3]."""
    mean = mean_over(light, lit) + 1e-3
    light, lit = ((thirds @ x @ thirds.t()).flatten(1) for x in (light, lit))
    grid = (light + mean * 0.05) / ((lit + 0.05) * mean)
    spread = grid.var(1, keepdim=True, correction=0).sqrt()
    return torch.cat([spread * 2, grid.amax(1, keepdim=True) - 1, grid.amin(1, keepdim=True)], 1)


def pixel_statistics(pixels):
    """Edges, bright and dark share, tint, mean light, its lean and its grid, kinds of edges, the lit share: [1, 13]."""
    light = pixels.mean(1, keepdim=True)
    lit = (light > BLACK).float()
    shown = (light + 1) * 0.5 * lit
    edges = lambda kernel: mean_over(around(light, kernel).abs(), inner(lit))
    fine = edges(LAPLACIAN)
    coarse = around(F.avg_pool2d(light, 2), LAPLACIAN).abs()
    coarse = mean_over(coarse, inner((F.avg_pool2d(lit, 2) > 0.99).float()))
    statistics = [
        fine * 10,
        mean_over((light > BRIGHT).float(), lit) * 5,
        mean_over((light < DARK).float(), lit),
        mean_over(pixels[:, :1] - pixels[:, 2:], lit),
        mean_over(shown, lit),
        lean(shown, lit),
        cells(shown, lit, thirds(int(pixels.shape[-1]))),
        ((edges(DOWN) + FLAT) / (edges(ALONG) + FLAT)).log(),
        (coarse + FLAT) / (fine + FLAT) * 0.5,
        lit.mean((2, 3)),
    ]
    return torch.cat(statistics, 1)


class Network(nn.Module):
    """MCDRL over EfficientNet-Lite with the removal of confounders, for inference."""

    def __init__(self, tensors, header):
        super().__init__()
        self.names = {name: name.replace(".", "_") for name in tensors}
        for name, values in tensors.items():
            self.register_buffer(self.names[name], values)
        self.blocks = encoder_blocks(tensors)
        self.alpha = header["run"]["selection"]["alpha"]
        self.side = header["preprocess"]["size"]
        confounders = header["profile"]["confounders"]
        self.position = {confounder["name"]: index for index, confounder in enumerate(confounders)}
        self.complement_of = [confounder.get("complement_of") for confounder in confounders]

    def get(self, name):
        return getattr(self, self.names[name])

    def has(self, name):
        return name in self.names

    def bias(self, name):
        return self.get(f"{name}.bias") if self.has(f"{name}.bias") else None

    def norm(self, name, x, epsilon):
        get = lambda part: self.get(f"{name}.{part}")
        return F.batch_norm(x, get("running_mean"), get("running_var"), get("weight"), get("bias"), eps=epsilon)

    def conv(self, name, x, stride=1):
        """A convolution with TensorFlow's "same" padding: an odd zero goes below and to the right."""
        weight, bias = self.get(f"{name}.weight"), self.bias(name)
        side, kernel = int(x.shape[-1]), int(weight.shape[-1])
        zeros = max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)
        if zeros % 2 == 1:
            x = F.pad(x, (0, 1, 0, 1))
        groups = int(x.shape[1]) // int(weight.shape[1])
        return F.conv2d(x, weight, bias, stride=stride, padding=zeros // 2, groups=groups)

    def linear(self, name, x):
        return F.linear(x, self.get(f"{name}.weight"), self.bias(name))

    def conv_norm(self, name, x, stride=1):
        return self.norm(f"{name}.norm", self.conv(f"{name}.conv", x, stride), ENCODER_EPSILON)

    def encode(self, pixels):
        """The last maps at 1/4, 1/8, 1/16 and 1/32 of the resolution."""
        x = F.relu6(self.conv_norm("visual.encoder.stem", pixels, 2))
        maps = []
        for name, stride, is_residual in self.blocks:
            if stride == 2:
                maps.append(x)
            y = x
            if self.has(f"{name}.expand.conv.weight"):
                y = F.relu6(self.conv_norm(f"{name}.expand", y))
            y = F.relu6(self.conv_norm(f"{name}.depthwise", y, stride))
            y = self.conv_norm(f"{name}.project", y)
            x = x + y if is_residual else y
        # The map at 1/2 is not used.
        return maps[1:] + [x]

    def unfamiliar(self, skips):
        """The probability of being unlike the training images, from the Mahalanobis distance: [1]."""
        features = torch.cat([skip.mean((2, 3)) for skip in skips], 1)
        whitened = (features - self.get("familiarity.mean")) @ self.get("familiarity.whitening")
        distance = (whitened**2).mean(1)
        limit = self.get("familiarity.limit")
        return torch.sigmoid(((distance + 1e-6).log() - limit[0].log()) * limit[1])

    def select(self, dense):
        """1 at the positions that are most similar to a class text, else 0: [1, 1, rows, columns].

        `dense`: [1, width, rows, columns]
        """
        rows, columns = map(int, dense.shape[2:])
        class_texts = normalize(self.get("label_texts")[1:])  # The first text is the background's.
        similarity = (class_texts @ normalize(dense.flatten(2), dim=1)).amax(1)
        # Python's round() would round a half to the even number.
        kept = max(1, math.floor(self.alpha * rows * columns + 0.5))
        highest, indices = similarity.topk(kept, dim=1)
        retained = torch.zeros_like(similarity).scatter(1, indices, torch.ones_like(highest))
        return retained.reshape(1, 1, rows, columns)

    def read_out(self, pixels, maps):
        """The doses of the confounders: of the image as logits, [1, M], and of positions, [1, M, rows, columns].

        `maps`: fine to coarse
        """
        entries = self.get("dictionary.entries")
        scale, offset = self.get("readout.scale"), self.get("readout.offset")

        statistics = [pixel_statistics(pixels)]
        for x in maps:
            positions = x.flatten(2)
            mean = positions.mean(2, keepdim=True)
            spread = (((positions - mean) ** 2).mean(2) + 1e-6).sqrt()
            statistics += [mean.squeeze(2), spread, positions.amax(2)]
        described = F.relu(self.linear("readout.describe", torch.cat(statistics, 1)))
        described = normalize(self.linear("readout.embed", described))
        texts = normalize(self.linear("readout.image_text", entries))
        image = described @ texts.t() * scale[0] + offset[0]

        rows, columns = map(int, maps[1].shape[2:])
        fitted = torch.cat([resize(x, (rows, columns)) for x in maps[1:]], 1)
        described = normalize(self.conv("readout.local", fitted).flatten(2), dim=1)
        texts = normalize(self.linear("readout.local_text", entries))
        local = (texts @ described * scale[1] + offset[1]).reshape(1, -1, rows, columns)
        return image, torch.sigmoid(image)[:, :, None, None] * torch.sigmoid(local)

    def influence(self, level):
        """Each confounder's shift beta and gain gamma at a level: [M, head width] each."""
        entries = self.get("dictionary.entries")
        return [self.linear(f"intervention.{level}.{part}", entries) for part in ("shift", "gain")]

    def remove(self, level, x, doses):
        """The features of a level without the confounders: (F - sum of kappa beta) · exp(-sum of kappa gamma).

        `doses`: kappa, [1, M, _, _]
        """
        doses = resize(doses, x.shape[2:]).flatten(2)
        shift, exponent = ((of_each.t() @ doses).reshape(x.shape) for of_each in self.influence(level))
        return (x - shift) * torch.exp(-exponent.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT))

    def change(self, level, x, doses):
        """How much each confounder changes the mean features of a level, relative to their size: [1, M]."""
        shift, gain = self.influence(level)
        mean = x.mean((2, 3)).unsqueeze(1)
        return doses.mean((2, 3)) * (shift + gain * mean).norm(dim=2) / (mean.norm(dim=2) + 1e-6)

    def decode(self, levels):
        """Logits from the levels, fine to coarse, by a feature pyramid."""
        *finer, x = levels
        for number, level in enumerate(reversed(finer)):
            x = resize(x, level.shape[2:]) + level
            for part in ("first", "second"):
                name = f"head.merges.{number}.{part}"
                x = self.conv(f"{name}.pointwise", self.conv(f"{name}.depthwise", x))
                x = F.relu6(self.norm(f"{name}.norm", x, HEAD_EPSILON))
        return self.conv("head.classify", x)

    def fill_complements(self, values, of_complement):
        """Replaces the values of usual states, such as white light: `of_complement` gets a disturbance's index."""
        columns = [
            values[:, index] if other is None else of_complement(self.position[other])
            for index, other in enumerate(self.complement_of)
        ]
        return torch.stack(columns, 1)

    def forward(self, pixels):
        *skips, last = self.encode(pixels)
        rows, columns = map(int, last.shape[2:])
        dense = normalize(self.linear("visual.proj", last.flatten(2).transpose(1, 2)))
        width = int(dense.shape[2])
        dense = (dense * math.sqrt(width)).transpose(1, 2).reshape(1, width, rows, columns)

        retained = self.select(dense)
        token = self.get("mask_token").reshape(1, width, 1, 1)
        top = retained * dense + (1 - retained) * token

        image, doses = self.read_out(pixels, skips + [dense])
        calibration = self.get("readout.presence")
        presences = torch.sigmoid(image * calibration[0] + calibration[1])
        gate = F.interpolate(retained, size=[int(side) for side in doses.shape[2:]], mode="nearest")
        doses = doses * self.get("dictionary.acting").reshape(1, -1, 1, 1) * gate

        levels = [self.conv(f"head.laterals.{level}", x) for level, x in enumerate(skips + [top])]
        logits = self.decode([self.remove(level, x, doses) for level, x in enumerate(levels)])
        change = sum(self.change(level, x, doses) for level, x in enumerate(levels))
        weights = change / (change.sum(1, keepdim=True) + NO_CORRECTION)

        # A usual state has the weight that no disturbance has, and is present if its disturbance is absent.
        disturbances = [index for index, other in enumerate(self.complement_of) if other is None]
        rest = 1 - weights[:, disturbances].sum(1)
        weights = self.fill_complements(weights, lambda other: rest)
        presences = self.fill_complements(presences, lambda other: 1 - presences[:, other])
        return resize(logits, (self.side, self.side)), weights, presences, self.unfamiliar(skips)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tensors, header = read_safetensors(sys.argv[1])
    if missing(header):
        sys.exit(f"{sys.argv[1]}: the model must have {' and '.join(missing(header))}")
    network = Network(tensors, header).eval()
    # The exporter that all versions of PyTorch have. The other one writes the weights to a second file.
    has_other = "dynamo" in inspect.signature(torch.onnx.export).parameters
    torch.onnx.export(
        network,
        torch.zeros(1, 3, network.side, network.side),
        sys.argv[2],
        input_names=["pixels"],
        output_names=["logits", "confounders", "presences", "unfamiliar"],
        opset_version=16,
        **({"dynamo": False} if has_other else {}),
    )


if __name__ == "__main__":
    main()
