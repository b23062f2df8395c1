# SPDX-License-Identifier: MIT
"""The world of the demo: car, power line, station and a person, wired together.

    car: Controller - QCA7000 driver - SPI - modem ~ power line ~ modem - station
             |                                                             |
           board - pilot, lock, contactors ------ cable ------ pilot, output

Only `Device` touches device code, and it does so through the SPI slave and the board's ports. With
`vm` the same code runs inside MicroPython instead (tools.vm.bridge). The person plugs in, waits,
and draws the plug once it is free.
"""

from evcc.params import Params
from evcc.sim_vehicle import Pack, SimVehicle

from tools.charger.power import PowerPlan
from tools.emulator.board import Board, Pilot
from tools.emulator.modem import Modem, StationModem
from tools.emulator.plant import Plant
from tools.emulator.powerline import PowerLine
from tools.emulator.world import World

from .record import EPOCH_S, Recorder

CAR_MODEM = bytes.fromhex("00b052000e01")
STATION_MODEM = bytes.fromhex("00b052000e02")
STATION_MAC = bytes.fromhex("020000000e02")
PLUG_MS = 500
BOOT_MS = 300
MOST_MS = 400_000  # a session that is not over by then has failed
DEFAULT_STEPS = ((0, 11000), (45, -10000))
STOP_S, MOST_STOP_S, LAST_STEP_S = 80, 115, 20
RAMP_W_S = 4000
VM_HEAP = "128k"  # the goal of the project on 32 bits, without TLS


def default_plan(text=None):
    """The station's wishes over time; `text` as PowerPlan.parse reads it. Raises ValueError.

    The loop lasts 80 s, or 20 s more than the last step, at most 115 s (575 exchanges).
    """
    if text is None:
        return PowerPlan(DEFAULT_STEPS, ramp_W_s=RAMP_W_S, stop_s=STOP_S)
    plan = PowerPlan.parse(text, ramp_W_s=RAMP_W_S)
    last = plan.steps[-1][0]
    if last > MOST_STOP_S - LAST_STEP_S:
        raise ValueError(f"the last step is at {last:g} s, {MOST_STOP_S - LAST_STEP_S} at most")
    plan.stop_s = max(STOP_S, last + LAST_STEP_S)
    return plan


def device_params(tls=False, **settings):
    """Settings of the car in the demo."""
    params = Params()
    values = {
        "sdp_tls": tls,
        "allow_iso20_without_tls": not tls,
        "ocsp_policy": "lenient",  # Python's ssl, which the station uses, cannot staple
        "protocols": "iso20_dc",
        "services": "DC_BPT",
        "control_mode": "Dynamic",
        "ev_soc": 40.0,
        "ev_discharge_power_W": 11000.0,
        "ev_discharge_current_A": 40.0,
        "market_profile": "* * DC_BPT - 11000; * * AC_BPT - 11000",
        **settings,
    }
    for name, value in values.items():
        params.set(name, value)
    return params


class Device:
    """Our code in this Python: driver and controller, on the emulated SPI and board."""

    def __init__(self, world, modem, board, params, pack_speed, keylog=None, timer=None):
        from drivers.qca7000 import Qca7000
        from evcc.controller import Controller
        from evcc.ems import Ems
        from evcc.trace import Trace

        self.trace = Trace(16384)
        self.port = Qca7000(modem, irq=modem.irq, reset=modem.reset)
        self.vehicle = SimVehicle(board, params, speed=pack_speed)
        self.controller = Controller(
            self.port,
            board,
            Ems(self.vehicle, params, EPOCH_S),
            params,
            world.urandom_for(f"device/{board.resets}"),
            self.trace,
            unix=EPOCH_S,
            reset="watchdog" if board.resets else None,
            timer=timer,
        )
        self.controller.keylog = keylog

    def step(self, now):
        return self.controller.step(now)

    @property
    def finished(self):
        return self.controller.sessions > 0

    def outcome(self):
        return self.controller.summary()


class Sampler:
    """Looks at the plant: for the plot, and when the inlet was dead after the last opening."""

    EVERY_MS = 50

    def __init__(self, rig):
        self.rig = rig
        self.samples = []  # (ms, V, A, SOC 0..1)
        rig.world.add(self)

    def step(self, now):
        plant = self.rig.plant
        self.samples.append((now, plant.inlet_voltage, plant.current, plant.pack.soc))
        if plant.contactors.closed:
            self.rig.safe_at = None
        elif plant.opened_at and self.rig.safe_at is None:
            if plant.inlet_voltage < plant.SAFE_V:
                self.rig.safe_at = now
        return now + self.EVERY_MS


