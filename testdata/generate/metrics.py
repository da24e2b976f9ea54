"""Goldens of the metrics room: testdata/goldens/metrics.json.

    python testdata/generate/metrics.py testdata/goldens/metrics.json

- Sets of embeddings (numpy's generator, seed 5), and of them: pairwise diversity pair by pair; the Vendi score by its
  authors' package, overall and by prompt; the Frechet distance by scipy.linalg.sqrtm, and for singular covariances by
  eigenvalues of their product; CMMD by its formula; precision, recall, density and coverage by clovaai's prdc.
- Bootstrap intervals, the draws by SplitMix64 as draftp/objective/step_random.h documents it, in Python's integers;
  percentiles by numpy, quantiles of t and the Gaussian by scipy, Wilson's interval by its formula.
- Statistics of pixels: saturation by colorsys, edges by scipy.ndimage.sobel, entropy by scipy.stats.

Versions used: numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, prdc 0.2, vendi-score 0.0.3 (recorded in the file as well).
"""

import colorsys
import contextlib
import importlib.metadata
import io
import json
import sys
import types

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.sparse
import scipy.stats
from prdc import compute_prdc

# vendi-score 0.0.3 asks for a module that scipy no longer has, only to compare a type with it.
scipy.sparse.csr = types.SimpleNamespace(csr_matrix=scipy.sparse.csr_matrix)
from vendi_score import vendi  # noqa: E402

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


class StepRandom:
    def __init__(self, seed, step, purpose):
        hashed = 0xCBF29CE484222325
        for byte in purpose.encode():
            hashed = (hashed ^ byte) * 0x100000001B3 & MASK
        state = seed
        for word in (step, hashed):
            state = mix(state + GAMMA & MASK) + word & MASK
        self.state = mix(state + GAMMA & MASK)

    def below(self, count):
        while True:
            self.state = self.state + GAMMA & MASK
            draw = mix(self.state)
            if draw >= (1 << 64) % count:
                return draw % count


def scaled(estimate, replicas, units, confidence):
    tail = (1 - confidence) / 2
    scale = np.sqrt(units / (units - 1)) * scipy.stats.t.ppf(1 - tail, units - 1) / scipy.stats.norm.ppf(1 - tail)
    return [estimate] + [float(estimate + scale * (np.quantile(replicas, q) - estimate)) for q in (tail, 1 - tail)]


def bootstrap(sizes, statistic, replicas=2000, seed=0, confidence=0.95):
    whole = [list(range(size)) for size in sizes]
    estimate = statistic(list(enumerate(whole)))
    random, values = StepRandom(seed, 0, "bootstrap"), []
    units = sizes[0] if len(sizes) == 1 else len(sizes)
    while len(values) < replicas:
        drawn = [random.below(units) for _ in range(units)]
        value = statistic([(0, drawn)] if len(sizes) == 1 else [(p, whole[p]) for p in drawn])
        if not np.isnan(value):
            values.append(value)
    return scaled(float(estimate), values, units, confidence)


def mean_interval(values, **options):
    return bootstrap([len(v) for v in values],
                     lambda drawn: np.mean([np.mean([values[p][i] for i in chosen]) for p, chosen in drawn]), **options)


def win_rate(point, base):
    wins = [[float(np.heaviside(x - y, 0.5)) for x, y in zip(p, b)] for p, b in zip(point, base)]
    mean, low, high = mean_interval(wins)
    n, z = sum(map(len, wins)), scipy.stats.norm.ppf(0.975)
    middle = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return [mean, max(0.0, min(low, middle - half)), min(1.0, max(high, middle + half))]


def diversity(rows, chosen=None):
    chosen = range(len(rows)) if chosen is None else chosen
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [unit[i] @ unit[j] for n, i in enumerate(chosen) for j in list(chosen)[:n] if i != j]
    return 1 - np.mean(pairs) if pairs else np.nan


def frechet(a, b):
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    if min(len(a), len(b)) > a.shape[1]:
        root = np.trace(scipy.linalg.sqrtm(s @ t)).real
    else:
        root = np.sqrt(np.maximum(np.linalg.eigvals(s @ t).real, 0)).sum()
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s) + np.trace(t) - 2 * root)


def cmmd(a, b):
    def kernel(x, y):
        return np.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / (2 * 10**2)).mean()

    return float(1000 * (kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)))


def prdc(a, base, k):
    with contextlib.redirect_stdout(io.StringIO()):
        scores = compute_prdc(base, a, k)
    return {name: float(value) for name, value in scores.items()}


