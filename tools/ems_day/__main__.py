# SPDX-License-Identifier: MIT
"""`python -m tools.ems_day`: a day of a car and a house, and what it cost. See README.md."""

import argparse
import sys
import time
from pathlib import Path

from evcc.params import SettingsError

from tools.ems_day.run import Day

TOLERANCE = 0.001


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m tools.ems_day", description="A day of V2H in seconds."
    )
    parser.add_argument("--mode", choices=("Dynamic", "Scheduled"), default="Dynamic")
    parser.add_argument("--meter", action="store_true", help="the car sees the house's meter")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the car, e.g. ems_mode=cheap or ev_soc=20",
    )
    parser.add_argument("--plot", metavar="OUT.png", help="draw the day")
    return parser.parse_args(argv)


def settings(words):
    """{name: value} of NAME=VALUE words, as a settings file would have them."""
    from evcc.params import TABLE, Params, load
    from evcc.params_ems import TABLE as MORE

    others = {row[0] for row in TABLE + MORE if not isinstance(row[1], str)}
    lines = []
    for word in words:
        name, _, value = word.partition("=")
        quoted = name not in others and not value.startswith('"')
        lines.append(f'{name} = "{value}"' if quoted else f"{name} = {value}")
    params = load("\n".join(lines), Params(), "--set")
    return {word.partition("=")[0].strip(): getattr(params, word.partition("=")[0].strip())
            for word in words}  # fmt: skip


def main(argv=None):
    args = arguments(argv)
    began = time.monotonic()
    try:
        day = Day(args.mode, meter=args.meter, **settings(args.set)).play()
    except SettingsError as error:
        print(f"settings refused: {error}", file=sys.stderr)
        return 2
    share = abs(day.lost_Wh) / max(day.turned_Wh, 1.0)
    p = day.params
    print(
        f"{args.mode}, {p.ems_mode}: {day.exchanges} exchanges in "
        f"{time.monotonic() - began:.1f} s, ended by {day.session.stop}"
    )
    print(
        f"battery {p.ev_soc:.0f} % -> {day.soc_at_departure:.1f} % (target {p.ev_target_soc} %), "
        f"{day.session.charged / 1000:.1f} kWh in, {day.session.discharged / 1000:.1f} kWh out"
    )
    print(
        f"energy of the messages against the battery's account: {day.lost_Wh:+.1f} Wh, "
        f"{share:.4%} of what was moved"
    )
    print(f"the house pays {day.cost:.2f}, without a car {day.cost_without:.2f}")
    if args.plot:
        from tools.ems_day.plot import draw

        draw(day, Path(args.plot), f"A day of {p.ems_mode}, {args.mode} mode")
        print(f"written: {args.plot}")
    return 0 if share <= TOLERANCE and day.session.stop in ("USER_STOP", "COMPLETED") else 1


if __name__ == "__main__":
    sys.exit(main())
