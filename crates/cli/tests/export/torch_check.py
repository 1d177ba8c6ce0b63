"""Loads the files of this folder, which `ganvas export` wrote, into the same networks written in plain PyTorch, strictly,
and compares what they give with what Ganvas gave for the same inputs (NAME-values.safetensors). Made with PyTorch 2;
needs `torch` and `safetensors`.

    python torch_check.py
"""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

HERE = Path(__file__).parent
MOST = 1e-5


class Maxout(nn.Module):
    def __init__(self, inputs, units, pieces):
        super().__init__()
        self.linear, self.pieces = nn.Linear(inputs, units * pieces), pieces

    def forward(self, x):
        y = self.linear(x)
        return y.view(len(x), -1, self.pieces).amax(2)


class Mlp(nn.Module):
    """Hidden layers, each with its activation, and a linear output."""

    def __init__(self, hidden, activation, output):
        super().__init__()
        self.hidden, self.activation, self.output = nn.ModuleList(hidden), activation, output

    def forward(self, x):
        for layer in self.hidden:
            x = self.activation(layer(x))
        return self.output(x)


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = Mlp([nn.Linear(4, 16)], nn.LeakyReLU(0.2), nn.Linear(16, 64))
        self.discriminator = Mlp([Maxout(64, 8, 3)], nn.Identity(), nn.Linear(8, 1))

    def forward(self, given):
        samples = self.generator(given["latents"]).tanh()
        return {"samples": samples, "logits": self.discriminator(given["samples"])}


class Generator(nn.Module):
    """Latents to images of 16x16 pixels, by way of 8 channels of 4x4."""

    def __init__(self, convolutional):
        super().__init__()
        self.convolutional = convolutional
        if convolutional:
            self.project = nn.ConvTranspose2d(4, 8, 4, 1, 0, bias=False)
        else:
            self.project = nn.Linear(4, 8 * 4 * 4, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(4)])
        last = nn.ConvTranspose2d(4, 1, 4, 2, 1, bias=not convolutional)
        self.ups = nn.ModuleList([nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), last])

    def forward(self, z):
        x = self.project(z[:, :, None, None]) if self.convolutional else self.project(z).view(-1, 8, 4, 4)
        for norm, up in zip(self.norms, self.ups):
            x = up(norm(x).relu())
        return x.tanh()


class Discriminator(nn.Module):
    def __init__(self, convolutional):
        super().__init__()
        self.convolutional = convolutional
        first = nn.Conv2d(1, 4, 4, 2, 1, bias=not convolutional)
        self.downs = nn.ModuleList([first, nn.Conv2d(4, 8, 4, 2, 1, bias=False)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(8)])
        self.score = nn.Conv2d(8, 1, 4, 1, 0, bias=False) if convolutional else nn.Linear(8 * 4 * 4, 1)
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x):
        x = self.activation(self.downs[0](x))
        x = self.activation(self.norms[0](self.downs[1](x)))
        return self.score(x).flatten(1) if self.convolutional else self.score(x.flatten(1))


class Dcgan(nn.Module):
    def __init__(self, convolutional):
        super().__init__()
        self.generator, self.discriminator = Generator(convolutional), Discriminator(convolutional)

    def forward(self, given):
        samples = self.generator(given["latents"]).flatten(1)
        return {"samples": samples, "logits": self.discriminator(given["samples"].view(-1, 1, 16, 16))}


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Mlp([nn.Linear(64, 16)], nn.Tanh(), nn.Linear(16, 8))
        self.register_buffer("centre", torch.zeros(64))

    def forward(self, x):
        mean, log_variance = self.net(x - self.centre).chunk(2, 1)
        return mean, log_variance.clamp(-10, 4)


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        decoder = Mlp([nn.Linear(4, 16)], nn.Tanh(), nn.Linear(16, 64))
        self.networks = nn.ModuleDict({"encoder": Encoder(), "decoder": decoder})

    def forward(self, given):
        samples = self.networks["decoder"](given["latents"]).sigmoid() * 2 - 1
        mean, log_variance = self.networks["encoder"](given["samples"])
        return {"samples": samples, "mean": mean, "log_variance": log_variance}


def check(name, model):
    path = HERE / f"{name}.safetensors"
    model.load_state_dict(load_file(path), strict=True)
    with safe_open(path, "pt") as file:
        print(f"{name}: {sorted(file.metadata().items())}")
    given = load_file(HERE / f"{name}-values.safetensors")
    with torch.no_grad():
        found = model.eval()(given)
    assert set(found) | {"latents"} == set(given), sorted(given)
    for what, value in found.items():
        assert value.shape == given[what].shape, (what, value.shape, given[what].shape)
        difference = (value - given[what]).abs().max().item()
        largest = value.abs().max().item()
        print(f"{name:20} {what:13} values to {largest:.3f}, largest difference {difference:.2e}")
        # What is near zero anyway would agree with anything.
        assert difference < MOST and largest > 0.1, (name, what)


if __name__ == "__main__":
    check("gan", Gan())
    check("dcgan", Dcgan(False))
    check("dcgan-convolutional", Dcgan(True))
    check("vae", Vae())
