# SPDX-License-Identifier: MIT
"""`TlsClient`: one TLS connection of the car, without socket and clock, whatever its version.

    tls = TlsClient(send, urandom, roots, identity, params, clock)
    tls.start(now)                     # says hello through send(buf) -> bool
    tls.feed(data, now)                # bytes of the stream
    tls.step(now)                      # one slice of work; -> now: more waits, else a deadline
    tls.state                          # "idle" "handshake" "ready" "closed" "failed"
    tls.write(data)                    # plaintext out; False: not now
    tls.close()                        # close_notify
`on_data(view, now)` gets the plaintext. `error` says why it failed, `agreed` what was agreed.
"""

from evcc.compat import const, get_logger
from evcc.crypto import closed
from evcc.tls import TlsError, alert_name, alert_number
from evcc.tls.record import ALERT, DATA, HANDSHAKE, Records

_log = get_logger("evcc.tls")
_FAR = const(3600000)
_TICKET = const(4)  # handshake messages after the handshake
_KEY_UPDATE = const(24)
_MESSAGE = const(20000)  # longest handshake message: eight certificates with responses
_REKEY = const(1 << 23)  # records under one key


class TlsClient:
    """roots: Certificates we trust; identity: None, a pki.store.Identity, or several in a list;
    clock: pki.clock.Clock.

    params: attributes tls_profile ("strict", "bench"), ocsp_policy ("strict", "lenient"),
    tls_max_fragment (0, 512 .. 4096), tls_timeout_ms. memory: None, or a list kept between
    sessions, see pki.path.build. role: domain component of the station's certificate. keylog:
    gets NSS lines.
    """

    def __init__(
        self,
        send,
        urandom,
        roots,
        identity,
        params,
        clock,
        memory=None,
        role="CPO",
        on_data=None,
        keylog=None,
    ):
        self.send, self.urandom, self.roots, self.identity = send, urandom, roots, identity
        from evcc.tls.keys import Transcript
        from evcc.tls.profile import PROFILES

        name = params.tls_profile
        self.profile = PROFILES[name]
        self.strict = name == "strict"
        self.ocsp_strict = params.ocsp_policy == "strict"
        self.fragment = params.tls_max_fragment
        self.timeout = params.tls_timeout_ms
        self.clock, self.memory, self.role = clock, memory, role
        self.on_data, self.keylog = on_data, keylog
        self.state = "idle"
        self.error = self.alert = None  # text; name of the alert sent or received
        self.agreed = {"version": "TLS", "profile": name, "warnings": []}
        self.on_chain = None  # called with [(DER, OCSP response or None)] before they are checked
        self.counters = {"records": 0, "tickets": 0, "key_updates": 0}
        self.records = Records()
        self.transcript = Transcript()
        self.ephemeral = None
        self._story = None
        self.part = b""  # handshake bytes not yet taken
        self._pending = []  # sealed records that `send` did not take
        self._deadline = None
        self.raw = None  # the handshake message taken last

    # -- the caller's side ---------------------------------------------------------------------

    def start(self, now):
        """Say hello, as soon as the ephemeral key is there."""
        from evcc.tls import hello

        self._deadline = now + self.timeout
        self.state = "handshake"
        self._story = hello.story(self)

    def step(self, now):
        """One slice of work. -> now if more work waits, else when to call again at the latest."""
        if self._pending and not self._flush():
            return now + 20
        if self.state != "handshake":
            return now + _FAR
        if now >= self._deadline:
            self._fail(TlsError("user_canceled", "no TLS within %d ms" % self.timeout))
            return now + _FAR
        if closed():
            return now + 50  # the handshake waits until contactors are open, or its time is over
        try:
            return self._deadline if next(self._story) else now
        except StopIteration as e:
            self._next(e.value, now)
            return now  # the caller may look at the state
        except TlsError as e:
            self._fail(e)
        except Exception as e:  # an unseeded generator, no memory, a fault of ours
            self._fail(TlsError("internal_error", "%s: %s" % (type(e).__name__, e)))
        return now + _FAR

    def _next(self, then, now):
        """A part of the story has ended; `then`: the story that the hello's answer calls for."""
        self._story = then
        if then is None and self.state == "handshake":
            self.state = "ready"
            self.part = b""
            self.transcript = None
            _log.info("tls ready: %s", self.summary())
            self._receive(now)

    def feed(self, data, now):
        if self.state not in ("handshake", "ready"):
            return
        try:
            self.records.feed(data)
        except TlsError as e:
            self._fail(e)
        if self.state == "ready":
            self._receive(now)

    def write(self, data):
        """Send plaintext. False when not ready or when earlier bytes still wait."""
        if self.state != "ready" or self._pending:
            return False
        if self.records.write.number > _REKEY:
            self._key_update(0)
        self.emit(DATA, data)
        return True

    def close(self):
        """Say goodbye (close_notify); nothing is read after."""
        if self.state in ("handshake", "ready"):
            self._tell("close_notify", 1)
            self.state = "closed"
        self._forget()

    def lost(self, text="connection lost"):
        """The transport has ended: without close_notify the data may have been cut short."""
        if self.state in ("handshake", "ready"):
            self.state = "failed"
            self.error = "%s without close_notify" % text
            self._forget()

    def summary(self):
        """One line for log and screen."""
        a = self.agreed
        text = "%s %s %s, %s%s" % (
            a["version"],
            a.get("suite"),
            a.get("group"),
            a.get("scheme"),
            ", OCSP %s" % a["ocsp"] if "ocsp" in a else "",
        )
        if not self.strict:
            text += ", BENCH PROFILE (not ISO 15118-20)"
        return text + "".join(", WARNING: %s" % w for w in a["warnings"])

    # -- the handshake's side ------------------------------------------------------------------

    def take(self):
        """Body of the first whole message of `part`; the message itself stays in `raw`."""
        p = self.part
        if len(p) < 4:
            return None
        n = 4 + int.from_bytes(p[1:4], "big")
        if n > _MESSAGE:
            raise TlsError("decode_error", "handshake message of %d bytes" % n)
        if len(p) < n:
            return None
        self.raw = memoryview(p)[:n]
        self.part = bytes(p[n:])
        return self.raw[4:]

    def no_rest(self):
        """Keys change here: no handshake bytes may be left over."""
        if self.part:
            raise TlsError("unexpected_message", "message crosses a change of keys")

    # -- below ---------------------------------------------------------------------------------

    def emit(self, kind, *parts):
        """Into records; the parts become one where they fit."""
        limit = self.records.limit
        if sum([len(part) for part in parts]) > limit:
            data = memoryview(b"".join(parts))
            for at in range(0, len(data), limit):
                self.emit(kind, data[at : at + limit])
            return
        r = self.records.seal(kind, *parts)
        if self._pending or not self.send(r):
            self._pending.append(bytes(r))

    def _flush(self):
        while self._pending:
            if not self.send(self._pending[0]):
                return False
            self._pending.pop(0)
        return True

    def _receive(self, now):
        try:
            while self.state == "ready":
                r = self.records.next()
                if r is None:
                    return
                kind, data = r
                self.counters["records"] += 1
                if kind == DATA:
                    if self.part:
                        raise TlsError("unexpected_message", "data inside a handshake message")
                    if self.on_data and len(data):
                        self.on_data(data, now)
                elif kind == ALERT:
                    self.alerted(data)
                else:
                    self.part = self.part + bytes(data)
                    while self._after():
                        pass
        except TlsError as e:
            self._fail(e)

    def _after(self):
        """A handshake message after the handshake: tickets are skipped, keys updated."""
        body = self.take()
        if body is None:
            return False
        kind = self.raw[0]
        if kind == _TICKET:
            self.counters["tickets"] += 1
        elif kind == _KEY_UPDATE:
            if len(body) != 1:
                raise TlsError("decode_error", "key update")
            if body[0] > 1:
                raise TlsError("illegal_parameter", "key update")
            self.no_rest()
            self.counters["key_updates"] += 1
            self.records.read.update()
            if body[0]:
                self._key_update(0)
        else:
            raise TlsError("unexpected_message", "handshake message %d after it" % kind)
        return True

    def _key_update(self, request):
        if len(self._pending) < 4:  # a peer that only asks gets no queue
            self.emit(HANDSHAKE, bytes((_KEY_UPDATE, 0, 0, 1, request)))
            self.records.write.update()

    def alerted(self, data):
        if len(data) != 2:
            raise TlsError("decode_error", "alert of %d bytes" % len(data))
        name = alert_name(data[1])
        if name == "user_canceled":
            return
        self.alert = name
        if name == "close_notify" and self.state == "ready":
            self._tell("close_notify", 1)
            self.state = "closed"
        else:
            self.state = "failed"
            self.error = "station says " + name
            _log.warning("tls failed: %s", self.error)
        self._forget()
        raise TlsError(None, name)

    def _fail(self, e):
        if e.alert is None:
            return
        self.alert = e.alert
        self.error = "%s: %s" % (e.alert, e)
        _log.warning("tls failed: %s", self.error)
        self._tell(e.alert, 2)
        self.state = "failed"
        self._forget()

    def _tell(self, name, level):
        self.emit(ALERT, bytes((level, alert_number(name))))

    def _forget(self):
        """Nothing secret stays."""
        self._story = self.ephemeral = None
        self.part = b""
        self.records.read = self.records.write = None
