# SPDX-License-Identifier: MIT
"""Each board's image holds what it imports, and names.bin what its tables name."""

import ast
import functools
import json
import os
import subprocess
import sys

import pytest
from evcc.exi import tables

from tools import ROOT, vm
from tools.flash import FlashError, image, needed

WITH_IMAGE = [name for name in image.boards() if image.board(name).api != "blinka"]
# of the firmware, on every port that the board can have
FIRMWARE = {
    "machine": set(
        "array binascii gc hashlib json machine math micropython os select struct sys time "
        "uctypes vfs".split()
    ),
    "circuitpython": set(
        "analogio array binascii board busio digitalio gc hashlib json math microcontroller os "
        "pulseio struct supervisor sys time watchdog canio".split()
    ),
}  # fmt: skip
OF_PORT = {"rp2": {"rp2"}}
# some firmwares have them: crypto.native and controller_async are imported in a try for these;
# storage is where vfs is not
_RARE = {"_evcc_crypto", "aiorepl", "asyncio", "storage"}
OWN = ("evcc", "drivers", "uevcc_board")


@pytest.fixture(scope="module")
def made():
    """`made(board, **how)`: its image, built once."""
    return functools.cache(lambda name, **how: image.build(image.board(name), **how))


def source(path):
    """Source text of a file of an image, None for data."""
    stem, _, suffix = path.rpartition(".")
    if suffix not in ("py", "mpy"):
        return None
    for folder in (ROOT, ROOT / "firmware", *image.boards().values()):
        if (folder / f"{stem}.py").is_file():
            return folder / f"{stem}.py"
    raise AssertionError(f"{path}: of nothing")


def missing(made):
    """(file, module, how) of imports that the image cannot serve; how: "top", "later", "try"."""
    names = {p.rpartition(".")[0].removeprefix("lib/") for p in made.files}
    names = {name.removesuffix("/__init__").replace("/", ".") for name in names}
    own = {"uevcc_board": made.board.folder / "uevcc_board.py"}
    for path in made.files:
        file = own.get(path.rpartition(".")[0]) or source(path)
        for name, how in wanted(file) if file else ():
            if name not in names:
                yield path, name, how


