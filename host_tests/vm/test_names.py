# SPDX-License-Identifier: MIT
"""Names of compiled modules, as the VM itself tells them."""

import re

import pytest

from tools import vm
from tools.vm import names

pytestmark = pytest.mark.vm


def test_names_of_a_module(tmp_path, machine, capsys):
    machine("i386")
    made = vm.build_mpy(["evcc"], tmp_path)
    data = made["evcc.iso20.units"]
    found = names.of_mpy(data)
    assert {"rational", "optional", "Exponent"} <= set(found)
    assert "len" not in found and len(found) == len(set(found))
    # the VM knows each of them after the import, and did not before
    code = "import micropython as m; m.qstr_info(); import evcc.iso20.units; m.qstr_info()"
    done = vm.micropython(code, heap="1m", path=[tmp_path])
    counts = [int(part.split(",")[0]) for part in done.stdout.split("n_qstr=")[1:]]
    assert 0 < counts[1] - counts[0] >= len(found)
    total = names.names(["evcc.iso20.units", "evcc.reasons"])
    assert f"{total:5} in all" in capsys.readouterr().out


def test_where_the_table_of_names_grows(machine):
    machine("i386")
    code = """
import micropython
class Thing: pass
for i in range(%d):
    setattr(Thing, "name%%d" %% i, 1)
    micropython.qstr_info()
"""
    done = vm.micropython(code % (names.TABLE + 20), heap="1m")
    found = [
        (int(pools), int(count))
        for pools, count in re.findall(r"n_pool=(\d+), n_qstr=(\d+)", done.stdout)
    ]
    last = max(count for pools, count in found if pools < found[-1][0])
    assert last == names.TABLE
