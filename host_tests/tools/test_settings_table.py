# SPDX-License-Identifier: MIT
"""A setting's meaning is found behind its row or above it, and nowhere else."""

from tools.settings_table import comments, rows

SOURCE = """
# no row's
TABLE = (
    ("a", 1),  # behind a
    # above b,
    # in two lines
    ("b", "#no", 0, 7),
    ("c", 1),
    # above
    ("d", 1),  # behind d counts
)
"""


def test_comments_of_a_table():
    found = ["behind a", "above b, in two lines", "", "behind d counts"]
    assert comments(SOURCE) == found


def test_rows_are_whole():
    row = next(row for row in rows() if row[0] == "can_map")
    assert row[1:5] == ("vehicle_can.txt", None, None, "") and row[5]
    row = next(row for row in rows() if row[0] == "watchdog_ms")  # of a board
    assert row[2:5] == (0, 8000, "ms") and "armed by a plug" in row[5]