class Rig:
    """Everything of one demo run. `run()` plays it; then look at `record`, `plant`, `outcome`.

    `plan`: PowerPlan of the station. `vm`: None, or what tools.vm.bridge takes for a MicroPython,
    which gets `heap` and `vm_more` (keyword arguments of VmDevice); raises tools.vm.VMError when
    it cannot be built or started.
    `timer`: the board's timer ticks safety, else the controller does (in a VM: `vm_more`).
    `settings`: of the car, over those of `device_params`. `pki`: folder of a PKI (tools.pki), for
    mutual TLS 1.3 with the profile `tls_profile`; None: without TLS.
    """

    AFTER_MS = 500  # from the session's end to the drawn plug, and from there to the end

    def __init__(
        self, seed=1, pack_speed=60, realtime=False, plan=None, vm=None, settings=None,
        heap=VM_HEAP, vm_more=None, pki=None, timer=False,
    ):  # fmt: skip
        self.world = World(seed, realtime)
        self.pilot = Pilot(self.world)
        if pki is not None and vm is None:
            settings = {"pki_dir": str(pki), **(settings or {})}
        params = device_params(pki is not None, **(settings or {}))
        pack = Pack(
            params.ev_capacity_Wh, params.ev_soc / 100, params.ev_empty_V, params.ev_full_V
        )
        self.plant = Plant(self.world, self.pilot, pack, pack_speed)
        self.board = Board(self.world, self.plant, self.pilot)
        car_mac = bytes(int(part, 16) for part in params.mac.split(":"))
        self.record = Recorder(
            {
                car_mac: "car",
                STATION_MAC: "station",
                CAR_MODEM: "car's modem",
                STATION_MODEM: "station's modem",
            }
        )
        self.line = PowerLine(self.world, seed)
        self.line.on_frame = self.record.frame
        self.modem = self.line.attach(Modem(self.world, CAR_MODEM))
        self.station_modem = self.line.attach(StationModem(self.world, STATION_MODEM))
        self.plan = plan or default_plan()
        self.pki, self.tls = pki, None
        if pki is not None:
            from tools.charger.tls import context

            self.tls = context(pki, params.tls_profile)
        self.station = self._station(self.plan)
        self.safe_at = None
        self.sampler = Sampler(self)
        self.vm_name = None
        self.params = params
        self._vm, self._heap, self._vm_more = vm, heap, vm_more or {}
        self._timer = timer
        self.device = self._device()
        self.world.add(self.device)
        self.board.on_reset = self._reset
        self._booted_at = 0
        self.modem.on_irq = self._wake
        self.pilot.listeners.append(lambda state: self._wake())
        self.outcome = {}

    def _station(self, plan):
        from tools.charger.station import Station

        return Station(
            self.world, self.station_modem, STATION_MAC, self.pilot, self.plant.output, plan,
            tls=self.tls,
        )  # fmt: skip

    def _device(self):
        """The device, just powered up."""
        speed = self.plant.pack_speed
        if self._vm is None:
            timer = self.board.timer if self._timer else None
            return Device(
                self.world, self.modem, self.board, self.params, speed, self.record.keylog, timer
            )
        from tools.vm.bridge import VmDevice

        self.vm_name = f"MicroPython ({self._vm}), heap {self._heap}"
        return VmDevice(
            self.world,
            self.modem,
            self.board,
            self.params,
            machine=self._vm,
            heap=self._heap,
            pack_speed=speed,
            unix=EPOCH_S,
            pki=self.pki,
            keylog=None if self.pki is None else self.record.keylog,
            **self._vm_more,
        )

    def _reset(self):
        """The watchdog bit: the device starts from nothing; only the car's BMS knows its SOC."""
        self.world.remove(self.device)
        self.close()
        self.params.ev_soc = self.plant.pack.soc * 100
        self.device = self._device()
        self._booted_at = self.world.now + BOOT_MS
        self.world.add(self.device, self._booted_at)

    def _wake(self):
        """A pin of the device moved; while it boots nobody looks."""
        if self.world.now >= self._booted_at:
            self.world.wake(self.device)

    def run(self):
        """From power-on to the drawn plug. Returns whether the session came to its end."""
        world, board = self.world, self.board
        world.run(PLUG_MS)
        board.plug()
        done = world.run_until(lambda: self.device.finished, MOST_MS)
        try:
            self.outcome = dict(self.device.outcome())
        except Exception as error:  # the VM's process has died
            if self.vm_name is None:
                raise
            self.outcome = {"result": None, "detail": str(error)}
        if done:
            world.run(world.now + self.AFTER_MS)
            board.unplug()
            world.run(world.now + self.AFTER_MS)
        else:
            state = self.record.state or "nothing on the line"
            self.outcome["detail"] = f"not over after {MOST_MS // 1000} s, last seen: {state}"
        return done

    def border(self):
        """What crossed the border of the VM, and its live heap in bytes; None without a VM."""
        if self.vm_name is None:
            return None
        counts = self.device.counts
        spi = counts["X"]
        heap = self.device.process.heap
        return {"SPI transfers": spi, "others": sum(counts.values()) - spi, "heap": heap}

    def close(self):
        """Let go of what runs outside."""
        close = getattr(self.device, "close", None)
        if close is not None:
            close()


def quiet_logging():
    """The demo's terminal belongs to its view: the layers' logs go to the trace ring only."""
    import logging

    logging.getLogger("evcc").setLevel(logging.ERROR)
