"""The workloads of `cargo xtask bench --peer` in PyTorch: `python training.py WORKLOAD` prints one line of JSON.

The same networks, batches, losses and optimisers as in `benches/workloads`; data are noise in memory, already on the device.
"""

import time

STARTED = time.perf_counter()

import argparse
import contextlib
import json
import os
import resource
import sys

import torch
from torch import nn
from torch.nn import functional as F

WARM_UP = 3
SAMPLES = 10_000


def adam(net, lr=2e-4, betas=(0.5, 0.999)):
    return torch.optim.Adam(net.parameters(), lr=lr, betas=betas, fused=True)


def batches(data, size):
    """Endless batches in a new order each time around, brought from bytes to [-1, 1]."""
    while True:
        order = torch.randperm(len(data))
        for i in range(0, len(data) - size + 1, size):
            x = data[order[i : i + size]]
            yield x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x


def noise_images(channels, side, n):
    return torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8)


def vae(args):
    encoder = nn.Sequential(nn.Linear(784, 400), nn.Tanh(), nn.Linear(400, 40))
    decoder = nn.Sequential(nn.Linear(20, 400), nn.Tanh(), nn.Linear(400, 784))
    net = nn.ModuleList([encoder, decoder])
    optimizer = adam(net, 1e-3, (0.9, 0.999))
    size = args.batch or 128
    data = batches(noise_images(1, 28, 100 * size), size)
    encoder, decoder = args.compiled(encoder), args.compiled(decoder)

    def step():
        x = torch.bernoulli(next(data).flatten(1).add(1).div(2))
        mean, log_variance = encoder(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        loss = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        loss = loss + 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum()
        loss = loss / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, size, [net]


def dcgan_networks(side, width=64, latent=100):
    widest = width * side // 8
    up, down, channels = [nn.ConvTranspose2d(latent, widest, 4, 1, 0, bias=False)], [], widest
    up += [nn.BatchNorm2d(widest), nn.ReLU(True)]
    while channels > width:
        up += [nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False)]
        up += [nn.BatchNorm2d(channels // 2), nn.ReLU(True)]
        channels //= 2
    up += [nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()]
    down += [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    while channels < widest:
        down += [nn.Conv2d(channels, channels * 2, 4, 2, 1, bias=False)]
        down += [nn.BatchNorm2d(channels * 2), nn.LeakyReLU(0.2, True)]
        channels *= 2
    down += [nn.Conv2d(widest, 1, 4, 1, 0, bias=False), nn.Flatten()]
    return nn.Sequential(*up), nn.Sequential(*down)


def dcgan(side, args):
    nets = dcgan_networks(side)
    g_optimizer, d_optimizer = map(adam, nets)
    size = args.batch or 64
    data = batches(noise_images(3, side, 30 * size), size)
    g, d = map(args.compiled, nets)

    def step():
        x = next(data)
        fake = g(torch.randn(len(x), 100, 1, 1))
        loss = F.softplus(-d(x)).mean() + F.softplus(d(fake.detach())).mean()
        d_optimizer.zero_grad()
        loss.backward()
        d_optimizer.step()
        d.requires_grad_(False)
        loss = F.softplus(-d(g(torch.randn(len(x), 100, 1, 1)))).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        d.requires_grad_(True)

    return step, size, nets


def wgan_gp(args):
    def mlp():
        layers = [nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()]
        return layers

    g, d = nn.Sequential(*mlp(), nn.Linear(128, 2)), nn.Sequential(*mlp(), nn.Linear(128, 1))
    optimizers = [adam(net, 5e-4, (0.5, 0.9)) for net in (g, d)]
    averaged = [p.detach().clone() for p in g.parameters()]
    centres = torch.cartesian_prod(torch.arange(5.0) - 2, torch.arange(5.0) - 2) / 1.414
    points = centres[torch.randint(0, 25, (100_000,))] + 0.02 * torch.randn(100_000, 2)
    size = args.batch or 256
    data = batches(points, size)

    def step():
        for _ in range(5):
            x = next(data)
            fake = g(torch.randn(size, 2)).detach()
            between = fake + torch.rand(size, 1) * (x - fake)
            between.requires_grad_(True)
            (slope,) = torch.autograd.grad(d(between).sum(), between, create_graph=True)
            penalty = (slope.norm(2, 1) - 1).square().mean()
            loss = d(fake).mean() - d(x).mean() + 0.1 * penalty
            optimizers[1].zero_grad()
            loss.backward()
            optimizers[1].step()
        d.requires_grad_(False)
        loss = -d(g(torch.randn(size, 2))).mean()
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        d.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(averaged, list(g.parameters()), 0.01)

    return step, size * 5, [g, d]


def sample32(args):
    nets = dcgan_networks(32)
    g = args.compiled(nets[0].eval())

    @torch.inference_mode()
    def step(n=SAMPLES):
        return torch.cat([g(torch.randn(100, 100, 1, 1)) for _ in range(n // 100)])

    return step, SAMPLES, nets


class Modulated(nn.Module):
    """Inputs scaled before and outputs after a convolution, which is the same as kernels for each item, and faster."""

    def __init__(self, inputs, outputs, kernel, demodulate):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.style = nn.Linear(64, inputs)
        nn.init.ones_(self.style.bias)
        self.demodulate = demodulate

    def forward(self, x, w):
        s = self.style(w)
        y = self.conv(x * s[:, :, None, None])
        if not self.demodulate:
            return y
        lengths = (s.square() @ self.conv.weight.square().sum((2, 3)).T + 1e-8).sqrt()
        return y / lengths[:, :, None, None]


class Synthesis(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, width, 4, 4))
        self.layers = nn.ModuleList([Modulated(width, width, 3, True) for _ in range(9)])
        self.image = Modulated(width, 3, 1, False)

    def forward(self, w):
        x = self.constant.expand(len(w), -1, -1, -1)
        for i, layer in enumerate(self.layers):
            if i % 2 == 1:
                x = F.interpolate(x, scale_factor=2)
            x = F.leaky_relu(layer(x, w), 0.2)
        return self.image(x, w)


def modulated64(args):
    net = Synthesis()
    optimizer = adam(net, 2e-3, (0.0, 0.99))
    size = args.batch or 32
    g = args.compiled(net)

    def step():
        loss = (g(torch.randn(size, 64)) - 0.5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, size, [net]


class Memory(nn.Module):
    """An LSTM with one bias, and a linear layer at each step."""

    def __init__(self, inputs, outputs, units=32):
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)
        nn.init.zeros_(self.lstm.bias_hh_l0).requires_grad_(False)
        self.output = nn.Linear(units, outputs)

    def forward(self, x):
        return self.output(self.lstm(x)[0])


def rgan(args):
    g, d = nets = Memory(5, 1), Memory(1, 1)
    g_optimizer, d_optimizer = adam(g, 1e-3, (0.9, 0.999)), torch.optim.SGD(d.parameters(), lr=0.1)
    trained = [p for p in d.parameters() if p.requires_grad]
    size = args.batch or 64
    turns = torch.arange(1, 31) / 30 * 2 * torch.pi
    frequencies, phases = 1 + 4 * torch.rand(10_000, 1), (2 * torch.rand(10_000, 1) - 1) * torch.pi
    sines = (0.1 + 0.8 * torch.rand(10_000, 1)) * torch.sin(frequencies * turns + phases)
    data = batches(sines.unsqueeze(2), size)
    generate, judge = args.compiled(g), args.compiled(d)

    def step():
        x = next(data)
        fake = generate(torch.randn(size, 30, 5)).tanh().detach()
        loss = F.softplus(-judge(x)).mean() + F.softplus(judge(fake)).mean()
        d_optimizer.zero_grad()
        loss.backward()
        d_optimizer.step()
        for p in trained:
            p.requires_grad_(False)
        loss = F.softplus(-judge(generate(torch.randn(size, 30, 5)).tanh())).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        for p in trained:
            p.requires_grad_(True)

    return step, size, nets


WORKLOADS = {
    "vae": vae,
    "dcgan32": lambda args: dcgan(32, args),
    "dcgan64": lambda args: dcgan(64, args),
    "wgan-gp": wgan_gp,
    "sample32": sample32,
    "modulated64": modulated64,
    "rgan": rgan,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--compile", action="store_true", help="with torch.compile; not for wgan-gp")
    args = parser.parse_args()
    args.compiled = torch.compile if args.compile else lambda net: net
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        torch.set_num_threads(int(threads))
    torch.set_default_device(args.device)
    torch.manual_seed(0)
    step, items, nets = WORKLOADS[args.workload](args)
    sampling = args.workload == "sample32"
    mixed = torch.autocast(args.device, torch.bfloat16) if args.precision == "bf16" else contextlib.nullcontext()
    done = torch.cuda.synchronize if args.device.startswith("cuda") else lambda: None
    with mixed:
        step(100) if sampling else step()
        done()
        first_step = time.perf_counter() - STARTED
        for _ in range(1 if sampling else WARM_UP):
            step()
        done()
        measured, count = time.perf_counter(), 0
        while True:
            step()
            count += 1
            elapsed = time.perf_counter() - measured
            if elapsed >= args.seconds:
                done()
                elapsed = time.perf_counter() - measured
                break
    figures = {
        "rate": count * items / elapsed,
        "first_step": first_step,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "parameters": sum(p.numel() for net in nets for p in net.parameters() if p.requires_grad),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
