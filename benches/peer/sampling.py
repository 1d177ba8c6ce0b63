"""Draws a second of numpy and scipy, beside those that `cargo xtask bench` left in target/criterion.

    pip install numpy scipy && python benches/peer/sampling.py [REPEATS]

Every figure is the best of REPEATS (default 100) runs of 20,000 draws, with the spread (median - best) / best; those of
criterion are of its best sample. Runs are short, so that some are not interrupted on a busy machine.
"""
import json
import math
import pathlib
import statistics
import sys
import time

import numpy as np
import scipy
from scipy.stats import sampling

N = 20_000
REPEATS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
CRITERION = pathlib.Path(__file__).resolve().parents[2] / "target" / "criterion"
rng = np.random.default_rng(1)
weights = np.arange(1.0, 101.0) / np.arange(1.0, 101.0).sum()


class Normal:
    def pdf(self, x):
        return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)

    def dpdf(self, x):
        return -x * self.pdf(x)

    def cdf(self, x):
        return 0.5 * math.erfc(-x / math.sqrt(2))


class Gamma:
    def pdf(self, x):
        return x**1.5 * math.exp(-x)

    def support(self):
        return 0.0, math.inf


inverse_normal = sampling.NumericalInversePolynomial(Normal(), random_state=rng)
inverse_gamma = sampling.NumericalInversePolynomial(Gamma(), random_state=rng)
rejection = sampling.TransformedDensityRejection(Normal(), random_state=rng)
alias = sampling.DiscreteAliasUrn(weights, random_state=rng)

# The name of the Rust benchmark, the peer's, its draws.
RATES = [
    ("uniform(-1, 3)", "numpy", lambda: rng.uniform(-1, 3, N)),
    ("normal(2, 0.5)", "numpy", lambda: rng.normal(2, 0.5, N)),
    ("log-normal(0.3, 0.6)", "numpy", lambda: rng.lognormal(0.3, 0.6, N)),
    ("exponential(2.5)", "numpy", lambda: rng.exponential(1 / 2.5, N)),
    ("gamma(0.4, 2)", "numpy", lambda: rng.gamma(0.4, 2, N)),
    ("gamma(7.5, 0.1)", "numpy", lambda: rng.gamma(7.5, 0.1, N)),
    ("beta(2, 5)", "numpy", lambda: rng.beta(2, 5, N)),
    ("gumbel(0.5, 2)", "numpy", lambda: rng.gumbel(0.5, 2, N)),
    ("cauchy(0, 1.5)", "numpy", lambda: 1.5 * rng.standard_cauchy(N)),
    ("student t(3.5)", "numpy", lambda: rng.standard_t(3.5, N)),
    ("weibull(0.7, 2)", "numpy", lambda: 2 * rng.weibull(0.7, N)),
    ("pareto(2, 3.5)", "numpy", lambda: 2 * (1 + rng.pareto(3.5, N))),
    ("laplace(1, 2)", "numpy", lambda: rng.laplace(1, 2, N)),
    ("logistic(-1, 0.7)", "numpy", lambda: rng.logistic(-1, 0.7, N)),
    ("von Mises(0.5, 3)", "numpy", lambda: rng.vonmises(0.5, 3, N)),
    ("binomial(20, 0.35)", "numpy", lambda: rng.binomial(20, 0.35, N)),
    ("binomial(5000, 0.6)", "numpy", lambda: rng.binomial(5000, 0.6, N)),
    ("poisson(4)", "numpy", lambda: rng.poisson(4, N)),
    ("poisson(40)", "numpy", lambda: rng.poisson(40, N)),
    ("geometric(0.2)", "numpy", lambda: rng.geometric(0.2, N)),
    ("alias table of 100", "DiscreteAliasUrn", lambda: alias.rvs(N)),
    ("inverse table of 100", "numpy choice", lambda: rng.choice(100, N, p=weights)),
    ("numerical inverse, normal", "NumericalInversePolynomial", lambda: inverse_normal.rvs(N)),
    ("numerical inverse, gamma(2.5)", "NumericalInversePolynomial", lambda: inverse_gamma.rvs(N)),
    ("rejection of a normal", "TransformedDensityRejection", lambda: rejection.rvs(N)),
]
SET_UPS = [
    ("numerical inverse, normal", "NumericalInversePolynomial", lambda: sampling.NumericalInversePolynomial(Normal(), random_state=rng)),
    ("adaptive rejection, normal", "TransformedDensityRejection", lambda: sampling.TransformedDensityRejection(Normal(), random_state=rng)),
    ("alias table of 100", "DiscreteAliasUrn", lambda: sampling.DiscreteAliasUrn(weights, random_state=rng)),
]


def seconds(run):
    """Best and relative spread."""
    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times), statistics.median(times) / min(times) - 1


def criterion():
    """Group, function -> nanoseconds of one element in the best sample: what else runs on the machine only adds."""
    found = {}
    for path in CRITERION.glob("*/*/new/benchmark.json"):
        about = json.loads(path.read_text())
        samples = json.loads(path.with_name("sample.json").read_text())
        best = min(time / n for time, n in zip(samples["times"], samples["iters"]))
        elements = (about.get("throughput") or {"Elements": 1})["Elements"]
        found[about["group_id"], about["function_id"]] = best / elements
    return found


rust = criterion()
print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, scipy {scipy.__version__}; millions of draws a second\n")
print("| Law | peer | | spread | rand_distr xoshiro | ganvas xoshiro | ganvas chacha | ganvas / peer | ganvas / rand_distr |")
print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
for law, peer, run in RATES:
    took, spread = seconds(run)
    mega = lambda *names: next((1e3 / rust[law, name] for name in names if (law, name) in rust), math.nan)
    theirs, ours = mega("rand_distr xoshiro"), mega("ganvas xoshiro", "adaptive xoshiro")
    cells = [N / took / 1e6, theirs, ours, mega("ganvas chacha"), ours / (N / took / 1e6), ours / theirs]
    rate, *rest = ["-" if math.isnan(c) else f"{c:.2f}" if i > 3 else f"{c:.0f}" for i, c in enumerate(cells)]
    print("|", " | ".join([law, peer, rate, f"{100 * spread:.0f} %", *rest]), "|")
print("\n| Set-up | peer | ms | spread | ganvas, ms |\n|---|---|---:|---:|---:|")
for what, peer, run in SET_UPS:
    took, spread = seconds(run)
    ours = rust.get(("set-up", what), math.nan) / 1e6
    print(f"| {what} | {peer} | {1e3 * took:.3f} | {100 * spread:.0f} % | {ours:.4f} |")
error = inverse_normal.u_error(sample_size=100_000)
print(f"\nu-error of NumericalInversePolynomial for a normal: {error.max_error:.1e} at most, {error.mean_absolute_error:.1e} on the average")
