# SPDX-License-Identifier: MIT
"""EcoG's EVCC (PyPI iso15118) at our station, inside a network namespace with a veth pair.

As a module: `charge(folder, service, sets)` from a test. As a script: what runs inside. The car
takes the first parameter set offered, so the order of the station's sets chooses the mode. It has
no way to end by itself after a failure: everything has a time limit.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from host_tests import netns
from tools import ROOT

LIMIT_S = 60


def charge(peer, folder, service, sets, loops=20, options=()):
    """Runs one session; returns (exit status of the station, its output, the car's log)."""
    folder = Path(folder)
    config = {
        "supportedProtocols": ["ISO_15118_20_DC"],
        "supportedEnergyServices": [service],
        "useTls": False,
        "enforceTls": False,
        "chargeLoopCycle": loops,
        "sdpRetryCycles": 1,
    }
    (folder / "evcc.json").write_text(json.dumps(config))
    env = peer.env(
        NETWORK_INTERFACE="e0",
        EVCC_CONFIG_PATH=str(folder / "evcc.json"),
        PROTOCOLS="ISO_15118_20_DC",
        MESSAGE_LOG_JSON="True",
        MESSAGE_LOG_EXI="False",
        LOG_LEVEL="DEBUG",
        ECOG_PYTHON=str(peer.python),
    )
    station = [f"--service={service}", f"--sets={sets}", *options]
    done = netns.run([sys.executable, __file__, folder, *station], timeout=LIMIT_S + 30, env=env)
    return done, (folder / "station.txt").read_text(), (folder / "evcc.txt").read_text()


def inside(folder, station_options):
    """Both ends as kernel hosts: the raw end of the pair gets its IPv6 back first."""
    folder = Path(folder)
    e0 = Path("/proc/sys/net/ipv6/conf/e0")
    (e0 / "accept_dad").write_text("0")
    (e0 / "router_solicitations").write_text("0")
    (e0 / "disable_ipv6").write_text("0")
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "tools.charger", "--interface=s0", "--no-slac", "--once"]
    command += [f"--wait={LIMIT_S}", "--all", f"--log={folder}/station.jsonl", *station_options]
    with open(folder / "station.txt", "w") as out, open(folder / "evcc.txt", "w") as log:
        station = subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=ROOT)
        while "station ready" not in (folder / "station.txt").read_text():
            if station.poll() is not None:
                return station.returncode
            time.sleep(0.05)
        # a namespace of its own for the car's sockets is not needed: link-local addresses are
        # bound to their ends of the pair
        python = os.environ["ECOG_PYTHON"]
        car = subprocess.Popen(
            [python, "-c", "from iso15118.evcc.main import run; run()"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env={k: v for k, v in env.items() if k != "PYTHONPATH"},
        )
        try:
            station.wait(LIMIT_S + 5)
            time.sleep(1)
        except subprocess.TimeoutExpired:
            station.kill()
        finally:
            car.kill()
            car.wait(5)
        return station.wait(5)


if __name__ == "__main__":
    sys.exit(inside(sys.argv[1], sys.argv[2:]))
