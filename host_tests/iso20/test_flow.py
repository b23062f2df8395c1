# SPDX-License-Identifier: MIT
"""The session's table: how its lines are read."""

import pytest
from evcc import v2gtp
from evcc.iso20 import ac, flow, metering, parking
from evcc.params import Params

from tools.chart.tables import rows


def test_a_line_has_both_profiles():
    after = "DC_PreCharge PowerDelivery"
    assert flow.row("DC_PreCharge") == (
        "DC_PreCharge", v2gtp.DC, 2000, "precharge_s", 2000, 30, after,
    )  # fmt: skip
    assert flow.row("DC_ChargeLoop")[2:6] == (500, None, 2000, None)
    assert flow.row("DC_WeldingDetection")[2:6] == (2000, 60, 2000, 60)
    assert flow.follows("DC_PreCharge") == after


def test_rows_of_an_energy_service_go_first():
    assert flow.row("PowerDelivery", ac.FLOW)[6].split()[1] == "AC_ChargeLoop"
    assert flow.row("SessionStop", ac.FLOW) == flow.row("SessionStop")
    assert flow.row("MeteringConfirmation", metering.FLOW + ac.FLOW)[1] == v2gtp.MAIN


@pytest.mark.parametrize(
    "name", ["AC_ChargeLoop", "ChargeLoop", "DC_", "common", "", "SessionSto"]
)
def test_what_is_no_request_has_no_row(name):
    with pytest.raises(KeyError):
        flow.row(name)


def test_every_line_is_found_by_its_name_and_names_settings_there_are():
    settings = vars(Params())
    for table in (flow.FLOW, ac.FLOW, metering.FLOW, parking.FLOW):
        assert rows(table)
        for row in rows(table):
            assert flow.row(row[0], table) == row
            for ms, phase in (row[2:4], row[4:6]):
                assert ms >= 500 and (phase is None or settings.get(phase, phase) >= 10)
