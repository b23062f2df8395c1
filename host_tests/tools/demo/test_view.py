# SPDX-License-Identifier: MIT
"""The live view: fits a small terminal, follows the phases, degrades to lines, can be silent."""

import io
from types import SimpleNamespace

from rich.console import Console

from tools.demo.record import Recorder
from tools.demo.view import PHASES, View, phase_of
from tools.emulator.board import Board, Pilot
from tools.emulator.plant import Plant
from tools.emulator.world import World


def rig():
    world = World(1)
    pilot = Pilot(world)
    plant = Plant(world, pilot, pack_speed=60)
    board = Board(world, plant, pilot)
    record = Recorder({})
    return SimpleNamespace(world=world, pilot=pilot, plant=plant, board=board, record=record)


def in_loop(r):
    r.record.state = "DC_ChargeLoop"
    r.record.loops = [(0, 371.25, -27.5)] * 400
    r.record.meter.charged_Wh = 12345.6
    return r


def test_panel_fits_80_columns_and_shows_everything():
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    view = View(in_loop(rig()), console)
    console.print(view._panel(95_300))
    text = out.getvalue()
    lines = text.splitlines()
    assert len(lines) <= 12 and all(len(line) <= 80 for line in lines)
    for words in ("DC_ChargeLoop", "371.2 V", "-27.5 A", "-10.21 kW", "giving back", "95.3 s"):
        assert words in text
    for words in ("12345.6 Wh", "SoC  50.0 %", "x60", "open", "free", "400 loops", "pilot A"):
        assert words in text


def test_lines_without_a_terminal():
    out = io.StringIO()
    r = rig()
    with View(r, Console(file=out, width=80)):
        r.world.run(1000)
        in_loop(r)
        r.world.run(25_000)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4, "plug, power, and power again each 10 s"
    assert "plug" in lines[0] and "-10.21 kW" in lines[1]


def test_no_live_says_nothing():
    out = io.StringIO()
    r = rig()
    with View(r, Console(file=out), live=False):
        r.world.run(10_000)
    assert out.getvalue() == ""


def test_every_request_has_its_phase():
    assert phase_of("DC_PreCharge") == "precharge"
    assert phase_of("SomethingNew") == "set-up"
    states = [state for _, states in PHASES for state in states]
    assert len(states) == len(set(states))
