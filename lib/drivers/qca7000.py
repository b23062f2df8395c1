# SPDX-License-Identifier: MIT
"""QCA7000 / QCA7005 power-line modem on SPI, burst mode: Ethernet frames in and out, recovery.

Registers and framing as in Linux (drivers/net/ethernet/qualcomm/qca_spi.c, qca_7k.h) and in-tech's
application note 4: big-endian registers, big-endian hardware length, little-endian frame length.
It offers the frame port of this project: `poll`, `receive`, `send`, `ready`, `restarts`,
`counters`, `next_poll`. It does not know what the frames say (SLAC, keys: `evcc.homeplug`), loads
no firmware and does not do the legacy mode, in which chip select toggles after each word.

`spi.exchange(out, into=None)` is one chip-select period: shift out `out`, then clock `into` full.
`irq()` is the level of the interrupt line, `reset(active)` holds the modem in reset; both may be
missing: then the modem is polled, and reset through its own register.
"""

from evcc.compat import const, get_logger

# Commands: read (0x8000) or write, internal register (0x4000), its address; the latter as one byte
_WRBUF_SPC_AVA = const(b"\xc2\x00")
_RDBUF_BYTE_AVA = const(b"\xc3\x00")
_SPI_CONFIG = const(b"\xc4\x00")
_INTR_CAUSE = const(b"\xcc\x00")
_INTR_ENABLE = const(b"\xcd\x00")
_SIGNATURE = const(b"\xda\x00")
_READ = const(b"\x80\x00")
_IRQ_OFF = const(b"\x4d\x00\x00\x00")
_IRQ_ON = const(b"\x4d\x00\x00\x47")  # CPU_ON, WRBUF_ERR, RDBUF_ERR, PKT_AVLBL
_SET_BFR_SIZE = const(0x41)
_SET_SPI_CONFIG = const(0x44)
_SET_INTR_CAUSE = const(0x4C)

_RDBUF_ERR = const(0x0002)
_WRBUF_ERR = const(0x0004)
_CPU_ON = const(0x0040)
_WANTED = const(0x0047)  # as in _IRQ_ON
_NOT_FRAMES = const(0xF046)  # those, and bits that no cause has: nobody drives the bus

_GOOD = const(0xAA55)
_EMPTY = const(3163)  # 0x0C5B, WRBUF_SPC_AVA of a modem that has just started
_RX = const(3172)  # RDBUF_BYTE_AVA goes up to 3167

_PROBE_MS = const(10)  # between looks at a modem that is not there yet
_BOOT_MS = const(3000)  # first wait for CPU_ON after a reset; doubles up to four times that.
# A sixteenth of it is the time for a buffer that is not empty to drain (the host restarted).
_PULSE_MS = const(100)  # length of a pulse on the reset line
_ALIVE_MS = const(100)  # between two looks at the signature of a quiet modem
_JAM_MS = const(1000)  # no write space for so long: reset, as Linux does

_PROBE = const(0)  # places in STATES
_RESET = const(1)
_HELD = const(2)
_ASLEEP = const(3)
_READY = const(4)

_log = get_logger("qca7000")


