# SPDX-License-Identifier: MIT
"""Raspberry Pi with Blinka, in CPython: GPIO names of Blinka's module `board`.

A Pi has no converter: an MCP3208 shares the modem's SPI. Its outputs are GPIO 9 to 27, which are
pulled down while nothing drives them; 0 to 8 are pulled up.
"""

NAME = "RASPBERRY_PI_BLINKA"

PINS = {
    "CP_LEVEL": "ADC:0",
    "CP_DUTY": "ADC:1",
    "CP_STATE_C": "D17",
    "PP": "ADC:6",
    "CONT_ENABLE": "D22",
    "CONT1": "D27",
    "CONT_FB1": "D23",
    "CONT_FB2": "D12",
    "LOCK_A": "D13",
    "LOCK_B": "D26",
    "LOCK_FB": "D16",
    "INLET_V": "ADC:2",
    "INLET_I": "ADC:3",
    "TEMP1": "ADC:4",
    "TEMP2": "ADC:5",
    "ADC_CS": "D6",
    "ISO_OK": "D20",
    "QCA_CS": "D5",
    "QCA_SCK": "D11",
    "QCA_MOSI": "D10",
    "QCA_MISO": "D9",
    "QCA_INT": "D24",
    "QCA_RST": "D25",
    "LED": "D21",
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
    ("ADC_CS", 1),
    ("LED", 0),
)

_outputs = {}


def safe():
    """Outputs to their levels at rest: the first thing at boot. What is taken stays taken."""
    import board
    from digitalio import DigitalInOut

    for name, level in SAFE:
        if name not in _outputs:
            _outputs[name] = DigitalInOut(getattr(board, PINS[name]))
        _outputs[name].switch_to_output(bool(level))


def build(settings):
    """The parts of this board, see boards/README.md."""
    import board
    import busio
    from drivers.analog import Mcp3208
    from drivers.assemble_circuitpython import assemble
    from drivers.pilot_duty import AverageDuty
    from drivers.spi_circuitpython import BusioSpi

    safe()
    spi = busio.SPI(
        getattr(board, PINS["QCA_SCK"]),
        MOSI=getattr(board, PINS["QCA_MOSI"]),
        MISO=getattr(board, PINS["QCA_MISO"]),
    )
    converter = Mcp3208(BusioSpi(spi, _outputs["ADC_CS"], 1_000_000, 0, 0))

    def adc(entry):
        return converter.channel(int(entry[4:]))

    def can():
        from can import Bus
        from drivers.can_python import PythonCan

        return PythonCan(Bus("can0", interface="socketcan"))

    duty = AverageDuty(adc(PINS["CP_DUTY"]))
    return assemble(settings, board, PINS, _outputs, spi, adc, duty, can=can)
