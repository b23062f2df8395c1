# SPDX-License-Identifier: MIT
"""The parameter table of real boards: what is wired, and its scales. Rows as in params.TABLE.

A table of its own, so that what drives no pins of its own (a PC, a test's VM) does not carry it:
`params` looks here for a key that it does not know, and a board's assembly takes the defaults.
"""

TABLE = (
    ("cp_zero_mV", -15000, -20000, 0, "mV"),  # pilot where its converter reads 0
    ("cp_full_mV", 15000, 10000, 20000, "mV"),  # pilot where its converter reads all ones
    ("proximity", "type2", ("none", "type1", "type2")),  # coding of the plug
    ("proximity_ohm", 1000, 100, 10000, "ohm"),  # pull-up of the proximity contact
    ("contactors", 2, 1, 2),  # contactors with a mirror contact that is wired
    ("contactor_feedback", "high", ("none", "high", "low")),  # mirror contact's level when closed
    ("lock_ms", 600, 0, 5000, "ms"),  # longest run of the lock's motor; 0: no lock
    ("lock_feedback", "low", ("none", "high", "low")),  # lock switch's level when locked
    ("inlet_zero_V", 100, 0, 900, "‰"),  # inlet voltage: converter's reading at 0 V
    ("inlet_full_V", 1000, 0, 2000, "V"),  # inlet voltage at full reading; 0: no sensor
    ("inlet_zero_A", 500, 0, 900, "‰"),  # inlet current: converter's reading at 0 A
    ("inlet_full_A", 0, 0, 6000, "A"),  # inlet current at full reading; 0: no sensor
    ("inlet_sensor", "PT1000", ("none", "PT1000", "NTC10k")),  # at the contacts
    ("inlet_sensors", 2, 1, 2),  # how many of them
    ("inlet_sensor_ohm", 2200, 100, 100000, "ohm"),  # pull-up of a temperature sensor
    ("inlet_ntc_beta", 3977, 2000, 6000, "K"),  # beta of an NTC, 25 to 85 °C
    ("isolation_line", "none", ("none", "high", "low")),  # level of good isolation
    ("can_chip", "none", ("none", "mcp2515", "mcp251xfd", "own")),  # CAN; own: the board's
    ("can_clock_Hz", 16000000, 4000000, 40000000, "Hz"),  # crystal of a CAN chip on SPI
    ("sd_card", "none", ("none", "spi")),  # card that the log goes to, at SD_CS
    ("sleep_after_s", 0, 0, 86400, "s"),  # modem sleeps when unplugged for so long; 0: never
    ("watchdog_ms", 1000, 0, 8000, "ms"),  # the chip's watchdog, armed by a plug; 0: never
)


def defaults(settings):
    """Set what is not set yet to its default."""
    for row in TABLE:
        if not hasattr(settings, row[0]):
            setattr(settings, row[0], row[1])
