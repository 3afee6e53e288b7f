"""The network of the embedded model in PyTorch, written only from the paper and the names in the model file.

    python3 tests/reference/network.py MODEL.safetensors OUT.onnx

Writes the network as ONNX, for comparisons with other runtimes. Input: `pixels` [1, 3, side, side], normalised.
Outputs: `logits` [1, K + 1, side, side] and `confounders` [1, M]. Needs PyTorch and numpy, such as Debian's
python3-torch.
"""

import json
import struct
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F


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


class Network(nn.Module):
    """MCDRL over a compact ResNet, for inference."""

    def __init__(self, tensors, header):
        super().__init__()
        self.names = {name: name.replace(".", "_") for name in tensors}
        for name, values in tensors.items():
            self.register_buffer(self.names[name], values)
        self.vision = header["architecture"]["vision"]["Compact"]
        self.depth = header["architecture"]["intervention"]["layers"]
        self.alpha = header["run"]["selection"]["alpha"]
        self.side = header["preprocess"]["size"]

    def get(self, name):
        return getattr(self, self.names[name])

    def has(self, name):
        return name in self.names

    def norm(self, name, x):
        get = lambda part: self.get(f"{name}.{part}")
        return F.batch_norm(x, get("running_mean"), get("running_var"), get("weight"), get("bias"), eps=1e-5)

    def conv(self, name, x, stride=1):
        weight = self.get(f"{name}.weight")
        return F.conv2d(x, weight, stride=stride, padding=int(weight.shape[-1]) // 2)

    def linear(self, name, x):
        bias = f"{name}.bias"
        return F.linear(x, self.get(f"{name}.weight"), self.get(bias) if self.has(bias) else None)

    def layer_norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.get(f"{name}.weight"), self.get(f"{name}.bias"), eps=1e-5)

    def block(self, name, x, stride):
        y = F.relu(self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, stride)))
        y = self.norm(f"{name}.bn2", self.conv(f"{name}.conv2", y))
        if self.has(f"{name}.downsample.0.weight"):
            x = self.norm(f"{name}.downsample.1", self.conv(f"{name}.downsample.0", x, stride))
        return F.relu(x + y)

    def forward(self, pixels):
        x = F.relu(self.norm("visual.bn1", self.conv("visual.conv1", pixels, 2)))
        skips = []
        for stage, count in enumerate(self.vision["layers"], 1):
            for number in range(count):
                stride = 2 if stage > 1 and number == 0 else 1
                x = self.block(f"visual.layer{stage}.{number}", x, stride)
            skips.append(x)
        top = skips.pop()
        rows, columns = map(int, top.shape[2:])
        positions = top.flatten(2).transpose(1, 2)
        dense = self.linear("visual.attnpool.c_proj", self.linear("visual.attnpool.v_proj", positions))
        width = int(dense.shape[-1])
        dense = F.normalize(dense, dim=-1, eps=1e-6) * width**0.5

        texts = F.normalize(self.get("class_texts"), dim=-1, eps=1e-6)
        similarity = (F.normalize(dense, dim=-1, eps=1e-6) @ texts.t()).max(dim=2).values
        kept = max(1, round(self.alpha * rows * columns))
        indices = similarity.topk(kept, dim=1).indices
        gather = indices.unsqueeze(2).expand(-1, -1, width)
        features = dense.gather(1, gather)

        entries = self.get("dictionary.entries")
        heads = int(self.get("intervention.layers.0.logit_scale").shape[0])
        split = lambda rows_: rows_.reshape(-1, heads, width // heads).transpose(0, 1)
        weights = 0
        for layer in range(self.depth):
            name = f"intervention.layers.{layer}"
            query = self.linear(f"{name}.query", self.layer_norm(f"{name}.norm", features))
            query = query.reshape(1, kept, heads, width // heads).transpose(1, 2)
            key, value = split(self.linear(f"{name}.key", entries)), split(self.linear(f"{name}.value", entries))
            scores = F.normalize(query, dim=-1, eps=1e-6) @ F.normalize(key, dim=-1, eps=1e-6).transpose(1, 2)
            scale = self.get(f"{name}.logit_scale").clamp(max=float(numpy.log(100.0))).exp()
            attention = F.softmax(scores * scale.reshape(1, heads, 1, 1), dim=3)
            mixed = (attention @ value).transpose(1, 2).reshape(1, kept, width)
            features = features - self.linear(f"{name}.output", mixed)
            hidden = F.gelu(self.linear(f"{name}.expand", self.layer_norm(f"{name}.feed_norm", features)))
            features = features + self.linear(f"{name}.contract", hidden)
            weights = weights + attention.mean(dim=1)
        confounders = (weights / self.depth).mean(dim=1)

        grid = self.get("mask_token").expand(1, rows * columns, width).scatter(1, gather, features)
        grid = grid.transpose(1, 2).reshape(1, width, rows, columns)
        shown = similarity.reshape(1, 1, rows, columns)
        y = F.relu(self.norm("head.top.norm", self.conv("head.top.conv", torch.cat([grid, shown], 1))))
        mixture = confounders @ entries
        for level, skip in enumerate(reversed(skips)):
            name = f"head.levels.{level}"
            lateral = self.conv(f"{name}.lateral", skip)
            lateral = lateral - self.linear(f"{name}.confounded", mixture)[:, :, None, None]
            lateral = self.norm(f"{name}.lateral_norm", lateral)
            y = F.interpolate(y, size=[int(side) for side in skip.shape[2:]], mode="bilinear", align_corners=False)
            y = F.relu(y + lateral)
            y = F.relu(self.norm(f"{name}.merge.norm", self.conv(f"{name}.merge.conv", y)))
        logits = F.conv2d(y, self.get("head.classify.weight"), self.get("head.classify.bias"))
        logits = F.interpolate(logits, size=(self.side, self.side), mode="bilinear", align_corners=False)
        return logits, confounders


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tensors, header = read_safetensors(sys.argv[1])
    network = Network(tensors, header).eval()
    torch.onnx.export(
        network,
        torch.zeros(1, 3, network.side, network.side),
        sys.argv[2],
        input_names=["pixels"],
        output_names=["logits", "confounders"],
        opset_version=16,
    )


if __name__ == "__main__":
    main()
