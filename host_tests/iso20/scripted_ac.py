# SPDX-License-Identifier: MIT
"""The station of dicts for AC: contactor behind the pilot, a target power, no EXI."""

from evcc.iso20.units import rational

from host_tests.iso20 import scripted


class Station(scripted.Station):
    """An obliging AC and AC_BPT station. `target`: W in the loop, None: names none.
    `phases`: 3 = L2 and L3 are named too. `pilot_at_start`: state when PowerDelivery(Start) came.
    """

    target = 7000
    phases = 1
    pilot_at_start = None

    def __init__(self, board):
        super().__init__(board)
        self.contactor = False
        board.mains = lambda: 230.0 if self.contactor and self.board.c else None

    def _of_phases(self, name, watts):
        names = (name, name + "_L2", name + "_L3")[: self.phases]
        return {n: rational(watts / self.phases) for n in names}

    def ServiceDiscovery(self, body):
        services = [{"ServiceID": i, "FreeService": True} for i in (1, 5)]
        return {"EnergyTransferServiceList": {"Service": services}}

    def AC_ChargeParameterDiscovery(self, body):
        bpt = "BPT_AC_CPDReqEnergyTransferMode" in body
        mode = {"EVSENominalFrequency": rational(50)}
        mode.update(self._of_phases("EVSEMaximumChargePower", 9000))
        mode.update(self._of_phases("EVSEMinimumChargePower", 0))
        if bpt:
            mode.update(self._of_phases("EVSEMaximumDischargePower", 5000))
            mode.update(self._of_phases("EVSEMinimumDischargePower", 0))
        return {("BPT_" if bpt else "") + "AC_CPDResEnergyTransferMode": mode}

    def PowerDelivery(self, body):
        if body["ChargeProgress"] == "Start":
            self.pilot_at_start = self.board.c
            self.contactor = True
        else:
            self.contactor = False
        return {}

    def AC_ChargeLoop(self, body):
        assert self.board.c and self.board.is_locked and not self.board.closed
        name = next(key for key in body if key.endswith("CLReqControlMode"))
        response = {}
        if self.target is not None:
            response.update(self._of_phases("EVSETargetActivePower", self.target))
        response = {name.replace("Req", "Res"): response}
        if self.loops_until_terminate is not None:
            self.loops_until_terminate -= 1
            if self.loops_until_terminate <= 0:
                response["EVSEStatus"] = {
                    "NotificationMaxDelay": 0,
                    "EVSENotification": "Terminate",
                }
        return response


class Run(scripted.Run):
    """A session at an AC station, of a car with an on-board charger for both directions."""

    def __init__(self, **settings):
        settings.setdefault("services", "AC_BPT,AC")
        settings.setdefault("ev_ac_discharge_power_W", 7000.0)
        super().__init__(**settings)
        self.station = Station(self.board)
        self.session.protocol = "iso20_ac"
        self.charger = self.vehicle.charger()