class Qca7000:
    """One modem as a frame port. `state` is a word for people; `signature` what was read last.

    counters: what went wrong, by reason; `received`, `sent`. A restart of the modem raises
    `restarts`: keys it did not store and the link are gone then. `poll_ms` is the pace without
    (and the safety net behind) the interrupt line: a lost edge costs at most that much.
    """

    STATES = ("probing", "reset", "held in reset", "asleep", "ready")

    def __init__(self, spi, irq=None, reset=None, poll_ms=20):
        self._exchange = spi.exchange
        self.irq = irq
        self._pin = reset
        self._poll_ms = poll_ms
        self._cmd = bytearray(4)
        self._word = bytearray(2)
        self._rx = bytearray(_RX)
        self._rx_view = memoryview(self._rx)
        self._pos = self._end = 0  # unread bytes of the last burst
        self._unread = False  # there may be whole frames in them
        self._tx = bytearray(b"\0\0\xaa\xaa\xaa\xaa" + bytes(1528))
        self._tx_view = memoryview(self._tx)
        self._now = self._due = self._alive = 0
        self._since = self._limit = None  # of the state that waits
        self._wait = _BOOT_MS
        self._jam = None  # since when there has been no room to write
        self._bad = 0  # bursts without one good frame, in a row
        self._soft = 0  # resets by register in a row; the pin, if any, is the next step
        self._state = _PROBE
        self.ready = False
        self.restarts = 0
        self.signature = None
        self.counters = {"received": 0, "sent": 0}

    @property
    def state(self):
        return self.STATES[self._state]

    # ---- the frame port ----------------------------------------------------------------------

    def poll(self, now):
        """Take waiting frames in, notice restarts and faults, drive resets. Cheap when idle."""
        self._now = now
        if self._state != _READY:
            if now >= self._due:
                self._bring_up(now)
        elif not self._unread:
            if self.irq is not None and self.irq():
                self._service(now, True)
            elif now >= self._due:
                self._service(now, False)

    def next_poll(self, now):
        """When to call `poll` again at the latest; earlier when the interrupt line rises."""
        return self._due

    def receive(self):
        """The next frame as a memoryview without FCS, valid until the next call; None: no more.

        Damaged framing is skipped byte by byte up to the next good head, as Linux does.
        """
        if not self._unread:
            return None
        rx = self._rx
        p = self._pos
        end = self._end
        lost = False
        while end - p >= 14:
            # hardware length (0 0 hi lo), AA AA AA AA, FL (lo hi), 0 0, frame, 55 55
            if rx[p + 7] == rx[p + 6] == rx[p + 5] == rx[p + 4] == 0xAA and not rx[p] | rx[p + 1]:
                n = rx[p + 8] | rx[p + 9] << 8
                if rx[p + 2] << 8 | rx[p + 3] == n + 10 and 60 <= n <= 1522:
                    q = p + 12 + n
                    if q + 2 > end:  # the rest comes with the next burst
                        break
                    if rx[q] == rx[q + 1] == 0x55:
                        self._pos = q + 2
                        self._unread = q + 2 < end
                        self._bad = 0
                        self.counters["received"] += 1
                        return self._rx_view[p + 12 : q]
            p += 1
            if not lost:
                lost = True
                self._bad += 1
                self._count("framing")
        self._pos = p
        self._unread = False
        return None

    def send(self, frame):
        """Write one Ethernet frame (no FCS; padded to 60). False: not ready or no room."""
        n = len(frame)
        if not self.ready or not 14 <= n <= 1518:
            self._count("send_not_ready" if 14 <= n <= 1518 else "send_length")
            return False
        tx = self._tx
        m = n if n > 60 else 60
        space = self.read_space()
        if space > _EMPTY:
            self._count("glitch_wrbuf")
            return False
        if space < m + 14:
            self._count("send_no_room")
            if self._jam is None:
                self._jam = self._now
            elif self._now - self._jam >= _JAM_MS:
                self._fail("tx_jam")
            return False
        self._jam = None
        tx[6] = m & 255
        tx[7] = m >> 8
        tx[10 : 10 + n] = frame
        while n < m:
            tx[10 + n] = 0
            n += 1
        tx[m + 10] = tx[m + 11] = 0x55
        self._write(_SET_BFR_SIZE, m + 10)
        self._exchange(self._tx_view[: m + 12])
        self.counters["sent"] += 1
        return True

    def read_space(self):
        """Free bytes of the modem's write buffer; 3163 after its start. For diagnosis."""
        return self._read(_WRBUF_SPC_AVA)

    # ---- power -------------------------------------------------------------------------------

    def sleep(self):
        """Stop using the modem; with a reset line hold it there, which saves most of its power."""
        self._down(_ASLEEP)
        if self._pin is not None:
            self._pin(True)
        self._due = 1 << 60

    def wake(self, now):
        """Bring the modem up again: it boots for about a second when it was held in reset."""
        if self._state == _ASLEEP:
            if self._pin is not None:
                self._pin(False)
            self._down(_PROBE)
            self._due = now

    def restart(self, now):
        """Reset the modem on request: the network it was in is left until it joins again."""
        self._now = now
        self._fail("requested")

    # ---- inside ------------------------------------------------------------------------------

    def _count(self, name):
        self.counters[name] = self.counters.get(name, 0) + 1

    def _read(self, command):
        word = self._word
        self._exchange(command, word)
        return word[0] << 8 | word[1]

    def _write(self, command, value):
        cmd = self._cmd
        cmd[0] = command
        cmd[2] = value >> 8
        cmd[3] = value & 255
        self._exchange(cmd)

    def _signed(self):
        """Signature right? Read twice: the first value after a pause may be stale."""
        self._read(_SIGNATURE)
        self.signature = self._read(_SIGNATURE)
        return self.signature == _GOOD

    def _service(self, now, line):
        """Interrupt or time to look: causes, frames, acknowledge (the order of Linux)."""
        self._due = now + self._poll_ms
        if line:
            self._exchange(_IRQ_OFF)
        cause = self._read(_INTR_CAUSE)
        if cause & _NOT_FRAMES or now >= self._alive:
            self._alive = now + _ALIVE_MS
            if not self._signed() and not self._signed():
                self._count("signature_lost")
                _log.warning("modem lost: signature %04x", self.signature)
                return self._down(_PROBE)
            seen = cause
            cause &= self._read(_INTR_CAUSE)  # a bit that does not last is a glitch
            if cause != seen:
                self._count("glitch_cause")
            if cause & _CPU_ON:
                self._count("modem_restarted")
                self._down(_PROBE)
                return self._bring_up(now)
            if cause & (_RDBUF_ERR | _WRBUF_ERR):
                return self._fail("rdbuf_err" if cause & _RDBUF_ERR else "wrbuf_err")
            if self._bad > 3:
                return self._fail("framing_lost")
        self._pull()
        if cause:
            self._write(_SET_INTR_CAUSE, cause)
            if self._read(_RDBUF_BYTE_AVA):  # arrived since the burst: its cause is gone now
                self._due = now
        if line or cause:
            self._exchange(_IRQ_ON)

    def _pull(self):
        """Read all waiting bytes in one burst, behind what an earlier one left incomplete."""
        n = self._read(_RDBUF_BYTE_AVA)
        if not n:
            return
        if n > _EMPTY + 4:
            self._count("glitch_rdbuf")
            return
        rx = self._rx
        keep = self._end - self._pos
        if keep:
            if keep + n > _RX:  # a modem in step never leaves so much
                self._count("framing")
                keep = 0
            rx[:keep] = rx[self._end - keep : self._end]
        self._pos = 0
        self._end = keep + n
        self._unread = True
        self._write(_SET_BFR_SIZE, n)
        self._exchange(_READ, self._rx_view[keep : keep + n])

    def _down(self, state):
        self.ready = False
        self._state = state
        self._pos = self._end = self._bad = 0
        self._unread = False
        self._jam = self._since = None
        self._due = self._now

    def _fail(self, reason):
        """Reset the modem: by its register first, by the pin when that did not help."""
        self._count("reset_" + reason)
        _log.warning("modem reset: %s", reason)
        self._down(_RESET)
        if self._pin is not None and self._soft:
            self._soft = 0
            self._pin(True)
            self._state = _HELD
            self._due = self._now + _PULSE_MS
            return
        self._soft += 1
        self._write(_SET_SPI_CONFIG, self._read(_SPI_CONFIG) | 0x40)
        self._limit = self._now + self._wait
        self._due = self._now + _PROBE_MS

    def _bring_up(self, now):
        """Probing, or after a reset: wait, always bounded, for signature, CPU_ON, empty buffer."""
        self._due = now + _PROBE_MS
        if self._state == _HELD:
            self._pin(False)
            self._state = _RESET
            self._limit = now + self._wait
            return
        late = self._limit is not None and now >= self._limit
        if not self._signed():
            self._since = None
            if self._limit is None:
                self._limit = now + self._wait
            elif late:
                self._escalate("no_answer")
            return
        cause = self._read(_INTR_CAUSE)
        if self._state == _RESET and not cause & _CPU_ON and not late:
            return
        if self._since is None:
            self._since = now
        if self.read_space() != _EMPTY:
            if now - self._since >= self._wait >> 4:
                self._escalate("no_sync")
            return
        again = cause & _CPU_ON or self._state == _RESET or not self.restarts
        self._write(_SET_INTR_CAUSE, cause)
        self._exchange(_IRQ_ON)
        if self._read(_INTR_ENABLE) != _WANTED:
            self._count("write_lost")
            return
        self._down(_READY)
        self.ready = True
        self._limit = None
        self._wait = _BOOT_MS
        self._soft = 0
        self._alive = now + _ALIVE_MS
        self._due = now
        if again:
            self.restarts += 1
        _log.info("modem ready (%d)", self.restarts)

    def _escalate(self, reason):
        if self._wait < _BOOT_MS * 4:  # a slow boot must not be cut off for ever
            self._wait *= 2
        self._fail(reason)
