# SPDX-License-Identifier: MIT
"""Side streams of ISO 15118-20 (V2GTP payload types 0x8101 to 0x8104): a second request and answer
while the charge loop keeps its rhythm. Setting `side_streams` names those that are used; without
it all goes in line, as no public station implements them. Each stream is half duplex for itself.
"""

from evcc import exi, v2gtp
from evcc.exchange import Exchange
from evcc.iso20 import flow
from evcc.reasons import V2GError

STREAMS = {"schedule": v2gtp.SCHEDULE, "metering": v2gtp.METERING}


def wanted(s, name):
    """Shall this go beside the loop? Only where an Exchange runs the session."""
    return s.exchange is not None and name in [n.strip() for n in s.params.side_streams.split(",")]


def start(s, name, story):
    """Run `story` (a generator as in exchange.py) on the side stream `name`."""
    main = s.exchange
    main.beside = Exchange(story, Side(s, STREAMS[name]), main.send)
    main.beside.start(s.now)


def busy(s):
    """Does one run? Its error has ended the session by then."""
    side = s.exchange.beside
    if side is None or side.done:
        s.exchange.beside = None
        return False
    return True


class Side:
    """The dialect of one side stream of session `s`: CommonMessages under its own payload type."""

    def __init__(self, s, stream):
        self._s = s
        self._stream = stream

    def limits(self, name):
        s = self._s
        row = flow.row(name, s.rows)
        at = 4 if s.params.timing_profile == "field" else 2
        phase = row[at + 1]
        return row[at], None if phase is None else phase * 1000

    def expects(self, payload_type, state):
        return payload_type == self._stream

    def encode(self, name, body, now):
        body.setdefault("Header", self._s.header)
        payload = exi.encode("iso20_common", name + "Req", body)
        message = bytearray(8 + len(payload))
        v2gtp.pack_header(message, self._stream, len(payload))
        message[8:] = payload
        return message

    def decode(self, state, payload_type, payload, now):
        name, response = exi.decode("iso20_common", payload)
        if name != state + "Res":
            raise V2GError("WRONG_MESSAGE", "%s to %sReq, side stream" % (name, state))
        code = response["ResponseCode"]
        if code.startswith("FAILED"):
            raise V2GError("RESPONSE_FAILED", "%s to %s" % (code, state))
        if response["Header"]["SessionID"] != self._s.session_id:
            raise V2GError("WRONG_SESSION_ID", state)
        return response
