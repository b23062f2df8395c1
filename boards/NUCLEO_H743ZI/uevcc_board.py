# SPDX-License-Identifier: MIT
"""ST NUCLEO-H743ZI (STM32H743): names of the CPU's pins; the page has the connector's."""

NAME = "NUCLEO_H743ZI"
ROOT = "/flash/"  # where MicroPython's stm32 port has its flash: "/" has no files there

PINS = {
    "CP_LEVEL": "PA3",
    "CP_DUTY": "PE11",
    "CP_STATE_C": "PE13",
    "PP": "PA4",
    "CONT_ENABLE": "PG12",
    "CONT1": "PE14",
    "CONT2": "PE9",
    "CONT_FB1": "PG14",
    "CONT_FB2": "PE15",
    "LOCK_A": "PE10",
    "LOCK_B": "PE12",
    "LOCK_FB": "PE7",
    "INLET_V": "PC0",
    "INLET_I": "PB1",
    "TEMP1": "PA6",
    "TEMP2": "PA0",
    "ISO_OK": "PE8",
    "QCA_CS": "PD14",
    "QCA_SCK": "PB3",
    "QCA_MOSI": "PB5",
    "QCA_MISO": "PB4",
    "QCA_INT": "PD15",
    "QCA_RST": "PF3",
    "CAN_TX": "PD1",
    "CAN_RX": "PD0",
    "SD_CS": "PC11",
    "SD_SCK": "PC12",
    "SD_MOSI": "PD2",
    "SD_MISO": "PC8",
    "LED": "PB0",
}

# outputs and their levels at rest, the dangerous ones first
SAFE = (
    ("CP_STATE_C", 0),
    ("CONT_ENABLE", 0),
    ("CONT1", 0),
    ("CONT2", 0),
    ("LOCK_A", 0),
    ("LOCK_B", 0),
    ("QCA_CS", 1),
    ("QCA_RST", 1),
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

    def card_spi():
        from machine import SoftSPI

        lines = {x: Pin(PINS["SD_" + x.upper()]) for x in ("sck", "mosi", "miso")}
        return SoftSPI(baudrate=400_000, polarity=0, phase=0, **lines)

    return assemble(
        settings,
        PINS,
        SPI(3, baudrate=8_000_000, polarity=1, phase=1),  # its pins are fixed: PB3, PB5, PB4
        adc=lambda pin: ADC(Pin(pin)),
        reset=machine.WDT_RESET,
        card_spi=card_spi,
        card_Hz=10_000_000,  # as fast as it can, 8 MHz: from there on the port waits for nothing
    )
