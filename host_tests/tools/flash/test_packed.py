# SPDX-License-Identifier: MIT
"""Packs: what is in them, and MicroPython that imports from them."""

import random
import zlib

import pytest

from host_tests.conftest import need
from tools import ROOT, vm
from tools.flash import deploy, image, packed


@pytest.fixture(scope="module")
def made():
    return image.build(image.board("EMULATED"))


def members(data):
    """{name: bytes, or None for a package} of a pack, by another reader than the device's."""
    begin = 2 + int.from_bytes(data[:2], "little")
    found = {}
    lines = [line.split() for line in data[2:begin].decode().splitlines()[1:]]
    for (name, offset), (_, end) in zip(lines, [*lines[1:], "--"]):
        if offset == "-":
            found[name] = None
        elif name != "-":
            member = data[begin + int(offset) : begin + int(end)]
            found[name + ".mpy"] = zlib.decompress(member, -packed.WINDOW)
    return found


def test_every_module_is_in_its_packages_pack(made):
    pack = packed.pack(made)
    assert pack.packed and pack.version == made.version and pack.set != made.set
    for path, data in made.files.items():
        place, _, name = path.removeprefix("lib/").rpartition("/")
        if not path.startswith("lib/") or not path.endswith(".mpy"):
            assert pack.files[path] == data
        elif path != "lib/evcc/__init__.mpy":
            found = members(pack.files["lib/" + place.replace("/", ".") + ".pack"])
            assert found[name] == data, path
            assert path not in pack.files
    assert members(pack.files["lib/evcc.pack"])["tls"] is None
    assert len(pack.files) < 20 and pack.size < made.size * 3 / 4


def test_random_members_come_back():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    wanted = {
        f"m{i}.mpy": bytes(dice.choices(range(dice.choice((2, 256))), k=dice.randrange(6000)))
        for i in range(20)
    }
    assert members(packed.packed(wanted, ["sub"])) == {**wanted, "sub": None}


@pytest.fixture(scope="module")
def flash(made, tmp_path_factory):
    """A folder as the board's root, with packs."""
    need(vm.missing("i386"))
    folder = tmp_path_factory.mktemp("packs")
    packed.pack(made).write(folder)
    return folder


def run(flash, code, heap="128k"):
    done = vm.micropython(code, path=(flash, flash / "lib"), heap=heap)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.vm
def test_imports_come_from_packs(flash):
    out = run(
        flash,
        "import evcc, drivers.qca7000, evcc.exi.tables as t, evcc.slac.matching as m\n"
        "import vfs\n"
        "print(evcc.__version__, evcc.__path__, m.__file__)\n"
        "print(len(vfs.mount()), t.text(3))\n"
        "try:\n"
        "    import evcc.nothing\n"
        "except ImportError as error:\n"
        "    print(error)\n",
    )
    scope = {}
    exec((vm.LIB / "evcc" / "__init__.py").read_text(), scope)
    first, second, third = out.splitlines()
    assert first == f"{scope['__version__']} /packed/evcc /packed/evcc/slac/matching.mpy"
    assert int(second.split()[0]) == 2 and second.split()[1].isalpha()  # the name is in names.bin
    assert third == "no module named 'evcc.nothing'"


@pytest.mark.vm
def test_what_was_forgotten_comes_again(flash):
    code = (
        "import gc\n"
        "from evcc.compat import forget\n"
        "sizes = [0] * 4\n"
        "for i in range(4):\n"
        "    import evcc.params\n"
        "    del evcc\n"
        "    forget('evcc.params')\n"
        "    gc.collect()\n"
        "    sizes[i] = gc.mem_alloc()\n"
        "print(sizes)\n"
    )
    sizes = eval(run(flash, code))
    assert sizes[1] == sizes[2] == sizes[3], "memory grows"


@pytest.mark.vm
def test_a_person_may_look(flash):
    code = (
        "import evcc.compat, os\n"
        "print(os.listdir('/packed/evcc/tls'))\n"
        "print([x[0] for x in os.ilistdir('/packed/evcc') if x[1] == 0x4000])\n"
        "print(os.stat('/packed/evcc/tls/client.mpy')[0], os.statvfs('/packed')[2])\n"
        "for path in ('/packed/nothing', '/packed/evcc/x.mpy', '/packed/evcc/tls/x'):\n"
        "    try:\n"
        "        print(os.stat(path))\n"
        "    except OSError as error:\n"
        "        print(error.errno)\n"
    )
    lines = run(flash, code).splitlines()
    assert "client.mpy" in eval(lines[0]) and sorted(eval(lines[1]))[0] == "crypto"
    assert lines[2:] == ["32768 0", "2", "2", "2"]


class Without:
    """A board whose MicroPython has no such module."""

    def exec(self, code):
        raise deploy.FlashError("P: the board says ImportError")


def test_a_board_without_the_firmwares_cryptography(made):
    with pytest.raises(deploy.FlashError, match="ImportError: its MicroPython was built without"):
        deploy.check_firmware(Without(), made)
    deploy.check_firmware(Without(), image.build(image.board("EMULATED"), without=("tls",)))


def test_a_board_that_cannot_read_packs_gets_files():
    assert not deploy.reads_packs(Without())
    assert "import deflate" in (ROOT / "firmware" / "uevcc_packed.py").read_text()


@pytest.mark.vm
def test_imports_do_not_break_the_heap_into_pieces(made, flash):
    """All of it, with more heap than it needs: what is free is one piece.

    A table that had to grow by 9 kB once found no such piece in 130 kB.
    """
    names = [
        path[4:-4].replace("/", ".")
        for path in made.files
        if path.startswith("lib/evcc/") and path.endswith(".mpy") and "__init__" not in path
    ]
    code = (
        "import gc, micropython\n"
        f"for name in {names}:\n"
        "    try:\n"
        "        __import__(name)\n"
        "    except ImportError:\n"  # what this MicroPython lacks: asyncio, a C module
        "        pass\n"
        "gc.collect()\n"
        "print(gc.mem_free())\n"
        "micropython.mem_info(1)\n"
    )
    out = run(flash, code, heap="480k")
    free = int(out.split()[0])
    largest = 16 * int(out.partition("max free sz: ")[2].split()[0])
    print("free", free, "largest piece", largest)
    assert free > 60_000 and largest > free / 2
