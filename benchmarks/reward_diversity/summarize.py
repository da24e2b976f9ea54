"""How far each point lies above the curve of LoRA scaling and above that of truncated training.

  python3 benchmarks/reward_diversity/summarize.py OUT

OUT: what run.sh left. For each KL coefficient and point: diversity and reward, the mean over training seeds, and the gain,
the point's reward less that of the reference curve (LoRA scales, or training steps, with base and draft at their ends) at
the point's diversity, straight lines between its points; the mean over seeds with a 95% interval by Student's t. Then the same
over all runs, also above the Pareto set of the six original weight types.
"""

import json
import math
import pathlib
import re
import sys

T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 11: 2.201}  # of 97.5%, by degrees of freedom


def read(path):
    evaluation = json.loads(path.read_text())
    reward = evaluation["rewards"][0]
    return {point["name"]: (point["family"], point["diversity"]["mean"], point["rewards"][reward]["mean"])
            for point in evaluation["points"]}


def at(curve, diversity):
    """The curve's reward at that diversity; none beyond its ends."""
    curve = sorted(curve)
    for (x0, y0), (x1, y1) in zip(curve, curve[1:]):
        if x0 <= diversity <= x1:
            return y0 + (y1 - y0) * (diversity - x0) / (x1 - x0) if x1 > x0 else max(y0, y1)
    return None


def describe(values):
    values = [value for value in values if value is not None]
    if not values:
        return "        -        "
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:+7.3f} (one seed)"
    error = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
    return f"{mean:+7.3f} +-{T[len(values) - 1] * error:6.3f} ({len(values)})"


ORIGINAL = ("base", "draft", "linear", "power_2", "power_4", "step_0.6")


def pareto(points):
    return [p for p in points if not any(q[0] >= p[0] and q[1] >= p[1] and q != p for q in points)]


def curves_of(blends, steps):
    """Those that points are held against: LoRA scaling, truncated training, the Pareto set of the six original types."""
    ends = [blends["base"][1:], blends["draft"][1:]]
    return ([p[1:] for p in blends.values() if p[0] == "LoRA scale"] + ends, [p[1:] for p in steps.values()] + ends[1:],
            pareto([blends[name][1:] for name in ORIGINAL]))


def pooled(runs):
    """Gains of each point over all runs, above three curves."""
    gains, means = {}, [[], []]
    for blends, steps in runs:
        for column, curve in enumerate(curves_of(blends, steps)):
            own = {}
            for name, (_, diversity, reward) in blends.items():
                value = at(curve, diversity)
                if value is not None:
                    own[name] = reward - value
                    gains.setdefault(name, ([], [], []))[column].append(own[name])
            annealed = [own[name] for name in ORIGINAL[2:] if name in own]
            if annealed and column < 2:
                means[column].append(sum(annealed) / len(annealed))
    print(f"\nall {len(runs)} runs{'':16}   above LoRA scaling      above truncated training   above the original six")
    for name in dict.fromkeys(name for blends, _ in runs for name in blends if name in gains):
        print(f"{name:28}" + "   ".join(describe(column) for column in gains[name]))
    print(f"{'mean of ' + ', '.join(ORIGINAL[2:]):28}  " + "   ".join(describe(column) for column in means))


def main():
    out = pathlib.Path(sys.argv[1])
    seeds = {}
    for path in sorted(out.glob("blends_kl*_seed*/evaluation.json")):
        kl, seed = re.fullmatch(r"blends_kl(.+)_seed(.+)", path.parent.name).groups()
        seeds.setdefault(kl, []).append(
            (read(path), read(out / f"steps_kl{kl}_seed{seed}" / "evaluation.json")))
    for kl, runs in seeds.items():
        print(f"\nKL {kl}, {len(runs)} training seeds")
        print(f"{'point':28}{'diversity':>10}{'reward':>9}   above LoRA scaling      above truncated training")
        rows = {}
        for blends, steps in runs:
            scales, truncated, _ = curves_of(blends, steps)
            for name, (family, diversity, reward) in {**blends, **steps}.items():
                row = rows.setdefault(name, (family, [], [], [], []))
                row[1].append(diversity)
                row[2].append(reward)
                for column, curve, own in ((3, scales, "LoRA scale"), (4, truncated, "training steps")):
                    value = at(curve, diversity)
                    if family != own and value is not None:
                        row[column].append(reward - value)
        for name, (family, diversity, reward, above_scales, above_steps) in sorted(
                rows.items(), key=lambda row: -sum(row[1][1]) / len(row[1][1])):
            print(f"{name:28}{sum(diversity) / len(diversity):10.4f}{sum(reward) / len(reward):9.3f}   "
                  f"{describe(above_scales)}   {describe(above_steps)}")
    pooled([run for runs in seeds.values() for run in runs])


main()
