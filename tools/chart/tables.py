# SPDX-License-Identifier: MIT
"""Every state machine as edges (state, event, next state); tests walk them on the real objects.

An event that a state has no edge for changes nothing: each pair is tried. The session's charts
are made from `iso20.flow`; there a state is the request in flight and an edge the next request.
"""

TCP = (
    ("CLOSED", "open", "SYN_SENT"),
    ("SYN_SENT", "SYN+ACK", "ESTABLISHED"),
    ("SYN_SENT", "close", "CLOSED"),
    ("SYN_SENT", "abort", "CLOSED"),
    ("SYN_SENT", "silence", "CLOSED"),
    ("ESTABLISHED", "close", "FIN_WAIT_1"),
    ("ESTABLISHED", "FIN", "LAST_ACK"),
    ("ESTABLISHED", "abort", "CLOSED"),
    ("ESTABLISHED", "RST", "CLOSED"),
    ("FIN_WAIT_1", "ACK of FIN", "FIN_WAIT_2"),
    ("FIN_WAIT_1", "FIN", "CLOSING"),
    ("FIN_WAIT_1", "FIN, ACK of FIN", "TIME_WAIT"),
    ("FIN_WAIT_1", "RST", "CLOSED"),
    ("FIN_WAIT_1", "abort", "CLOSED"),
    ("FIN_WAIT_1", "silence", "CLOSED"),
    ("FIN_WAIT_2", "FIN", "TIME_WAIT"),
    ("FIN_WAIT_2", "FIN, ACK of FIN", "TIME_WAIT"),
    ("FIN_WAIT_2", "RST", "CLOSED"),
    ("FIN_WAIT_2", "abort", "CLOSED"),
    ("FIN_WAIT_2", "silence", "CLOSED"),
    ("CLOSING", "ACK of FIN", "TIME_WAIT"),
    ("CLOSING", "FIN, ACK of FIN", "TIME_WAIT"),
    ("CLOSING", "RST", "CLOSED"),
    ("CLOSING", "abort", "CLOSED"),
    ("CLOSING", "silence", "CLOSED"),
    ("LAST_ACK", "ACK of FIN", "CLOSED"),
    ("LAST_ACK", "FIN, ACK of FIN", "CLOSED"),
    ("LAST_ACK", "RST", "CLOSED"),
    ("LAST_ACK", "abort", "CLOSED"),
    ("LAST_ACK", "silence", "CLOSED"),
    ("TIME_WAIT", "RST", "CLOSED"),
    ("TIME_WAIT", "abort", "CLOSED"),
    ("TIME_WAIT", "silence", "CLOSED"),
)

TLS = (
    ("idle", "start", "handshake"),
    ("handshake", "station's handshake", "ready"),
    ("handshake", "close", "closed"),
    ("handshake", "garbage", "failed"),
    ("handshake", "alert", "failed"),
    ("handshake", "close_notify", "failed"),
    ("handshake", "connection lost", "failed"),
    ("handshake", "20 s", "failed"),
    ("ready", "close", "closed"),
    ("ready", "close_notify", "closed"),
    ("ready", "garbage", "failed"),
    ("ready", "alert", "failed"),
    ("ready", "connection lost", "failed"),
)

SLAC = (
    ("idle", "start", "matching"),
    ("idle", "rejoin", "joining"),  # after a pause: the network is known
    ("idle", "leave", "leaving"),  # a fresh object cannot know what key the modem has
    ("matching", "CM_SLAC_MATCH.CNF", "joining"),
    ("matching", "slac_retry_s", "failed"),
    ("joining", "link seen, or 5 s", "ready"),
    ("matching", "leave", "idle"),
    ("joining", "leave", "leaving"),
    ("ready", "leave", "leaving"),
    ("failed", "leave", "idle"),
    ("leaving", "CM_SET_KEY.CNF, or 0.6 s", "idle"),
    ("joining", "start", "matching"),
    ("ready", "start", "matching"),
    ("failed", "start", "matching"),
    ("leaving", "start", "matching"),
)

# DC. `ready`, `close` and `release` are asked by the protocol, the rest is seen by the tick.
_FAULTS = ("pilot E", "unplugged", "fault of the vehicle", "too hot")
SAFETY = (
    ("open", "ready", "ready"),
    ("ready", "close", "closing"),
    ("ready", "release", "open"),
    *(("ready", fault, "open") for fault in _FAULTS),
    ("ready", "protocol silent", "open"),
    ("ready", "240 s", "open"),
    ("closing", "feedback closed", "closed"),
    ("closing", "feedback late", "releasing"),
    ("closing", "release", "releasing"),
    *(("closing", fault, "releasing") for fault in _FAULTS),
    ("closing", "isolation fault", "releasing"),
    ("closed", "release", "releasing"),
    *(("closed", fault, "releasing") for fault in _FAULTS),
    ("closed", "isolation fault", "releasing"),
    ("closed", "limit passed", "releasing"),
    ("closed", "protocol silent", "releasing"),
    ("closed", "contactors drop", "releasing"),
    ("releasing", "no current", "opening"),
    ("releasing", "current for 2 s", "opening"),
    ("releasing", "unplugged", "opening"),
    ("opening", "feedback open", "open"),
    ("opening", "feedback late", "stuck"),
    ("stuck", "feedback open", "open"),
)

