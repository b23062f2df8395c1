# SPDX-License-Identifier: MIT
"""`python -m tools.charger --interface IF`: a charging station on a PC. See README.md."""

import argparse
import json
import sys

from tools.charger.bench import Bench, BenchError
from tools.charger.console import Printer, final
from tools.charger.faults import EMULATION_ONLY
from tools.charger.power import PowerPlan
from tools.charger.scenario import Scenario, ScenarioError, load
from tools.charger.secc.config import SERVICES, SETS, TABLE
from tools.charger.tls import GROUPS, TlsError, context


def parser():
    p = argparse.ArgumentParser(
        prog="python -m tools.charger",
        description="A simulated ISO 15118-20 charging station on a real network interface.",
        epilog="Exit status: 0 the last session ended well, 1 it did not, 2 wrong use.",
    )
    p.add_argument("--interface", required=True, metavar="IF", help="Ethernet interface")
    p.add_argument("--scenario", metavar="FILE", help="settings, power and faults (README.md)")
    p.add_argument(
        "--power",
        metavar="PLAN",
        help="watts over seconds of the loop: 11k, or 0:11k,60:-7k (negative: from the car)",
    )
    p.add_argument("--ramp", type=float, metavar="W/s", help="ramp limit of the power plan")
    p.add_argument("--stop-after", type=float, metavar="S", help="the station ends the loop then")
    p.add_argument("--service", metavar="A,B", help="energy services: " + ", ".join(SERVICES))
    p.add_argument(
        "--sets", metavar="A,B", help="parameter sets in this order: " + ", ".join(SETS)
    )
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting; --set help lists them",
    )
    p.add_argument("--no-slac", action="store_true", help="plain Ethernet, no PLC adapter")
    p.add_argument("--pki", metavar="DIR", help="TLS 1.3 with this PKI (python -m tools.pki make)")
    p.add_argument("--tls-profile", choices=GROUPS, default="strict", help="TLS group offered")
    p.add_argument("--once", action="store_true", help="end after one session")
    p.add_argument("--wait", type=float, metavar="S", help="end after S seconds in any case")
    p.add_argument("--log", metavar="FILE", help="decoded messages, one JSON object per line")
    p.add_argument("--all", action="store_true", help="print every loop message")
    return p


def main(arguments=None):
    try:
        options = parser().parse_args(arguments)
        if "help" in options.set:
            for name, default, limits, text in TABLE:
                print(f"{name:24} {default!s:24} {text}" + (f" {limits}" if limits else ""))
            return 0
        return serve(options, *build(options))
    except (ScenarioError, BenchError, TlsError, ValueError) as error:
        print(f"charger: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def build(options):
    """(Scenario, PowerPlan) from file and options; options win. ValueError says what is wrong."""
    scenario = load(options.scenario) if options.scenario else Scenario()
    for row in scenario.rows:
        if row["do"] in EMULATION_ONLY:
            raise ValueError(f"{options.scenario}: {row['do']} works in emulation only")
    config = scenario.config
    if options.service:
        config.set("services", options.service)
    if options.sets:
        config.set("sets", options.sets)
    for text in options.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {text}: expected NAME=VALUE")
        config.set(name, literal(value))
    plan = scenario.plan
    if options.power or options.ramp or options.stop_after is not None:
        steps = PowerPlan.parse(options.power).steps if options.power else plan.steps
        ramp = plan.ramp_W_s if options.ramp is None else options.ramp
        stop_s = plan.stop_s if options.stop_after is None else options.stop_after
        plan = PowerPlan(steps, ramp, stop_s, plan.stop)
    return scenario, plan


def literal(text):
    """A value from the command line in its type: true, 3, 4.5, text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def serve(options, scenario, plan):
    printer = Printer(lambda text: print(text, flush=True), 1 if options.all else 25)
    log = open(options.log, "w", encoding="utf-8") if options.log else None

    def on_message(entry):
        printer(entry)
        if log:
            print(json.dumps(entry._asdict(), default=_hex), file=log, flush=True)

    def say(text):
        print(text, flush=True)

    station = Bench(
        options.interface,
        scenario,
        plan,
        slac=not options.no_slac,
        say=say,
        on_message=on_message,
        tls=context(options.pki, options.tls_profile) if options.pki else None,
    )
    shown = 0
    try:
        say(f"station ready on {options.interface}, services {','.join(scenario.config.services)}")

        def done():
            nonlocal shown
            while shown < len(station.sessions):
                report(station.sessions[shown], say)
                shown += 1
                if log:
                    print(json.dumps({"summary": station.sessions[shown - 1]}), file=log)
            return options.once and shown > 0

        station.run(done, options.wait)
        done()
    finally:
        station.close()
        if log:
            log.close()
    if not station.sessions:
        say("FAILED: no car came" if station.secc is None else "FAILED: session not over")
        return 1
    return 0 if station.sessions[-1]["good"] else 1


def report(summary, say):
    for text in dict.fromkeys(summary["violations"]):
        say(f"  car: {text}")
    say(final(summary))


def _hex(value):
    return bytes(value).hex()


if __name__ == "__main__":
    sys.exit(main())
