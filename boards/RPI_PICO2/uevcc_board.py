# SPDX-License-Identifier: MIT
"""Raspberry Pi Pico 2 (RP2350): the reference board. Numbers are GPIO numbers.

Converter inputs are few: all but pilot and inlet voltage come through a 4052 multiplexer.
"""

NAME = "RPI_PICO2"

PINS = {
    "CP_LEVEL": 26,
    "CP_DUTY": 22,
    "CP_STATE_C": 2,
    "PP": "MUX:3",
    "CONT_ENABLE": 4,
    "CONT1": 3,
    "CONT_FB1": 5,
    "CONT_FB2": 15,
    "LOCK_A": 6,
    "LOCK_B": 7,
    "LOCK_FB": 8,
    "INLET_V": 27,
    "INLET_I": "MUX:0",
    "TEMP1": "MUX:1",
    "TEMP2": "MUX:2",
    "AMUX": 28,
    "AMUX_A": 0,
    "AMUX_B": 1,
    "ISO_OK": 9,
    "QCA_CS": 17,
    "QCA_SCK": 18,
    "QCA_MOSI": 19,
    "QCA_MISO": 16,
    "QCA_INT": 20,
    "QCA_RST": 21,
    "CAN_CS": 13,
    "CAN_SCK": 10,
    "CAN_MOSI": 11,
    "CAN_MISO": 12,
    "SD_CS": 14,
    "LED": 25,
}

# outputs and their levels at rest, the dangerous ones first
SAFE = (
    ("CP_STATE_C", 0),
    ("CONT_ENABLE", 0),
    ("CONT1", 0),
    ("LOCK_A", 0),
    ("LOCK_B", 0),
    ("QCA_CS", 1),
    ("QCA_RST", 1),
    ("CAN_CS", 1),
    ("AMUX_A", 0),
    ("AMUX_B", 0),
    ("LED", 0),
)


def safe():
    """Outputs to their levels at rest: the first thing at boot."""
    from machine import Pin

    for name, level in SAFE:
        Pin(PINS[name], Pin.OUT, value=level)


def build(settings):
    """The parts of this board, see boards/README.md."""
    from drivers.assemble_machine import assemble
    from drivers.pilot_pio import PioDuty
    from drivers.rp2_watchdog import RP2350 as wdt
    from machine import ADC, SPI, Pin

    def spi(number, name, mode):
        return SPI(
            number,
            baudrate=8_000_000,
            polarity=mode,
            phase=mode,
            sck=Pin(PINS[name + "_SCK"]),
            mosi=Pin(PINS[name + "_MOSI"]),
            miso=Pin(PINS[name + "_MISO"]),
        )

    bitten = wdt.bitten()
    parts = assemble(
        settings,
        PINS,
        spi(0, "QCA", 1),
        can_spi=lambda: spi(1, "CAN", 0),
        adc=lambda pin: ADC(Pin(pin)),
        wdt_stop=wdt.stop,
        wdt_mark=wdt.mark,
        duty=PioDuty,
    )
    parts.reset_cause = "watchdog" if bitten else None
    return parts
