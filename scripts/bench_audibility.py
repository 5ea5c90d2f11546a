"""Compares the law's own measure of a gap with two published ones: Zimtohrli and ViSQOL (docs/design/audibility.md)."""

import json
import sys

import numpy as np
import zimtohrli
from scipy.signal import resample_poly
from scipy.stats import spearmanr
from visqol import AudioSignal, VisqolApi

RATE_HZ = 48_000
VISQOL_EVERY = 10  # a second for each pair: one place in ten

folder = sys.argv[1]
with open(f"{folder}/pairs.json") as file:
    pairs = json.load(file)
frames, rows = pairs["frames"], pairs["rows"]
sound = np.fromfile(f"{folder}/pairs.f32", "<f4").reshape(len(rows), 2, frames)
lengths = sorted({row["ms"] for row in rows})

measure = zimtohrli.Pyohrli()
visqol = VisqolApi()
visqol.create(mode="audio")
for index, row in enumerate(rows):
    sent, heard = (resample_poly(each, 160, 147).astype("f4") for each in sound[index])
    row["zimtohrli"] = float(measure.distance(sent, heard))
    row["visqol"] = np.nan
    if (index // len(lengths)) % VISQOL_EVERY == 0:
        row["visqol"] = float(visqol.measure_from_arrays(sent.astype("f8"), heard.astype("f8"), RATE_HZ).moslqo)


def column(key, chosen=rows):
    return np.array([row[key] for row in chosen])


print("| gap, ms | cost | Zimtohrli, distance | as opinion | ViSQOL, opinion |")
print("|--:|--:|--:|--:|--:|")
for ms in lengths:
    chosen = [row for row in rows if row["ms"] == ms]
    distance = np.median(column("zimtohrli", chosen))
    cells = [f"{ms}", f"{np.median(column('cost', chosen)):.3f}", f"{distance:.5f}",
             f"{zimtohrli.mos_from_zimtohrli(distance):.2f}", f"{np.nanmedian(column('visqol', chosen)):.2f}"]
    print("| " + " | ".join(cells) + " |")

print("\nRank correlation with the distance (Zimtohrli) and the opinion (ViSQOL):\n")
print("| | Zimtohrli | ViSQOL |")
print("|---|--:|--:|")
judged = [row for row in rows if not np.isnan(row["visqol"])]
for key, name in [("cost", "cost"), ("ms", "length of the gap alone"), ("error", "energy of the error alone")]:
    ranks = [spearmanr(column(key), column("zimtohrli"))[0], -spearmanr(column(key, judged), column("visqol", judged))[0]]
    print(f"| {name} | " + " | ".join(f"{rank:.2f}" for rank in ranks) + " |")
within = [spearmanr(column("cost", chosen), column("zimtohrli", chosen))[0]
          for chosen in ([row for row in rows if row["ms"] == ms] for ms in lengths)]
print(f"\nAmong gaps of one length: {np.mean(within):.2f} (from {min(within):.2f} to {max(within):.2f}).")