def embeddings(generator, groups, centres, spread):
    rows = [centre + spread * generator.normal(size=(size, len(centre))) for size, centre in zip(groups, centres)]
    rows = np.concatenate(rows)
    return np.round(rows / np.linalg.norm(rows, axis=1, keepdims=True), 6)


def sets(generator):
    cases = []
    laws = ([6, 5, 4, 6, 5], 4, (0.4, 0.3)), ([3, 2, 4], 12, (0.3, 0.5)), ([7], 4, (0.6, 0.5))
    for sizes, dimensions, spreads in laws:
        centres = generator.normal(size=(len(sizes), dimensions))
        a = embeddings(generator, sizes, centres, spreads[0])
        b = embeddings(generator, [size + 1 for size in sizes], centres, spreads[1])
        groups = np.split(a, np.cumsum(sizes)[:-1])
        one = len(sizes) == 1
        values = [[diversity(group)] for group in groups]
        interval = bootstrap(sizes, lambda d: diversity(a, d[0][1])) if one else mean_interval(values)
        cases.append({
            "sizes": sizes, "dimensions": dimensions, "set": a.flatten().tolist(), "base": b.flatten().tolist(),
            "diversities": [v[0] for v in values], "diversity": float(np.mean(values)),
            "diversity_interval": [max(0.0, bound) for bound in interval],
            "vendi": float(vendi.score_X(a)), "vendi_dual": float(vendi.score_dual(a)),
            "vendi_per_prompt": float(np.mean([vendi.score_X(group) for group in groups])),
            "frechet": frechet(a, b), "cmmd": cmmd(a, b), "prdc": {k: prdc(a, b, int(k)) for k in ("3", "5")}})
    return cases


def intervals(generator):
    cases = []
    for sizes, options in (([5] * 6, {}), ([2, 1, 4], {"seed": 9, "replicas": 501, "confidence": 0.9}), ([8], {})):
        point, base = ([np.round(generator.normal(size=n), 1).tolist() for n in sizes] for _ in range(2))
        cases.append({"point": point, "base": base, "options": options, "mean": mean_interval(point, **options),
                      "win_rate": win_rate(point, base)})
    won = [[1.0] * 4] * 3
    cases.append({"point": won, "base": [[0.0] * 4] * 3, "options": {}, "mean": mean_interval(won),
                  "win_rate": win_rate(won, [[0.0] * 4] * 3)})
    return cases


def pixels(picture):
    luma = (picture @ np.array([299, 587, 114])).astype(np.float64) / 1000
    sobel = [scipy.ndimage.sobel(luma, axis, mode="nearest") / 8 for axis in (0, 1)]
    bins = np.unique(picture.reshape(-1, 3) // 32, axis=0, return_counts=True)[1]
    return {"clamped": float(np.isin(picture, (0, 255)).mean()), "dark": float((luma < 25.5).mean()),
            "saturation": float(np.mean([colorsys.rgb_to_hsv(*(p / 255))[1] for p in picture.reshape(-1, 3)])),
            "edge_density": float((np.hypot(*sobel) > 0.05 * 255).mean()),
            "colour_entropy": float(scipy.stats.entropy(bins, base=2))}


def pictures(generator):
    cases = []
    for width, height, spread, high in ((11, 7, 30, 256), (9, 8, 14, 60), (1, 5, 60, 256)):
        centre = generator.integers(0, high, size=(2, 2, 3))
        smooth = scipy.ndimage.zoom(centre, (height / 2, width / 2, 1), order=1)
        picture, base = (np.clip(np.rint(smooth + spread * generator.normal(size=smooth.shape)), 0, 255)
                         .astype(np.int64) for _ in range(2))
        cases.append({"width": width, "height": height, "picture": picture.flatten().tolist(),
                      "base": base.flatten().tolist(), "statistics": pixels(picture),
                      "drift": float(np.sqrt(np.mean((picture - base) ** 2)))})
    return cases


def main(path):
    generator = np.random.default_rng(5)
    goldens = {
        "command": "python testdata/generate/metrics.py testdata/goldens/metrics.json",
        "versions": {p: importlib.metadata.version(p)
                     for p in ("numpy", "scipy", "scikit-learn", "prdc", "vendi-score")},
        "student": [[p, n, float(scipy.stats.t.ppf(p, n))]
                    for n in (1, 2, 3, 4, 5, 11, 95, 1000, 10000, 10001, 100000) for p in (0.6, 0.975, 0.9995)],
        "sets": sets(generator), "intervals": intervals(generator), "pictures": pictures(generator)}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(goldens, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
