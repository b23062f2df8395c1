# SPDX-License-Identifier: MIT
"""Code of a session that comes and goes: its names are known from the start."""

import ast
import inspect
import sys

import pytest
from evcc.iso20 import ac, dc, session

from host_tests.iso20 import scripted, scripted_ac


@pytest.mark.parametrize("module", [dc, ac], ids=["dc", "ac"])
def test_all_that_a_story_loads_late_is_named(module):
    loaded = {
        alias.name
        for node in ast.walk(ast.parse(inspect.getsource(module.charge)))
        if isinstance(node, ast.ImportFrom) and node.module == "evcc.iso20"
        for alias in node.names
    }
    assert loaded == set(module.LATER.split())


@pytest.mark.parametrize("run", [scripted.Run, scripted_ac.Run], ids=["dc", "ac"])
def test_it_is_seen_and_dropped_before_the_first_request(run, monkeypatch):
    dropped = []
    monkeypatch.setattr(session, "forget", lambda *names: dropped.extend(names))
    module = dc if run is scripted.Run else ac
    assert next(run().session.story())[0] == "SessionSetup"
    assert dropped == ["evcc.iso20." + name for name in module.LATER.split()]
    assert set(dropped) <= set(sys.modules)
