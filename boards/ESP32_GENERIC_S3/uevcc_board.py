# SPDX-License-Identifier: MIT
"""ESP32-S3 on a DevKitC-1 or alike. Numbers are GPIO numbers; all converter inputs are ADC1."""

NAME = "ESP32_GENERIC_S3"

PINS = {
    "CP_LEVEL": 1,
    "CP_DUTY": 14,
    "CP_STATE_C": 15,
    "PP": 7,
    "CONT_ENABLE": 18,
    "CONT1": 16,
    "CONT_FB1": 17,
    "LOCK_A": 21,
    "LOCK_B": 39,
    "LOCK_FB": 40,
    "INLET_V": 2,
    "INLET_I": 4,
    "TEMP1": 5,
    "TEMP2": 6,
    "ISO_OK": 41,
    "QCA_CS": 10,
    "QCA_SCK": 12,
    "QCA_MOSI": 11,
    "QCA_MISO": 13,
    "QCA_INT": 8,
    "QCA_RST": 9,
    "CAN_CS": 42,
    "CAN_SCK": 47,
    "CAN_MOSI": 38,
    "CAN_MISO": 48,
    "SD_CS": 35,
    "LED": 3,
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
    ("LED", 0),
)


def safe():
    """Outputs to their levels at rest: the first thing at boot."""
    from machine import Pin

    for name, level in SAFE:
        Pin(PINS[name], Pin.OUT, value=level)


def build(settings):
    """The parts of this board, see boards/README.md."""
    import machine
    from drivers.assemble_machine import assemble
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

    return assemble(
        settings,
        PINS,
        spi(1, "QCA", 1),
        can_spi=lambda: spi(2, "CAN", 0),
        adc=lambda pin: ADC(Pin(pin), atten=ADC.ATTN_11DB),
        timer_id=0,
        reset=machine.WDT_RESET,
    )
