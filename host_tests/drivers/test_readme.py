# SPDX-License-Identifier: MIT
"""The example of the drivers' page runs as printed; its sizes are those of today."""

import doctest
import re

import pytest

from tools import ROOT
from tools.vm import LIB, build_mpy

PAGE = ROOT / "lib" / "drivers" / "README.md"


def test_example():
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert found.attempted >= 6 and found.failed == 0


@pytest.mark.vm
def test_sizes(tmp_path):
    made = build_mpy(["drivers"], tmp_path)
    listed = set()
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 5 or not cells[3][:1].isdigit() or "*" in cells[1]:
            continue
        names = re.findall(r"(\w+)\.py", cells[1])
        sizes = [int(size) for size in cells[3].split(",")]
        for name, size in zip(names, sizes, strict=True):
            listed.add(name)
            real = len(made["drivers." + name])
            assert abs(real - size) <= 0.1 * real, (name, real)
    others = {path.stem for path in (LIB / "drivers").glob("*.py")} - listed
    assert all(name.startswith(("can_", "terminal")) for name in others), others
