# SPDX-License-Identifier: MIT
"""Texts that no device shows: gone from its code, and nothing else is."""

import pytest

from tools import vm
from tools.vm import strip


@pytest.mark.parametrize("path", strip.TABLES)
def test_only_the_texts_go(path):
    source = (vm.LIB / path).read_text()
    before, after = {"__name__": "a"}, {"__name__": "a"}
    exec(compile(source, path, "exec"), before)
    exec(compile(strip.without_texts(source), path, "exec"), after)
    assert len(before["TABLE"]) > 10
    assert [row[:-1] for row in before["TABLE"]] == [row[:-1] for row in after["TABLE"]]
    assert all(row[-1] for row in before["TABLE"]) and not any(row[-1] for row in after["TABLE"])
    assert {type(value) for value in before.values()} == {type(value) for value in after.values()}


def test_all_tables_are_known():
    found = [
        path.relative_to(vm.LIB).as_posix()
        for path in (vm.LIB / "evcc").glob("params*.py")
        if "\nTABLE = (" in path.read_text()
    ]
    assert sorted(found) == sorted(strip.TABLES)


def test_another_kind_of_table():
    with pytest.raises(ValueError, match="line 1: the last element of a row is no text"):
        strip.without_texts("TABLE = ((1, 2),)\n")
    with pytest.raises(ValueError, match="no TABLE"):
        strip.without_texts("OTHER = ()\n")


def test_compiled_code_is_without(tmp_path):
    made = vm.build_mpy(["evcc/params.py"], tmp_path)
    assert b"whose battery" not in made["evcc.params"] and b"can_map" in made["evcc.params"]
    assert [path.name for path in (tmp_path / "evcc").iterdir()] == ["params.mpy"]
