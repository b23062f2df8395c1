# SPDX-License-Identifier: MIT
"""Every file of lib is in exactly one feature, features are closed, and mip installs them."""

import ast
import functools
import http.server
import json
import subprocess
import sys
import threading

import pytest

from host_tests.conftest import need
from tools import ROOT, vm
from tools.flash import FlashError, features, packages
from tools.serial_board import SerialBoard, mpremote


def imported(path, whole):
    """Modules that a file imports, at its top or (`whole`) anywhere."""
    tree = ast.parse((vm.LIB / path).read_text())
    for node in ast.walk(tree) if whole else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_each_file_has_a_feature_and_features_are_closed():
    paths = features.sources()
    names = {
        path[:-3].replace("/", ".").removesuffix(".__init__"): path
        for path in paths
        if path.endswith(".py")
    }
    for path in names.values():
        own = features.of(path)
        needs = set(features.FEATURES[own][1]) | {own}
        for whole in (False, True):
            allowed = needs | set(features.OPTIONAL.get(own, ()) if whole else ())
            for name in imported(path, whole):
                if name in names:
                    other = features.of(names[name])
                    assert other in allowed, f"{path} ({own}) imports {name} ({other})"


def test_needs_are_transitive():
    for name, (_, needs, _) in features.FEATURES.items():
        for need_ in needs:
            assert set(features.FEATURES[need_][1]) <= set(needs), (name, need_)


def test_packages_are_what_is_written_and_hold_each_file_once():
    made = packages.packages()
    for path, package in made.items():
        assert path.read_text() == packages.text(package), (
            f"{path.name} is old: python -m tools.flash.packages"
        )
    there = {*(ROOT / "packages").glob("*.json"), ROOT / "package.json"}
    assert there == set(made)
    split = [t for p, made_ in made.items() if p.parent != ROOT for t, _ in made_["urls"]]
    assert len(split) == len(set(split))
    whole = [target for target, _ in made[ROOT / "package.json"]["urls"]]
    assert sorted(split) == sorted(whole)
    for path, package in made.items():
        for _, url in package["urls"]:
            assert (path.parent / url).is_file(), (path, url)
    names = [name for name, _ in made[ROOT / "package.json"]["deps"]]
    manifest = (ROOT / "manifest.py").read_text()
    assert names == ["logging", "aiorepl", "unittest"]
    assert all(f'require("{name}")' in manifest for name in names)


def test_leaving_out_takes_what_needs_it_along():
    kept = features.select(["iso20"])
    assert not [path for path in kept if features.of(path) in ("iso20", "iso20_ac")]
    assert "evcc/controller.py" in kept
    with pytest.raises(FlashError, match="no feature iso21; there are"):
        features.select(["iso21"])
    with pytest.raises(FlashError, match="core"):
        features.select(["core"])


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(ROOT))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.vm
@pytest.mark.peer
@pytest.mark.timeout(300)
def test_mip_installs_a_feature_from_a_server_and_it_runs(server, tmp_path):
    need(vm.missing("i386"))
    # a server has no folder of the PC to read deps from: one package at a time, as its page says
    with SerialBoard(tmp_path / "board", flash_kB=2048, heap_kB=512) as board:
        done = mpremote(
            board.port, "mip", "install", f"{server}/packages/core.json", timeout=200
        )  # fmt: skip
        assert done.returncode == 0 and "Done" in done.stdout, done.stdout[-400:] + done.stderr
        code = "import evcc, evcc.sdp, evcc.slac; print(evcc.__version__, evcc.__file__)"
        told = mpremote(board.port, "exec", code).stdout
        version = json.loads((ROOT / "package.json").read_text())["version"]
        assert told.strip() == f"{version} /lib/evcc/__init__.py"


@pytest.mark.peer
def test_the_real_manifestfile_reads_our_manifest(peer, tmp_path):
    found = peer("manifestfile")
    for name in features.LIBRARIES:  # stand-ins: micropython-lib is not here
        (tmp_path / "python-stdlib" / name).mkdir(parents=True)
        (tmp_path / "python-stdlib" / name / f"{name}.py").write_text("")
        (tmp_path / "python-stdlib" / name / "manifest.py").write_text(f"module('{name}.py')\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import manifestfile as m\n"
        "one = m.ManifestFile(m.MODE_FREEZE, {'MPY_LIB_DIR': sys.argv[2]})\n"
        "one.execute(sys.argv[3])\n"
        "print('\\n'.join(f.target_path for f in one.files()))\n"
    )
    words = [sys.executable, "-c", code, found.dir, tmp_path, ROOT / "manifest.py"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    frozen = set(done.stdout.split())
    ours = set(features.sources())
    assert ours - frozen == {"evcc/exi/names.bin"}, "a data file that cannot be frozen"
    assert frozen - ours == {f"{name}.py" for name in features.LIBRARIES}
