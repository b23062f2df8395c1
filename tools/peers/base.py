# SPDX-License-Identifier: MIT
"""The kinds of peers: unpacked Debian packages, PyPI packages, programs of the system.

A peer knows whether it is there (`missing()`), how it comes here (`fetch()`), and the words that
tell a person so (`how`). A fetch works in a folder beside the final one and renames it at the end,
so an interrupted fetch leaves nothing that looks complete.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

from tools import ROOT

PEERS = ROOT / ".peers"
_GET_DEBIAN = Path(__file__).with_name("get_debian.sh")


class FetchError(Exception):
    """A peer could not be fetched; the text says which, why and what would help."""


def _run(name, command, timeout, **more):
    """Run quietly; on failure the last lines of its output become the error."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
            **more,
        )
    except FileNotFoundError as error:
        raise FetchError(f"{name}: {error.filename} is not on this machine") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{name}: {Path(str(command[0])).name} took over {timeout} s") from None
    if done.returncode:
        tail = "\n  ".join(done.stdout.strip().splitlines()[-6:])
        raise FetchError(f"{name}: {Path(str(command[0])).name} failed:\n  {tail}")
    return done.stdout


class Peer:
    """One independent program.

    name: what tests ask for; version: what is fetched or wanted; folder: where under `.peers`;
    proof: a file below it that is there when all is.
    """

    needs = ()  # names of other peers
    seconds = 600

    def __init__(self, name, version, folder, proof, text):
        self.name, self.version, self.text = name, version, text
        self.dir = PEERS / folder
        self.proof = proof

    @property
    def how(self):
        return f"python -m tools.peers fetch {self.name}"

    def missing(self):
        """None, or what is missing and the command that gets it."""
        if (self.dir / self.proof).exists():
            return None
        return f"{self.name} ({self.text}) is missing; get it with: {self.how}"

    def fetch(self):
        """Get it unless it is there. Raises FetchError."""
        PEERS.mkdir(exist_ok=True)
        with open(PEERS / f".{self.dir.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.missing() is None:
                return
            work = self.dir.with_name(self.dir.name + ".part")
            shutil.rmtree(work, ignore_errors=True)
            self._fetch(work)
            if work.exists():
                shutil.rmtree(self.dir, ignore_errors=True)
                work.rename(self.dir)
            if self.missing() is not None:
                raise FetchError(f"{self.name}: fetched, but {self.proof} is not in it")

    def _fetch(self, work):
        raise FetchError(f"{self.name}: {self.how}")


class Debian(Peer):
    """Packages of one Debian suite and architecture, unpacked with all they depend on."""

    def __init__(self, name, version, folder, proof, text, suite, arch, packages):
        Peer.__init__(self, name, version, folder, proof, text)
        self.suite, self.arch, self.packages = suite, arch, packages

    def _fetch(self, work):
        if platform.machine() != "x86_64":
            raise FetchError(f"{self.name}: only made ready for amd64, not {platform.machine()}")
        _run(
            self.name,
            ["sh", _GET_DEBIAN, self.suite, self.arch, work, *self.packages],
            self.seconds,
        )
        self.after(work)

    def after(self, work):
        """A step to add once all is unpacked."""

    def command(self, program):
        """The start of a command line that runs an unpacked amd64 program on its own libraries."""
        root = self.dir / "root"
        lib = root / "lib/x86_64-linux-gnu"
        usr = root / "usr/lib/x86_64-linux-gnu"
        loader = lib / "ld-linux-x86-64.so.2"
        if not loader.exists():  # trixie and later keep everything under usr
            loader = usr / "ld-linux-x86-64.so.2"
        return [str(loader), "--library-path", f"{lib}:{usr}", str(root / program)]


class Venv(Peer):
    """PyPI packages in a virtual environment of their own."""

    def __init__(self, name, version, folder, proof, text, requirements):
        Peer.__init__(self, name, version, folder, proof, text)
        self.requirements = requirements

    @property
    def python(self):
        return self.dir / "bin" / "python"

    def _fetch(self, work):
        # A virtual environment keeps absolute paths: it is made where it stays, and `proof` is
        # written last.
        shutil.rmtree(self.dir, ignore_errors=True)
        try:
            venv.create(self.dir, with_pip=True, symlinks=True)
        except (subprocess.CalledProcessError, OSError) as error:
            raise FetchError(f"{self.name}: no virtual environment: {error}") from None
        pip = [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run(self.name, [*pip, *self.requirements], self.seconds)
        (self.dir / self.proof).write_text("\n".join(self.requirements) + "\n")


class Wheel(Peer):
    """PyPI wheels, unpacked without what they need. `requirement`: one, or some with spaces."""

    def __init__(self, name, version, folder, proof, text, requirement):
        Peer.__init__(self, name, version, folder, proof, text)
        self.requirement = requirement

    def _fetch(self, work):
        work.mkdir(parents=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary", ":all:", "-d", work]
        _run(self.name, [*pip, *self.requirement.split()], self.seconds)
        for wheel in work.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(work)
            wheel.unlink()


class System(Peer):
    """A program that the system has to offer; `apt-get install PACKAGE` brings it."""

    def __init__(self, name, version, text, program, package):
        Peer.__init__(self, name, version, name, "", text)
        self.program, self.package = program, package

    @property
    def how(self):
        return f"apt-get install {self.package}"

    def path(self):
        """Where the program lies, or None."""
        return shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def missing(self):
        if self.path():
            return None
        return f"{self.name} ({self.text}) is missing; get it as root with: {self.how}"

    def fetch(self):
        if self.missing() is None:
            return
        if os.geteuid():
            raise FetchError(f"{self.name}: needs root: {self.how}")
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        _run(self.name, ["apt-get", "update", "-q"], self.seconds, env=env)
        _run(
            self.name,
            ["apt-get", "install", "-qy", "--no-install-recommends", self.package],
            self.seconds,
            env=env,
        )