@functools.cache
def wanted(file):
    """[(module, how)] of all imports in a source file."""
    found = []
    walk = [(node, "top") for node in ast.parse(file.read_text()).body]
    while walk:
        node, how = walk.pop()
        if isinstance(node, ast.Import):
            found += [(alias.name, how) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            inner = [n for n in inner if (vm.LIB / (n.replace(".", "/") + ".py")).is_file()]
            found += [(name, how) for name in (node.module, *inner)]
        if isinstance(node, ast.FunctionDef):
            how = "later"
        if isinstance(node, ast.Try):
            walk += [(child, "try") for child in node.body]
            rest = [*node.handlers, *node.orelse, *node.finalbody]
            walk += [(child, how) for child in rest]
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            walk += [(child, how) for child in ast.iter_child_nodes(node)]
    return found


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_every_import_of_an_image_can_be_served(made, name):
    board = image.board(name)
    firmware = FIRMWARE[board.api] | OF_PORT.get(
        json.loads((board.folder / "board.json").read_text()).get("port"), set()
    )
    if name == "EMULATED":
        firmware = firmware | {"border", "sd_card"}
    is_never = needed.never(board)
    for path, module, how in missing(made(name)):
        if module.partition(".")[0] not in OWN:
            assert how == "try" or module in firmware or module in _RARE, (path, module)
            continue
        if module == "evcc.exi._names":  # instead of names.bin, in builds of somebody else
            assert "lib/" + needed.NAMES in made(name).files
            continue
        file = module.replace(".", "/") + ".py"
        assert how != "top" and is_never(file), f"{path} imports {module}, which is not there"


def test_a_missing_file_is_found(made):
    whole = made("RPI_PICO2")
    less = image.Image(whole.board, dict(whole.files), "x")
    del less.files["lib/drivers/analog.mpy"], less.files["lib/evcc/caps.mpy"]
    found = {(module, how) for _, module, how in missing(less)}
    assert {("drivers.analog", "top"), ("evcc.caps", "later")} <= found


_BUILD = """
import sys, pytest
from host_tests.boards.bench import Bench
more = dict(proximity="type2", inlet_full_V=1000, inlet_full_A=500, isolation_line="high",
            inlet_sensor="NTC10k", lock_ms=500, sleep_after_s=60)
name, *chips = sys.argv[1:]
def loaded():
    return [m for m in sys.modules if m.startswith("drivers.") and "assemble_" not in m]
for chip in chips:
    with pytest.MonkeyPatch.context() as patch:
        bench = Bench(patch, name, can_chip=chip, **more)
        for module in loaded():
            del sys.modules[module]
        bench.board.module.safe()
        try:
            bench.board.module.build(bench.params)
        except (AttributeError, OSError, ValueError) as error:
            print("#", repr(error))
        print(chip, *loaded())
"""
CHIPS = ("own", "mcp2515", "mcp251xfd")


@functools.cache
def loaded_by(name):
    """{CAN chip: modules of drivers that the board loads on the fakes}; one process for all."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, name, *CHIPS], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(vm.LIB)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]
    print(done.stdout)
    rows = [line.split() for line in done.stdout.splitlines() if line[0] != "#"]
    return {chip: modules for chip, *modules in rows}


@pytest.mark.parametrize("name", [name for name in WITH_IMAGE if name != "EMULATED"])
@pytest.mark.parametrize("chip", CHIPS)
def test_what_a_board_loads_on_the_fakes_is_in_its_image(made, name, chip):
    loaded = loaded_by(name)[chip]
    assert "drivers.analog" in loaded and "drivers.lock" in loaded
    stems = {path.rpartition(".")[0] for path in made(name).files}
    lost = [module for module in loaded if "lib/" + module.replace(".", "/") not in stems]
    assert not lost


def test_what_stays_out(made):
    pico, nucleo = made("RPI_PICO").files, made("NUCLEO_H743ZI").files
    assert "lib/drivers/can_mcp2515.mpy" in pico and "lib/drivers/can_machine.mpy" not in pico
    assert "lib/drivers/can_mcp2515.mpy" not in nucleo and "lib/drivers/can_machine.mpy" in nucleo
    assert "lib/drivers/can_spi.mpy" in pico and "lib/drivers/can_spi.mpy" not in nucleo
    assert "lib/evcc/crypto/mont.mpy" in nucleo and "lib/evcc/crypto/mont.mpy" not in pico
    for files in (pico, nucleo):
        assert "lib/evcc/crypto/jacobian.mpy" in files, "a crafted signature needs it everywhere"
        assert "lib/evcc/exi/plain.mpy" in files, "what kernels leave out is its work"
        assert "lib/evcc/exi/_t_din.mpy" not in files
        assert "lib/evcc/exi/fragments.mpy" not in files, "until something signs or verifies"
    asked = made("RPI_PICO", more=("exi_others",)).files
    assert "lib/evcc/exi/_t_din.mpy" in asked
    assert asked["lib/evcc/exi/names.bin"] == (vm.LIB / needed.NAMES).read_bytes()
    assert len(pico["lib/evcc/exi/names.bin"]) < 9500
    with pytest.raises(FlashError, match="no feature"):
        made("RPI_PICO", more=("exi_other",))


@pytest.mark.parametrize("without", ((), ("iso20_ac",), ("iso20",)))
def test_names_that_are_left_are_the_same(made, monkeypatch, without):
    files = made("RPI_PICO2", without=without).files
    count = 0
    for path in files:
        if "/exi/_t_" in path:
            module = __import__("evcc.exi." + path.rpartition("/")[2][:-4], None, None, ("NAMES",))
            count = max(count, module.NAMES)
    monkeypatch.setattr(tables, "_pool", None)
    want = [tables.text(i) for i in range(count)]
    monkeypatch.setattr(tables, "_pool", files["lib/" + needed.NAMES])
    monkeypatch.setattr(tables, "_room", None)  # bytes that are not a file
    assert [tables.text(i) for i in range(count)] == want
    end = bytes(files["lib/" + needed.NAMES])
    assert end[-1] >= 0x80 and len(want) > 20
