# SPDX-License-Identifier: MIT
"""Many sessions against one faulty SECC of EcoG (ecog_secc.py), in one network namespace.

`run(tmp_path, points, ...)` plays every point (a fault, see there) in a session of its own and
returns what the car made of each: summary, order of its outputs, what the SECC says was injected.
As a script it is the part inside the namespace: SECC and our EVCC, by the wall clock.
"""

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from host_tests import netns
from host_tests.sim import ecog

LOOPS = 6  # then the driver stops
POINT_S = 25  # longest session of one point


def run(tmp_path, points, settings="", tls=False, limit=600, protocols="ISO_15118_20_DC"):
    """[result, ...] of `points`, in order. Each result: summary, outputs, injected, safe, ms, and
    `secc`, what the SECC logged. A point may have "settings" of the car, over `settings`, and
    "emergency": a message at which the car's safety acts by itself.
    """
    from tools.peers import ecog as package

    python = package.PEER.dir / "bin" / "python"
    env = package.PEER.env(
        NETWORK_INTERFACE="s0",
        PROTOCOLS=protocols,
        AUTH_MODES="EIM",
        SECC_ENFORCE_TLS=str(tls),
        LOG_LEVEL="INFO",
        MESSAGE_LOG_JSON="True",
        MESSAGE_LOG_EXI="False",
    )
    if tls:
        from host_tests.sim.ecog_pki import make

        theirs, ours = make(tmp_path, python)
        settings += f'pki_dir = "{ours}"\n'
        env.update({"PKI_PATH": f"{theirs}/", "ENABLE_TLS_1_3": "True"})
    # The machine may be busy: its station answers in 40 ms when it is alone.
    base = ecog.SECURE if tls else ecog.SETTINGS
    settings = base + 'timing_profile = "field"\nnet_dad = false\n' + settings
    work = {"settings": settings, "points": points, "python": str(python)}
    (tmp_path / "work.json").write_text(json.dumps(work))
    done = netns.run([sys.executable, __file__, str(tmp_path)], timeout=limit, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((tmp_path / "results.json").read_text())


class Secc:
    """The SECC's process; `lines`: a queue of what it says, kept in a log too."""

    def __init__(self, folder, python):
        self.lines = queue.Queue()
        self._log = open(folder / "secc.log", "w")
        script = Path(__file__).with_name("ecog_secc.py")
        self.process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", cwd=folder,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )  # fmt: skip
        threading.Thread(target=self._copy, daemon=True).start()

    def _copy(self):
        for line in self.process.stdout:
            self._log.write(line)
            self._log.flush()
            self.lines.put(line.strip())

    def arm(self, fault):
        self.process.stdin.write(json.dumps(fault) + "\n")
        self.process.stdin.flush()
        self.until("ARMED", 10)

    def until(self, words, seconds):
        """The lines up to one with `words`. Raises TimeoutError."""
        seen, end = [], time.monotonic() + seconds
        while not seen or words not in seen[-1]:
            try:
                seen.append(self.lines.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                raise TimeoutError(f"SECC never said {words!r}: {seen[-5:]}") from None
        return seen


def one(link, params, clock, limit_s=POINT_S, emergency=None):
    """One session of our EVCC on the bench board: what became of it. `emergency`: see run()."""
    from evcc.bench_board import BenchBoard
    from evcc.controller import Controller
    from evcc.sim_vehicle import SimVehicle

    outputs = []

    class Board(BenchBoard):
        """Keeps the order of what safety does to the outputs."""

        def set_state_c(self, on):
            outputs.append("C" if on else "B")
            super().set_state_c(on)

        def contactors(self, on):
            outputs.append("close" if on else "open")
            super().contactors(on)

        def lock(self, on):
            outputs.append("lock" if on else "unlock")
            super().lock(on)

    board = Board(clock)
    board.vehicle = vehicle = SimVehicle(board, params)
    unix = int(time.time()) - clock() // 1000
    controller = Controller(link, board, vehicle, params, os.urandom, slac=False, unix=unix)
    begin = clock()
    while controller.result is None and clock() < begin + limit_s * 1000:
        wake = controller.step(clock())
        session, exchange = controller.session, controller._exchange
        if emergency and exchange and exchange.state == emergency:
            # with power on between two messages: this board has no timer that ticks safety
            if controller.safety.state == "open" or not exchange._waiting:
                controller.safety.fail("VEHICLE_FAULT", "a test")
        if session and session.loops >= LOOPS and not session.stop:
            controller.stop()
        wait = wake - clock()
        if wait > 0:
            select.select([link.fileno()], [], [], wait / 1000)
    state = controller.safety.state
    return {
        "summary": controller.summary(),
        "outputs": [name for i, name in enumerate(outputs) if outputs[i - 1 : i] != [name]],
        "safe": state == "open" and not (board.state_c or board.closed),
        "locked": board.is_locked,
        "ms": clock() - begin,
    }


def inside(folder):
    import logging

    from evcc.params import load, parse_mac

    from tools.rawlink import RawLink

    work = json.loads((folder / "work.json").read_text())
    log = logging.FileHandler(folder / "evcc.log")
    log.setFormatter(logging.Formatter("%(relativeCreated)7.0f ms %(name)-15s %(message)s"))
    logging.getLogger("evcc").addHandler(log)
    logging.getLogger("evcc").setLevel(logging.INFO)

    def clock():
        return int(time.monotonic() * 1000)

    secc = Secc(folder, work["python"])
    results = []
    try:
        secc.until("UDP server started", 60)
        for point in work["points"]:
            logging.getLogger("evcc").info("=== %s", point)
            params = load(work["settings"] + point.get("settings", ""))
            secc.arm(point)
            link = RawLink("e0", parse_mac(params.mac), (0x86DD,))
            try:
                result = one(link, params, clock, emergency=point.get("emergency"))
            finally:
                link.close()
            try:
                said = secc.until("SESSION OVER", 15)
            except TimeoutError as error:
                said = [str(error)]
            result["injected"] = [line for line in said if line.startswith("INJECTED")]
            result["secc"] = "\n".join(said)
            results.append(result)
    finally:
        secc.process.kill()
        (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    inside(Path(sys.argv[1]))