# AC: the contactor is the station's; the car has the pilot and the on-board charger.
SAFETY_AC = (
    ("open", "power asked", "ac_wait"),
    ("ac_wait", "80 ms", "ac"),
    ("ac_wait", "release", "ac_off"),
    ("ac_wait", "fault of the vehicle", "ac_off"),
    ("ac_wait", "too hot", "ac_off"),
    ("ac_wait", "isolation fault", "ac_off"),
    ("ac", "release", "ac_off"),
    *(("ac", fault, "ac_off") for fault in _FAULTS),
    ("ac", "isolation fault", "ac_off"),
    ("ac", "limit passed", "ac_off"),
    ("ac", "protocol silent", "ac_off"),
    ("ac_off", "no power", "open"),
    ("ac_off", "power for 2 s", "stuck"),
    ("stuck", "no power", "open"),
)

# What a person sees; from every phase of a session an error leads on to its end.
CONTROLLER = (
    ("unplugged", "pilot B", "matching"),
    ("matching", "matched", "discovering"),
    ("matching", "SLAC_FAILED, stop, unplugged", "finished"),
    ("discovering", "station", "connecting"),
    ("discovering", "SDP_FAILED, stop, unplugged", "finished"),
    ("connecting", "refused: again", "discovering"),
    ("connecting", "TCP, without TLS", "session"),
    ("connecting", "TCP", "securing"),
    ("connecting", "TCP_FAILED, stop, unplugged", "closing"),
    ("securing", "TLS", "session"),
    ("securing", "TLS_FAILED, stop, unplugged", "closing"),
    ("session", "the end, whatever its reason", "closing"),
    ("closing", "TCP closed", "finished"),
    ("finished", "unplugged", "unplugged"),
    ("finished", "the session is kept", "paused"),
    ("paused", "resumed, station calls", "joining"),
    ("paused", "stop, pilot gone", "finished"),
    ("joining", "joined", "discovering"),
    ("joining", "stop, unplugged", "finished"),
    ("discovering", "address", "discovering"),
)


# Messages of parking and what they may follow; rows of other requests do not name them.
PARKING = (
    ("VehicleCheckIn", "ServiceSelection"),
    (
        "VehicleCheckOut",
        "VehicleCheckIn DC_ChargeParameterDiscovery AC_ChargeParameterDiscovery "
        "ScheduleExchange DC_CableCheck PowerDelivery DC_WeldingDetection",
    ),
)


def rows(table):
    """The rows of a session's table (iso20.flow.FLOW, or one like it), as of `flow.parse`."""
    from evcc.iso20.flow import parse

    return [parse(line) for line in table.splitlines() if line]


def flow(table, first=()):
    """Edges (request, "", next request) of the session: rows of `first` go before `table`'s."""
    own = {row[0] for row in first}
    edges = []
    for row in (*(r for r in table if r[0] not in own), *first):
        edges.extend((row[0], "", after) for after in row[6].split())
    return edges


def dc():
    from evcc.iso20.flow import FLOW

    return flow(rows(FLOW), _more("DC")) + _parking("DC")


def ac():
    from evcc.iso20.ac import FLOW as first
    from evcc.iso20.flow import FLOW

    common = [row for row in rows(FLOW) if not row[0].startswith("DC_")]
    return flow(common, (*rows(first), *_more("AC"))) + _parking("AC")


def _more(energy):
    """The rows of metering and parking, with the messages of one energy."""
    from evcc.iso20 import metering, parking

    other = "DC_" if energy == "AC" else "AC_"
    more = []
    for row in rows(metering.FLOW + parking.FLOW):
        words = [word for word in row[6].split() if not word.startswith(other)]
        more.append((*row[:6], " ".join(words)))
    return more


def _parking(energy):
    """Edges to the messages of parking, which the rows of others leave out."""
    other = "DC_" if energy == "AC" else "AC_"
    return [
        (before, "", name)
        for name, words in PARKING
        for before in words.split()
        if not before.startswith(other)
    ]


# title, words, edges or what makes them
CHARTS = (
    ("Controller", "From plug-in to unplug (`controller.state`).", lambda: CONTROLLER),
    ("SLAC", "Matching, the car's side (`slac.state`).", lambda: SLAC),
    ("TCP", "One connection, RFC 9293's client side (`tcp.state`).", lambda: TCP),
    ("TLS", "TLS 1.3 client (`tls.state`).", lambda: TLS),
    (
        "Session, DC and MCS",
        "ISO 15118-20: the state is the request in flight, an arrow what may be sent after a good "
        "answer.",
        dc,
    ),
    ("Session, AC", "The same for AC.", ac),
    ("Safety, DC", "Pilot state C and contactors (`safety.state`).", lambda: SAFETY),
    ("Safety, AC", "Pilot state C and the on-board charger.", lambda: SAFETY_AC),
)


def reach(edges, start):
    """{state: [events]}: a shortest way from `start` to every state."""
    ways = {start: []}
    todo = [start]
    while todo:
        state = todo.pop(0)
        for a, event, b in edges:
            if a == state and b not in ways:
                ways[b] = [*ways[state], event]
                todo.append(b)
    return ways
