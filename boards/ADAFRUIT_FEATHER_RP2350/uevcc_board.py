# SPDX-License-Identifier: MIT
"""Adafruit Feather RP2350 with CircuitPython: names of its module `board`.

ISO_OK and the SD card are on the HSTX connector. No CAN: all other pins are used.
"""

NAME = "ADAFRUIT_FEATHER_RP2350"

PINS = {
    "CP_LEVEL": "A0",
    "CP_DUTY": "D5",
    "CP_STATE_C": "D11",
    "PP": "MUX:3",
    "CONT_ENABLE": "D24",
    "CONT1": "D12",
    "CONT_FB1": "SDA",
    "LOCK_A": "D25",
    "LOCK_B": "TX",
    "LOCK_FB": "SCL",
    "INLET_V": "A1",
    "INLET_I": "MUX:0",
    "TEMP1": "MUX:1",
    "TEMP2": "MUX:2",
    "AMUX": "A2",
    "AMUX_A": "RX",
    "AMUX_B": "A3",
    "ISO_OK": "D0N",
    "QCA_CS": "D10",
    "QCA_SCK": "SCK",
    "QCA_MOSI": "MOSI",
    "QCA_MISO": "MISO",
    "QCA_INT": "D9",
    "QCA_RST": "D6",
    "SD_CS": "D2N",
    "SD_SCK": "CKP",
    "SD_MOSI": "CKN",
    "SD_MISO": "D2P",
    "LED": "LED",
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
    ("AMUX_A", 0),
    ("AMUX_B", 0),
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
    import microcontroller
    from analogio import AnalogIn
    from drivers.assemble_circuitpython import AnalogInput, assemble
    from drivers.pilot_duty import PulseInDuty
    from pulseio import PulseIn
    from watchdog import WatchDogMode

    def adc(pin):
        return AnalogInput(AnalogIn(getattr(board, pin)))

    def wdt(timeout_ms):
        dog = microcontroller.watchdog
        dog.timeout = timeout_ms / 1000
        dog.mode = WatchDogMode.RESET
        return dog

    def card_spi():
        return busio.SPI(board.CKP, MOSI=board.CKN, MISO=board.D2P)

    safe()
    bitten = microcontroller.cpu.reset_reason == microcontroller.ResetReason.WATCHDOG
    spi = busio.SPI(board.SCK, MOSI=board.MOSI, MISO=board.MISO)
    pulses = PulseIn(getattr(board, PINS["CP_DUTY"]), maxlen=128, idle_state=False)
    return assemble(
        settings,
        board,
        PINS,
        _outputs,
        spi,
        adc,
        PulseInDuty(pulses),
        reset_cause="watchdog" if bitten else None,
        wdt=wdt,
        wdt_stop=microcontroller.watchdog.deinit,
        card_spi=card_spi,
    )
