# SPDX-License-Identifier: MIT
"""Is the modem wired, running, awake and a car's one? In words, for a person at a REPL.

Follows the bring-up order for a new board: signature, empty buffer, a message to the local modem
and its answer, the PIB's role bytes, the link. Takes up to about `seconds`; not for a session.

    >>> from drivers.qca7000_selftest import selftest
    >>> selftest(modem, time.ticks_ms, mac)
    ('good', 'MAC-QCA7005-1.1.0.730-04: firmware runs, PIB is a car\\'s, no power-line link')
"""

from evcc import homeplug
from evcc.homeplug import local

_SIGNATURES = {
    None: "the modem was never looked at: call with its port",
    0: "SPI reads zeros: modem without power, in reset or still booting, or MISO stuck low",
    0xFFFF: "SPI reads ones: chip select, clock or MISO not connected",
}


def selftest(port, clock, mac, seconds=6):
    """(verdict, text) for one Qca7000 port. clock() -> ms, called often; mac: our host MAC.

    Verdicts: "good", "wiring" (bus, registers or bursts), "no firmware", "asleep" (registers
    answer, messages do not), "wrong role" (PIB of a station, or coordinator).
    """
    ends = clock() + seconds * 1000
    while not port.ready and (now := clock()) < ends:
        port.poll(now)
    if not port.ready:
        return _not_ready(port)
    ask = _Asker(port, clock, mac)
    faults = _faults(port)
    answer = ask(local.get_sw_req, 0xA001)
    if answer is None:
        if _faults(port) != faults:
            return "wiring", (
                "registers read well but bursts fail: the modem may be strapped for legacy SPI, "
                "or the clock is too fast"
            )
        return "asleep", (
            "registers answer, messages do not: normal for a QCA7005 that has heard no station "
            "for half a minute; plug in, or restart it"
        )
    version = local.get_sw(answer)
    if version is None or not version[1].startswith("MAC-"):
        text = version[1] if version else "status %d" % answer[20]
        return "no firmware", "only the boot loader answers (%s): flash is empty" % text
    text = version[1] + ": firmware runs"
    roles = []
    for offset in (local.PIB_CCO, local.PIB_SLAC):
        answer = ask(local.module_read_req, 0xA0B1, offset, 1)
        read = local.module_read(answer) if answer is not None else None
        roles.append(read[1][0] if read and read[0] == offset and read[1] else None)
    if roles != [1, 1] and roles != [None, None]:
        return "wrong role", text + (
            ", but its PIB is not a car's: byte 0xF4 is %s, 0x1653 is %s, both should be 1"
            % tuple(roles)
        )
    text += ", PIB is a car's" if roles[0] else ", PIB cannot be read"
    answer = ask(homeplug.nw_info_req, 0xA039)
    if answer is not None and homeplug.joined(answer, b"") == 2:
        return "wrong role", text + ", but it made a network of its own, as a station's does"
    answer = ask(homeplug.pl_lnk_status_req, 0xA0B9)
    text += ", power-line link up" if answer and answer[21] == 1 else ", no power-line link"
    if ask.line is False:
        text += "; its interrupt line never rose (works all the same, by polling)"
    return "good", text


def _not_ready(port):
    signature = port.signature
    if signature == 0xAA55:
        if port.counters.get("write_lost"):
            return "wiring", "registers can be read but not written: MOSI, or the clock too fast"
        return "no firmware", (
            "the chip answers but its firmware does not start (write buffer %d, should be 3163): "
            "empty flash, or strapped for legacy SPI" % port.read_space()
        )
    return "wiring", _SIGNATURES.get(signature) or (
        "signature reads %04x, should be aa55: SPI mode (3), clock too fast, ringing lines "
        "(10 to 20 ohm in series)" % signature
    )


def _faults(port):
    return sum([n for name, n in port.counters.items() if name[:6] in ("reset_", "framin")])


class _Asker:
    """One request to the own modem and its answer (bytes), or None after three tries of 300 ms."""

    def __init__(self, port, clock, mac):
        self.port, self.clock, self.mac = port, clock, mac
        self.buf = bytearray(60)
        self.line = False if port.irq is not None else None

    def __call__(self, pack, kind, *args):
        port = self.port
        for _ in range(3):
            pack(self.buf, self.mac, *args)
            port.send(self.buf)
            ends = self.clock() + 300
            while (now := self.clock()) < ends:
                if self.line is False and port.irq():
                    self.line = True
                port.poll(now)
                while (frame := port.receive()) is not None:
                    if homeplug.mmtype(frame) == kind and frame[0:6] == self.mac:
                        return bytes(frame)
        return None
