# SPDX-License-Identifier: MIT
"""The part of a board's assembly that is the same on every Python: drivers from a pin table.

`out(name, level)`, `into(name)` give pins to call, `adc(pin)` a converter input. An entry of the
table "MUX:2" is input 2 of the multiplexer at AMUX, selected by AMUX_A, AMUX_B; "ADC:2" is input
2 of a converter on a bus, which `adc` then has to know.
"""

from drivers.board import Board
from drivers.contactors import Contactors
from drivers.pilot import Pilot
from drivers.watchdog import Watchdog
from evcc.compat import forget


def board_of(settings, pins, out, into, adc, duty, ticks, time, wdt, port):
    """Safety's board. `duty`: measures the pilot's duty; `wdt`: (make, stop, mark) of Watchdog.

    `port`: the modem, which may sleep.
    """
    from evcc import params_board

    params_board.defaults(settings)
    params_board = None
    forget("evcc.params_board")
    if "AMUX" in pins:
        from drivers.analog import Mux

        mux = Mux(adc(pins["AMUX"]), (out("AMUX_A"), out("AMUX_B")))

    def analog(name):
        pin = pins[name]
        if isinstance(pin, str) and pin[:4] == "MUX:":
            return mux.channel(int(pin[4:]))
        return adc(pin)

    s = settings
    more = {}
    if s.proximity != "none":
        from drivers.proximity import Proximity

        more["proximity"] = Proximity(analog("PP"), s.proximity, s.proximity_ohm)
    pilot = Pilot(
        analog("CP_LEVEL"), duty, out("CP_STATE_C"), s.cp_zero_mV, s.cp_full_mV,
        more.get("proximity"),
    )  # fmt: skip
    feedback = ()
    if s.contactor_feedback != "none":
        feedback = tuple([into(x) for x in ("CONT_FB1", "CONT_FB2")[: s.contactors] if x in pins])
    contactors = Contactors(
        tuple([out(x) for x in ("CONT1", "CONT2") if x in pins]),
        feedback,
        1 if s.contactor_feedback == "high" else 0,
    )
    watchdog = Watchdog(out("CONT_ENABLE"), wdt[0], s.watchdog_ms, wdt[1], wdt[2])
    if s.lock_ms:
        from drivers.lock import Lock

        switch = None if s.lock_feedback == "none" else into("LOCK_FB")
        level = 1 if s.lock_feedback == "high" else 0
        more["lock"] = Lock(out("LOCK_A"), out("LOCK_B"), switch, level, s.lock_ms)
    if s.inlet_full_V or s.inlet_full_A:
        from drivers.inlet import Current, Voltage

        if s.inlet_full_V:
            more["volts"] = Voltage(analog("INLET_V"), s.inlet_zero_V, s.inlet_full_V)
        if s.inlet_full_A:
            more["amps"] = Current(analog("INLET_I"), s.inlet_zero_A, s.inlet_full_A)
    if s.inlet_sensor != "none":
        from drivers.temperature import Thermometer, ntc, pt1000

        def curve(celsius):
            return ntc(celsius, s.inlet_ntc_beta)

        if s.inlet_sensor == "PT1000":
            curve = pt1000
        names = ("TEMP1", "TEMP2")[: s.inlet_sensors]
        more["temperatures"] = tuple(
            [Thermometer(analog(x), curve, s.inlet_sensor_ohm) for x in names]
        )
    if s.isolation_line != "none":
        from drivers.isolation import IsolationLine

        more["isolation"] = IsolationLine(into("ISO_OK"), 1 if s.isolation_line == "high" else 0)
    board = Board(ticks, time, pilot, contactors, watchdog, **more)
    if s.sleep_after_s:
        from drivers.rest import Rest

        board.rest = Rest(port, pilot, s.sleep_after_s * 1000)
    return board


def can_of(settings, spi, own):
    """The CAN bus that is set, or None. `spi()`: the bus of a chip; `own()`: the board's own CAN.

    Either is None where the board has no such thing.
    """
    chip = settings.can_chip
    if chip == "own" and own is not None:
        return own()
    if chip == "mcp2515" and spi is not None:
        from drivers.can_mcp2515 import Mcp2515

        return Mcp2515(spi(), settings.can_bitrate, settings.can_clock_Hz)
    if chip == "mcp251xfd" and spi is not None:
        from drivers.can_mcp251xfd import Mcp251xFd

        return Mcp251xFd(spi(), settings.can_bitrate, settings.can_clock_Hz)
    return None
