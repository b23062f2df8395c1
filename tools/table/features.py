# SPDX-License-Identifier: MIT
"""What the table of the README is about: its rows in order, and the peers that may fill a cell.

A test says what it shows: `@pytest.mark.shows("DC_BPT", "{mode}, {transport}", peer="EcoG SECC")`.
Names in braces are the test's parameters. A row without any such test says so in the table.
"""

# Written by ourselves: what only these have seen counts as unproven.
OWN = ("our station", "our emulation")

PEERS = (
    "EcoG SECC",
    "EcoG EVCC",
    "Linux kernel",
    "dnsmasq",
    "plc-utils",
    "pyslac",
    "tshark",
    "EXIficient",
    "OpenSSL",
    "GnuTLS",
    "mbedTLS",
    "Wycheproof and NIST vectors",
    "cantools",
    "HiGHS (scipy)",
    *OWN,
)

# (part, feature)
FEATURES = (
    ("Power line", "SLAC, the car's side"),
    ("Power line", "SLAC, the station's side"),
    ("Power line", "SLAC frames, field by field"),
    ("Power line", "several stations and cars on one line"),
    ("Network", "TCP"),
    ("Network", "neighbour discovery, duplicate address"),
    ("Network", "router advertisements"),
    ("Network", "DHCPv6"),
    ("Network", "SDP, V2GTP"),
    ("EXI", "messages of all schema sets"),
    ("EXI", "fragments for signatures"),
    ("TLS 1.3", "P-521, X448, Ed448 (strict profile)"),
    ("TLS 1.3", "P-256 (bench profile)"),
    ("TLS 1.3", "mutual authentication"),
    ("TLS 1.3", "OCSP stapling"),
    ("TLS 1.3", "faults of the station's TLS"),
    ("TLS 1.3", "arithmetic"),
    ("Services", "DC"),
    ("Services", "DC_BPT"),
    ("Services", "AC"),
    ("Services", "AC_BPT"),
    ("Services", "MCS"),
    ("Services", "MCS_BPT"),
    ("Services", "the device part in MicroPython"),
    ("Session", "notification Terminate"),
    ("Session", "notification Pause"),
    ("Session", "pause by the car, resume"),
    ("Session", "pause by the station, resume"),
    ("Session", "schedule renegotiation"),
    ("Session", "service renegotiation"),
    ("Session", "standby"),
    ("Session", "metering confirmation"),
    ("Session", "value added services"),
    ("Session", "price schedules"),
    ("Faults", "FAILED code"),
    ("Faults", "wrong session id"),
    ("Faults", "answer withheld"),
    ("Faults", "answer late"),
    ("Faults", "answer twice"),
    ("Faults", "undecodable answer"),
    ("Faults", "wrong message"),
    ("Faults", "connection closed, reset, line dead"),
    ("Faults", "pilot E, F, off; unplugged"),
    ("Faults", "station beyond limits, or deaf to pilot B"),
    ("Faults", "frame loss on the line"),
    ("Faults", "random stations and cars"),
    ("Safety", "VM killed or stopped at a message"),
    ("Safety", "tick in an interrupt of MicroPython"),
    ("Vehicle", "battery on CAN"),
    ("Vehicle", "CAN signals, DBC files"),
    ("Energy management", "cheapest plan"),
    ("Energy management", "a day of V2H"),
    ("Our station", "for other cars"),
)

# Parameters of tests whose names are shorter than the features they stand for.
WORDS = {
    "FAILED": "FAILED code",
    "code": "FAILED code",
    "wrong id": "wrong session id",
    "id": "wrong session id",
    "withheld": "answer withheld",
    "late": "answer late",
    "duplicate": "answer twice",
    "undecodable": "undecodable answer",
    "garbled": "undecodable answer",
    "wrong type": "wrong message",
    "closed": "connection closed, reset, line dead",
    "reset": "connection closed, reset, line dead",
    "lost link": "connection closed, reset, line dead",
    "Terminate": "notification Terminate",
    "Pause": "notification Pause",
}
