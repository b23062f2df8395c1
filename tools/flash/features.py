# SPDX-License-Identifier: MIT
"""Which file of lib/ belongs to which feature: for mip packages, and for smaller images.

Every file is in exactly one feature; a feature names those that it needs. A test checks both
against the imports. The first pattern that fits decides. What one board never imports of its
features is in needed.py.
"""

import fnmatch

from tools.vm import LIB

from . import FlashError

# feature: (patterns, features that it cannot be imported without, what it is)
FEATURES = {
    "host": (("evcc/crypto/host.py",), ("core", "tls"), "cryptography of a PC"),
    "exi_others": (
        ("evcc/exi/_t_iso2.py", "evcc/exi/_t_din.py", "evcc/exi/_t_iso20_wpt.py",
         "evcc/exi/_t_iso20_acdp.py"),
        ("core",), "EXI tables without a session yet: ISO 15118-2, DIN SPEC 70121, WPT, ACDP",
    ),
    "iso20_ac": (
        ("evcc/iso20/ac*.py", "evcc/exi/_t_iso20_ac.py", "evcc/safety_ac.py"),
        ("core", "iso20"), "AC charging of ISO 15118-20",
    ),
    "iso20": (
        ("evcc/iso20/*", "evcc/exi/_t_iso20_*", "evcc/ems*", "evcc/market.py"),
        ("core",), "sessions of ISO 15118-20, DC charging",
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
    "sd_card": (("drivers/sd_*", "evcc/log_card.py"), ("core",), "the log on an SD card"),
    "drivers": (("drivers/*",), ("core",), "modem and board peripherals"),
    "core": (("evcc/*",), (), "power line, network, EXI, safety, controller, REPL"),
}  # fmt: skip

DEFAULT_OUT = ("exi_others",)  # not in an image unless asked for
RANDOM = ("evcc/crypto/__init__.py", "evcc/crypto/kdf.py")  # core's random numbers need them

# feature: others that it imports when asked to do what they are for, and not before
OPTIONAL = {
    "core": ("iso20", "iso20_ac", "tls", "can", "bench", "sd_card", "drivers", "host"),
    "iso20": ("iso20_ac",),
    "drivers": ("can", "sd_card"),
    "tls": ("host",),
}

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


def select(without=(), more=()):
    """Paths of all features but those, and what needs them. Raises FlashError.

    more: features that are left out by themselves and are wanted.
    """
    if unknown := [name for name in (*without, *more) if name not in FEATURES]:
        raise FlashError(f"no feature {', '.join(unknown)}; there are: {', '.join(FEATURES)}")
    gone = set(without) | set(DEFAULT_OUT) - set(more)
    if "core" in gone:
        raise FlashError("nothing works without the feature core")
    while more := [
        name for name, (_, needs, _) in FEATURES.items() if name not in gone and gone & set(needs)
    ]:
        gone.update(more)
    return [path for path in sources() if of(path) not in gone]
