# SPDX-License-Identifier: MIT
"""Which file of lib/ belongs to which feature: for mip packages, and for smaller images.

Every file is in exactly one feature; a feature names those that it needs. A test checks both
against the imports. The first pattern that fits decides.
"""

import fnmatch

from tools.vm import LIB

from . import FlashError

# feature: (patterns, features that it cannot be imported without, what it is)
FEATURES = {
    "host": (("evcc/crypto/host.py",), ("core", "tls"), "cryptography of a PC"),
    "iso20_ac": (
        ("evcc/iso20/ac*.py", "evcc/exi/_t_iso20_ac.py", "evcc/exi/_t_iso20_acdp.py",
         "evcc/safety_ac.py"),
        ("core", "iso20"), "AC charging of ISO 15118-20",
    ),
    "iso20": (
        ("evcc/iso20/*", "evcc/exi/_t_iso20_*", "evcc/ems*", "evcc/market.py"),
        ("core",), "sessions of ISO 15118-20, DC charging",
    ),
    "exi_others": (
        ("evcc/exi/_t_iso2.py", "evcc/exi/_t_din.py"),
        ("core",), "EXI tables of ISO 15118-2 and DIN SPEC 70121",
    ),
    "tls": (
        ("evcc/tls/*", "evcc/pki/*", "evcc/crypto/*"),
        ("core",), "TLS 1.3 client, certificates, cryptography",
    ),
    "can": (
        ("drivers/can_*", "evcc/vehicle_can*", "evcc/dbc*"),
        ("core",), "a battery management on CAN",
    ),
    "bench": (
        ("evcc/sim_*", "evcc/bench_board.py"),
        ("core",), "simulated vehicle and charger for the bench",
    ),
    "drivers": (("drivers/*",), ("core",), "modem and board peripherals"),
    "core": (("evcc/*",), (), "power line, network, EXI, safety, controller, REPL"),
}  # fmt: skip

RANDOM = ("evcc/crypto/__init__.py", "evcc/crypto/kdf.py")  # core's random numbers need them

# feature: others that it imports when asked to do what they are for, and not before
OPTIONAL = {
    "core": ("iso20", "iso20_ac", "tls", "can", "bench", "drivers", "host"),
    "iso20": ("iso20_ac",),
    "drivers": ("can",),
    "tls": ("host",),
}

# files for one API only: pattern -> APIs
APIS = (
    ("drivers/*circuitpython*", ("circuitpython", "blinka")),
    ("drivers/*machine*", ("machine",)),
    ("drivers/rp2_*", ("machine",)),
    ("drivers/*_pio.py", ("machine", "circuitpython")),
    ("drivers/*blinka*", ("blinka",)),
    ("evcc/crypto/host.py", ("blinka",)),
)
LIBRARIES = ("logging", "aiorepl", "unittest")  # of micropython-lib; the code runs without them


def sources():
    """Paths below lib/ of all that a device may need."""
    return [
        path.relative_to(LIB).as_posix()
        for path in sorted(LIB.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in (".md", ".pyi", ".pyc")
    ]


def of(path):
    """The feature of a path below lib/."""
    if path in RANDOM:
        return "core"
    for name, (patterns, _, _) in FEATURES.items():
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns):
            return name
    raise FlashError(f"lib/{path} belongs to no feature: add it in tools/flash/features.py")


def of_api(path, api):
    """Can this file be of use on that API (machine, circuitpython, blinka)?"""
    for pattern, apis in APIS:
        if fnmatch.fnmatchcase(path, pattern):
            return api in apis
    return True


def select(without=(), keep=lambda path: True):
    """Paths of all features but those, and what needs them. Raises FlashError."""
    if unknown := [name for name in without if name not in FEATURES]:
        raise FlashError(f"no feature {', '.join(unknown)}; there are: {', '.join(FEATURES)}")
    gone = set(without)
    if "core" in gone:
        raise FlashError("nothing works without the feature core")
    while more := [
        name for name, (_, needs, _) in FEATURES.items() if name not in gone and gone & set(needs)
    ]:
        gone.update(more)
    return [path for path in sources() if of(path) not in gone and keep(path)]
