# SPDX-License-Identifier: MIT
"""One request out, one answer in: runs a protocol's story against the clock and the wire.

A story is a generator. It yields a request, `(name, body)`, and gets the response's dict; or it
yields a number of milliseconds and is woken after them. The dialect (`iso20.Session`, `sap.Sap`)
knows coding and the table of messages; nothing here knows a standard. Half duplex: an answer
nobody waits for ends the session, other streams' payload types are counted and skipped.
"""

from evcc import exi
from evcc.compat import collect, get_logger
from evcc.reasons import V2GError

log = get_logger("evcc.v2g")


class Exchange:
    """`story`: generator; `dialect`: coding and limits; `send(buf, now) -> bool`: one message out.

    `state`: name of the request in flight or last sent. `done`: the story ended; then `error` is
    None or the V2GError that ended it. `beside`: None, or an Exchange on a side stream that runs
    meanwhile; what comes is dispatched by payload type, and by its name in there.
    """

    def __init__(self, story, dialect, send):
        self._story = story
        self._dialect = dialect
        self.send = send
        self._waiting = False  # a request is in flight
        self._unsent = None  # encoded, but the link had no room
        self._deadline = 0
        self._phase_end = None
        self._sent_at = 0
        self.state = ""
        self.done = False
        self.error = None
        self.skipped = 0
        self.beside = None

    def start(self, now):
        self._resume(self._story.send, None, now)

    def feed(self, payload_type, payload, now):
        """A whole V2GTP message from the station. `payload` is only valid during the call."""
        if self.done:
            return
        dialect = self._dialect
        if not dialect.expects(payload_type, self.state):
            side = self.beside
            if side and side._dialect.expects(payload_type, side.state):
                side.feed(payload_type, payload, now)
                return
            self.skipped += 1
            return
        if not self._waiting:
            self.throw(V2GError("UNEXPECTED_MESSAGE", "after " + self.state), now)
            return
        try:
            response = dialect.decode(self.state, payload_type, payload, now)
        except exi.EXIError as error:
            self.throw(V2GError("UNDECODABLE", str(error)), now)
            return
        except V2GError as error:
            self.throw(error, now)
            return
        log.info("%s -> %s %d ms", self.state, response["ResponseCode"], now - self._sent_at)
        self._waiting = False
        self._resume(self._story.send, response, now)

    def step(self, now):
        """Time passes; returns when to come back at the latest."""
        if self.done:
            return now + 1000
        if self._unsent is not None:
            self._transmit(now)
        if self.beside:
            self.beside.step(now)
            if self.beside.error:
                self.throw(self.beside.error, now)
        if now >= self._deadline:
            if self._waiting:
                late = self._phase_end is not None and self._deadline == self._phase_end
                reason = "PHASE_TIMEOUT" if late else "MESSAGE_TIMEOUT"
                self.throw(V2GError(reason, self.state), now)
            else:
                self._resume(self._story.send, None, now)
        return self._deadline if not self.done else now

    def throw(self, error, now):
        """End the story by `error`; its `finally` parts run."""
        if not self.done:
            self._resume(self._story.throw, error, now)

    def _resume(self, call, argument, now):
        """Run the story to its next yield, and act on what it yields."""
        try:
            wish = call(argument)
            if type(wish) is int:
                self._waiting = False
                self._deadline = now + wish
            else:
                self._request(wish[0], wish[1], now)
        except StopIteration:
            self.done = True
        except V2GError as error:
            self._finish(error)
        except Exception as error:  # a fault of ours must still end in an orderly way
            self._finish(V2GError("INTERNAL_ERROR", repr(error)))

    def _finish(self, error):
        # The error may have come from encoding, outside the story: close() runs its finally parts.
        self._story.close()
        self.done = True
        self.error = error
        log.error("%s: %s", self.state, error)

    def _request(self, name, body, now):
        dialect = self._dialect
        timeout, phase = dialect.limits(name)
        if name != self.state:
            self._phase_end = None if phase is None else now + phase
        elif self._phase_end is not None and now >= self._phase_end:
            raise V2GError("PHASE_TIMEOUT", name)  # prompt answers do not stretch a phase
        self.state = name
        self._waiting = True
        self._sent_at = now
        self._deadline = now + timeout
        if self._phase_end is not None and self._phase_end < self._deadline:
            self._deadline = self._phase_end
        self._unsent = dialect.encode(name, body, now)
        self._transmit(now)

    def _transmit(self, now):
        if self.send(self._unsent, now):
            self._unsent = None
            collect()  # the answer is on its way: nothing waits for us now
