# SPDX-License-Identifier: MIT
"""Energies from samples, figures from rows, files from frames."""

import json

import pytest

from tools.demo.record import Meter, Recorder, number, plain


def test_meter_integrates_trapezoids_by_direction():
    m = Meter()
    m.sample(0, 0.0)
    m.sample(1_800_000, 2000.0)  # half an hour from 0 to 2 kW: 500 Wh
    m.sample(3_600_000, 2000.0)  # half an hour at 2 kW: 1000 Wh
    assert m.charged_Wh == pytest.approx(1500) and m.discharged_Wh == 0
    m.sample(7_200_000, -2000.0)  # through zero: half the hour each way
    assert m.charged_Wh == pytest.approx(2000) and m.discharged_Wh == pytest.approx(500)
    m.sample(7_200_000 + 3_600_000, -1000.0)
    assert m.discharged_Wh == pytest.approx(2000)


def test_number():
    assert number({"Exponent": -1, "Value": 4002}) == pytest.approx(400.2)
    assert number({"Exponent": 2, "Value": -5}) == -500
    assert number(None) is None


def test_plain_is_json():
    message = {"Header": {"SessionID": b"\x01\xff"}, "GenChallenge": b"\x02"}
    row = {"name": "X", "schema": "iso20_common", "message": message}
    assert json.loads(json.dumps(plain(row))) == {
        "name": "X",
        "schema": "iso20_common",
        "message": {"Header": {"SessionID": "01FF"}, "GenChallenge": "Ag=="},
    }
    assert plain({"name": "SYN"}) == {"name": "SYN"}


def loop(now, volts, amps):
    return {
        "t": now,
        "layer": "V2G",
        "name": "DC_ChargeLoopRes",
        "message": {
            "EVSEPresentVoltage": {"Exponent": -1, "Value": round(volts * 10)},
            "EVSEPresentCurrent": {"Exponent": -1, "Value": round(amps * 10)},
        },
    }


def test_recorder_keeps_loops_energy_and_state():
    r = Recorder({})
    r._note({"t": 0, "layer": "SLAC", "name": "CM_SLAC_PARM.REQ"})
    assert r.state == "SLAC"
    request = {"DisplayParameters": {"PresentSOC": 41}, "EVPresentVoltage": {}}
    for i in range(11):
        r._note({"t": i * 200, "layer": "V2G", "name": "DC_ChargeLoopReq", "message": request})
        r._note(loop(i * 200 + 10, 400, 25))
    assert r.state == "DC_ChargeLoop"
    assert r.meter.charged_Wh == pytest.approx(400 * 25 * 2 / 3600)
    assert len(r.loops) == 11 and r.soc[0] == (0, 41)
    assert r.counts["DC_ChargeLoopRes"] == 11
