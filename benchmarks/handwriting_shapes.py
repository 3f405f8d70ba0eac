"""Shapes of digits designed by hand, and strokes as somebody might write them.

For `handwriting_pictures.py`, which says what they are for.
"""

import numpy as np
from scipy.interpolate import CubicSpline

# Digit -> shapes; a shape is a list of strokes, a stroke the points "x y  x y  ..." in hundredths
# of the digit's height, y down, the digit about 60 wide. A point written twice is a corner.
SHAPES = {
    0: [
        ["34 2  6 30  6 72  30 100  56 72  55 28  31 1"],
        ["45 10  22 3  2 45  20 97  52 80  58 35  30 0"],
    ],
    1: [
        ["30 0  30 100"],
        ["14 20  32 0  32 0  30 100"],
    ],
    2: [
        ["6 25  28 0  54 22  38 58  3 98  3 98  33 96  62 100"],
        ["5 22  30 2  52 25  36 62  10 96  4 80  26 84  60 98"],
    ],
    3: [
        ["8 12  33 0  50 20  22 46  22 46  54 68  36 98  4 88"],
        ["8 2  52 2  52 2  24 40  24 40  54 64  36 98  4 90"],
    ],
    4: [
        ["40 0  2 66  2 66  62 66", "44 34  43 100"],
        ["44 100  45 0  45 0  2 64  2 64  64 62"],
    ],
    5: [
        ["54 2  12 3  12 3  9 44  9 44  36 38  56 66  34 99  3 90"],
        ["14 2  10 42  10 42  38 40  52 70  28 100  2 90", "13 3  58 0"],
    ],
    6: [
        ["46 0  16 32  6 72  28 100  53 78  34 54  9 74"],
        ["38 2  8 45  12 90  40 98  54 72  36 56  8 76"],
    ],
    7: [
        ["4 3  56 2  56 2  24 100"],
        ["5 16  7 4  7 4  56 3  56 3  32 50  22 100"],
    ],
    8: [
        ["48 14  26 1  12 22  46 62  42 94  14 92  12 64  44 30  48 14"],
        ["30 46  10 26  28 1  48 22  30 46  6 74  30 100  54 76  30 46"],
    ],
    9: [
        ["50 22  28 1  6 24  24 48  50 22  50 22  49 60  46 100"],
        ["50 16  24 3  8 30  30 48  51 16  51 16  48 76  30 100  8 92"],
    ],
}
BARRED_7 = [[stroke, "16 50  54 47"] for (stroke,) in SHAPES[7]]
OPEN_4 = [
    ["10 2  4 52  4 52  58 50", "50 4  46 100"],
    ["12 0  5 42  26 58  50 48", "54 2  50 48  50 100"],
]
# Letters, some of them close to a digit's shape; two digits are put together from SHAPES.
LETTERS = [
    ["2 100  30 0  30 0  60 100", "12 64  50 62"],  # A, straight
    ["0 100  14 24  32 2  48 26  58 100", "8 56  54 56"],  # A, round
    ["6 2  8 100", "6 2  52 20  8 46  8 46  56 74  8 100"],  # B
    ["54 16  30 2  4 50  30 98  56 86"],  # C
    ["54 16  30 2  4 50  30 98  54 84  55 56  55 56  34 56"],  # G
    ["8 0  6 100", "56 2  10 54  10 54  58 100"],  # K
    ["4 100  6 2  6 2  56 100  56 100  58 0"],  # N
    ["8 2  8 100", "8 2  54 22  8 50"],  # P
    ["2 2  30 52", "60 0  30 52  28 100"],  # Y
    ["10 0  10 100  10 100  12 60  36 44  54 64  54 100"],  # h
    ["4 52  30 46  52 62  54 100", "54 72  20 70  6 88  30 100  54 90"],  # a
    ["2 0  30 100  30 100  58 0"],  # V
]


def two_digits(first: int, second: int, random: np.random.Generator) -> list:
    """Return the strokes of two digits side by side."""
    return [
        [(x + 0.72 * place, y) for x, y in points_of(stroke)]
        for place, digit in enumerate((first, second))
        for stroke in SHAPES[digit][random.integers(2)]
    ]


def european_1(random: np.random.Generator) -> list:
    """Return a 1 whose upstroke is half as long as the stem, or up to nearly as long."""
    foot = random.uniform(0.42, 0.82)
    left = random.uniform(0.0, 0.22)
    bend = (left + 0.5) / 2 + random.uniform(-0.02, 0.05), foot / 2 + random.uniform(-0.03, 0.05)
    return [[(left, foot), bend, (0.5, 0), (0.5, 0), (0.48, 1)]]


def points_of(stroke: str) -> list[tuple[float, float]]:
    """Return the points of a stroke in a table above, as shares of the digit's height."""
    numbers = [float(number) / 100 for number in stroke.split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def curve(points: list, step: float = 0.008) -> np.ndarray:
    """Return points (n, 2), `step` apart, of smooth curves that meet at the corners."""
    parts, start = [], 0
    corners = [k for k in range(1, len(points)) if points[k] == points[k - 1]]
    for end in [*corners, len(points)]:
        part = np.array(points[start:end], float)
        start = end
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(part, axis=0).T) ** 0.7)])
        dense = CubicSpline(along, part, bc_type="natural")(np.linspace(0, along[-1], 200))
        length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(dense, axis=0).T))])
        even = np.linspace(0, length[-1], max(2, int(length[-1] / step)))
        parts.append(np.stack([np.interp(even, length, side) for side in dense.T], 1))
    return np.concatenate(parts)


def by_hand(shape: list, random: np.random.Generator, haste: float = 1.0) -> list[np.ndarray]:
    """Return the strokes of a shape as somebody might write it: 0 to 1 high, x around 0.

    `haste` 1 is a careful hand; 2 moves points, turns, stretches and slants twice as far.
    """
    move = random.normal(0, 0.018, 2), random.uniform(0.8, 1.2), random.normal(0, 0.12)
    move = move[0] * haste, 1 + (move[1] - 1) * haste, move[2] * haste
    strokes = []
    for stroke in shape:
        stroke = points_of(stroke) if isinstance(stroke, str) else stroke
        corners = {point: haste * random.normal(0, 0.018, 2) for point in stroke}
        points = [tuple(np.add(point, corners[point])) for point in stroke]
        path = curve(points)
        wave = random.normal(0, 0.006, (2, 3)) @ np.sin(
            np.linspace(0, 3, len(path)) * np.array([[1], [2], [3]]) + random.uniform(0, 6, (3, 1))
        )
        path = (path - (0.3, 0.5) + wave.T) * (move[1], 1)
        path[:, 0] -= move[2] * path[:, 1]  # slant
        angle = move[0][0] * 4
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        strokes.append(path @ turn.T + 0.5 * np.array([0, 1]))
    return strokes
