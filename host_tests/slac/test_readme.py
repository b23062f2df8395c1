# SPDX-License-Identifier: MIT
"""The pages of SLAC and drivers say what is true: snippets run, counters and defaults exist."""

import re

from evcc.params import Params

from tools import ROOT

SLAC = (ROOT / "lib/evcc/slac/README.md").read_text()
DRIVERS = (ROOT / "lib/drivers/README.md").read_text()


def snippet(text, word):
    """The Python block of `text` with `word` in it."""
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.S) if word in b]
    return block


def test_snippet_of_slac(capsys):
    exec(snippet(SLAC, "place()"), {})
    assert capsys.readouterr().out.startswith("ready True 02:00:00:5e:5e:01")


def test_snippet_of_the_driver(capsys):
    block = snippet(DRIVERS, "World()")
    exec(block, {})
    assert capsys.readouterr().out.strip() == block.rpartition("# ")[2].strip()


def test_counters_of_the_table_exist():
    source = (ROOT / "lib/drivers/qca7000.py").read_text()
    table = DRIVERS[DRIVERS.index("| fault |") : DRIVERS.index("A reset costs")]
    named = set(re.findall(r"`(\w+_\w+)`", table)) - {"poll_ms"}
    assert len(named) > 10
    for name in named:
        assert f'"{name.removeprefix("reset_")}"' in source or f'"{name}"' in source, name


def test_settings():
    for name, default in re.findall(r"\| `(slac_\w+)` \| (\d+) \|", SLAC):
        assert getattr(Params(), name) == int(default)
