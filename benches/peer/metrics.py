"""Times `ganvas metrics` beside the packages that the field uses, on the same arrays, one after the other.

    cargo build --release -p ganvas
    pip install numpy scipy prdc torch-fidelity
    python benches/peer/metrics.py [--rounds 3] [--binary target/release/ganvas]

Ganvas is timed as a whole process, reading the files included; the packages by their call alone, imports left out. Peak memory is
that of the process, for Python with its imports.
"""
import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np


def normals(seed, n, d):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def prdc_of(real, fake):
    from prdc import compute_prdc

    return lambda: compute_prdc(real, fake, 5)


def frechet_of(real, fake):
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    def statistics(x):
        return {"mu": np.mean(x, axis=0), "sigma": np.cov(x, rowvar=False)}

    return lambda: fid_statistics_to_metric(
        statistics(real.astype(np.float64)), statistics(fake.astype(np.float64)), False
    )["frechet_inception_distance"]


CASES = [
    ("precision, recall, density, coverage", "prdc", 10_000, 512, prdc_of),
    ("Frechet distance", "fd", 10_000, 2_048, frechet_of),
]


def in_python(make, files, results):
    """In a process of its own, so that the peak is that of one call."""
    real, fake = (np.load(file) for file in files)
    call = make(real, fake)
    sys.stdout = open(os.devnull, "w")
    start = time.perf_counter()
    value = call()
    seconds = time.perf_counter() - start
    results.put((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, value))


def in_ganvas(binary, metric, files):
    command = [binary, "metrics", *files, "--metrics", metric, "--json"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    seconds = time.perf_counter() - start
    figures = {figure["name"]: figure["value"] for figure in json.loads(output)["metrics"]}
    return seconds, usage.ru_maxrss / 1024, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", default="target/release/ganvas")
    arguments = parser.parse_args()
    print("| Measure | n | d | Ganvas, s | peer, s | peer / Ganvas | Ganvas, MiB | peer, MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, metric, n, d, make in CASES:
            files = [os.path.join(folder, file) for file in ("real.npy", "fake.npy")]
            np.save(files[0], normals(0, n, d))
            np.save(files[1], 1.1 * normals(1, n, d) + 0.05)
            ours, theirs = [], []
            for _ in range(arguments.rounds):
                ours.append(in_ganvas(arguments.binary, metric, files))
                results = multiprocessing.Queue()
                process = multiprocessing.Process(target=in_python, args=(make, files, results))
                process.start()
                theirs.append(results.get())
                process.join()
            print(f"  ours {ours[0][2]}, theirs {theirs[0][2]}", file=sys.stderr)
            time_of = lambda runs: sorted(run[0] for run in runs)[len(runs) // 2]
            peak_of = lambda runs: max(run[1] for run in runs)
            a, b = time_of(ours), time_of(theirs)
            print(f"| {name} | {n:,} | {d:,} | {a:.2f} | {b:.2f} | {b / a:.2f} | {peak_of(ours):.0f} | {peak_of(theirs):.0f} |")


if __name__ == "__main__":
    main()
