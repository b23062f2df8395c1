# SPDX-License-Identifier: MIT
"""Energy management of the car: what the controller gets instead of the bare vehicle.

A thin door: with mode "off" every call goes straight to the vehicle, and only the power bands of
the market profile are held; in any other mode to a `manager.Manager`, loaded then. So a session
that manages nothing pays for nothing.
"""

from evcc.compat import forget


class Ems:
    """`vehicle`: see evcc.vehicle. `params`: the settings. `unix`: Unix time in s at `now` = 0,
    or None: then hours of the day are not known. `store`: None or where the day's cycles are kept.

    Has the vehicle's methods, and for person and house: `set_mode`, and when managed `want`,
    `house`, `grid`, `status` (see `manager.Manager`). Any of them works at any time, in a session
    too; a profile in Scheduled mode changes with the next schedule.
    """

    def __init__(self, vehicle, params, unix=None, store=None):
        self.vehicle = self._part = vehicle
        self.params = params
        self.unix = unix
        self.store = store
        self._charger = None
        self._up, self._down = None, 0.0
        if params.market_profile:
            from evcc import market

            self._up, self._down = market.bands(params, False)
            market = None
            forget("evcc.market")
        if params.ems_mode != "off":
            self.set_mode(params.ems_mode)

    def __getattr__(self, name):
        return getattr(self._part, name)

    @property
    def forms_grid(self):
        """Driver, market profile and inverter agree to be an island's source (mode v2l)."""
        return self._part is not self.vehicle and self._part.forms_grid

    def limits(self):
        """`Limits` of vehicle and mode, within the market profile."""
        lim = self._part.limits()
        lim.discharge_power = min(lim.discharge_power, self._down)
        if not self._down:
            lim.discharge_current = 0.0
        if self._up is not None:
            lim.charge_power = min(lim.charge_power, self._up)
        return lim

    def caps(self):
        """(W in, W out) of the mode."""
        return (1e9, 1e9) if self._part is self.vehicle else self._part.caps()

    def charger(self):
        """The on-board charger, held to mode and market profile likewise."""
        if self._charger is None:
            from evcc.ems import charger

            self._charger = charger.of(self)
        return self._charger

    def set_mode(self, mode):
        """One of the choices of `ems_mode`. Raises SettingsError (a ValueError) for another."""
        from evcc.ems import modes

        self._part = modes.part(self, mode)
        modes = None
        forget("evcc.ems.modes", "evcc.params", "evcc.params_ems", "evcc.params_board")
