# SPDX-License-Identifier: MIT
"""`python -m tools.led_table`: the table of the LED in firmware/README.md, from evcc.led."""

from evcc.led import GROUPS, STATES, flashes, group
from evcc.reason_texts import ROWS

from tools import ROOT

PAGE = ROOT / "firmware" / "README.md"

_STATES = {
    "refused": "settings refused, or no vehicle: it will not charge; ask `status()`",
    "unplugged": "ready, nothing plugged in",
    "connecting": "plugged in: finding and connecting the station",
    "session": "talking to the station, no power yet",
    "power": "contactors closed: power may flow",
    "ending": "the session ends, contactors open",
    "paused": "paused: the session goes on later",
}
_GROUPS = {
    "good": "ended as wished: full, or stopped by driver, car or station",
    "plug": "connector pulled, or the pilot told a fault of the station",
    "link": "no station found, or the connection broke",
    "protocol": "station and car did not understand or want each other",
    "hardware": "a measured value, a contactor, the lock or the vehicle",
    "service": "opened under load, suspected weld or a watchdog reset: have it looked at",
    "software": "a fault in this software: please report it with the log",
}


def table():
    """Lines of a Markdown table: pattern, meaning."""
    yield "| pattern, 0.2 s a sign | meaning |"
    yield "|---|---|"
    for name, pattern in STATES.items():
        yield f"| `{pattern}` | {_STATES[name]} |"
    for n, name in enumerate(GROUPS, 1):
        reasons = ", ".join(reason for _, reason, _ in ROWS if group(reason) == name)
        yield f"| `{flashes(n)}` | {_GROUPS[name]}: {reasons} |"


def with_table(page):
    """The page's text with the present table in place of the one that is there."""
    head, _, rest = page.partition("| pattern,")
    lines = rest.split("\n")
    end = next((i for i, line in enumerate(lines[1:], 1) if not line.startswith("|")), len(lines))
    return head + "\n".join([*table(), *lines[end:]])


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")
