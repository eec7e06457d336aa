#!/usr/bin/env python3
"""What the simulation's JSON says, as SVG: times to detect, the load of those that take over, moves. No library is needed.

usage: plot.py JSON FOLDER
"""

import json
import math
import os
import sys
from html import escape

WIDTH, HEIGHT = 860, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 60
COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#e0a030", "#4d4d4d", "#16a0a0", "#b03060", "#7a8b2a", "#a0522d")
OFFSETS = ("the site itself", "com.'s second", "net.'s second", "com.'s last", "net.'s last")


class Picture:
    """Axes with curves or bars."""

    def __init__(self, title, x_title, y_title, x, y):
        """x and y: (lowest, highest, of type log or not)."""
        self.x, self.y, self.named = x, y, 0
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        ]
        self.text(LEFT, TOP - 16, title, size=15)
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_title, anchor="middle")
        self.parts.append(f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>')
        self.frame()

    def text(self, x, y, text, anchor="start", size=12):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>')

    @staticmethod
    def part(value, axis):
        low, high, log = axis
        if log:
            return (math.log10(max(value, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return (value - low) / (high - low)

    def at(self, x, y):
        return LEFT + self.part(x, self.x) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - self.part(y, self.y) * (HEIGHT - TOP - BOTTOM)

    @staticmethod
    def ticks(axis):
        low, high, log = axis
        if log:
            return [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        step = 10 ** math.floor(math.log10((high - low) / 2))
        step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 8)
        return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]

    def frame(self):
        for value in self.ticks(self.x):
            x, y = self.at(value, self.y[0])
            self.parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
            self.text(x, y + 18, f"{value:g}", anchor="middle")
        for value in self.ticks(self.y):
            x, y = self.at(self.x[0], value)
            self.parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e4e4e4"/>')
            self.text(x - 8, y + 4, f"{value:g}", anchor="end")

    def name(self, text, colour):
        y = TOP + 8 + 20 * self.named
        self.named += 1
        self.parts.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 9}" width="12" height="10" fill="{colour}"/>')
        self.text(WIDTH - RIGHT + 32, y, text)

    def curve(self, points, text):
        colour = COLOURS[self.named % len(COLOURS)]
        shown = " ".join("%.1f,%.1f" % self.at(x, y) for x, y in points)
        self.parts.append(f'<polyline points="{shown}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        self.name(text, colour)

    def bar(self, x, width, height):
        left, top = self.at(x, height)
        right, foot = self.at(x + width, self.y[0])
        self.parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{foot - top:.1f}" fill="{COLOURS[0]}"/>')

    def save(self, path):
        with open(path, "w", encoding="utf-8") as to:
            to.write("\n".join(self.parts) + "\n</svg>\n")
        print(path)


def detected(seen, path):
    """How many were left after how long; what was missed keeps a curve below 100 %."""
    picture = Picture("Time until a bad site is left, first choice of its zone", "seconds since the fault began", "paths left, %", (0.05, 6000, True), (0, 100, False))
    for kind, figures in seen["kinds"].items():
        first = figures["first"]
        times = first["curve_ms"]
        if not times:
            continue
        found = 100 * first["found"] / (first["found"] + first["missed"])
        points = [(ms / 1000, found * i / (len(times) - 1)) for i, ms in enumerate(times)]
        picture.curve(points + [(6000, found)], kind)
    picture.save(path)


def load(seen, kind, path):
    """Queries a second of the sites around the one that fails, over what that one carried before."""
    around = seen["kinds"][kind]["around"]
    before = -seen["around_from_s"]
    own = sum(around[0][:before]) / before
    if not own:
        return
    picture = Picture(f"Load when a site turns {kind}", "seconds since the fault began", "of what the failed site carried", (-before, len(around[0]) - before, False), (0, 1.6, False))
    for offset, counts in enumerate(around):
        points = [(i - before, sum(counts[i : i + 5]) / 5 / own) for i in range(0, len(counts) - 4, 5)]
        picture.curve(points, OFFSETS[offset])
    picture.save(path)


def moves(seen, path):
    """Paths left and returned for each edge and fault that an edge lived through."""
    kinds = {kind: figures["moves"] / figures["lives"] for kind, figures in seen["kinds"].items() if figures["lives"]}
    if not kinds:
        return
    highest = max(max(kinds.values()) * 1.15, 1)
    picture = Picture("Paths left and returned, an edge and fault", "", "moves", (0, len(kinds), False), (0, highest, False))
    # the axis has names, not numbers
    picture.parts = [part for part in picture.parts if f'y="{HEIGHT - BOTTOM + 18:.1f}"' not in part]
    for i, (kind, value) in enumerate(kinds.items()):
        picture.bar(i + 0.15, 0.7, value)
        x, y = picture.at(i + 0.5, value)
        picture.text(x, y - 5, f"{value:.2f}", anchor="middle")
        picture.text(x, HEIGHT - BOTTOM + 18, kind, anchor="middle", size=10)
    picture.save(path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as text:
        seen = json.load(text)
    os.makedirs(sys.argv[2], exist_ok=True)
    detected(seen, os.path.join(sys.argv[2], "detected.svg"))
    for kind in ("bogus", "silent"):
        load(seen, kind, os.path.join(sys.argv[2], f"load-{kind}.svg"))
    moves(seen, os.path.join(sys.argv[2], "moves.svg"))


if __name__ == "__main__":
    main()
