# SPDX-License-Identifier: MIT
"""Names of compiled modules, as the VM itself tells them."""

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
