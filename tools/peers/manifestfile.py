# SPDX-License-Identifier: MIT
"""manifestfile.py of MicroPython 1.25: what a firmware build reads a manifest.py with.

No wheel and no Debian package carries it, so it is taken out of Debian's source package
`micropython` (MIT), which apt checks against Debian's signing key.
"""

from .base import Peer, _run

_SCRIPT = """
set -eu
mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/get"
for key in /usr/share/keyrings/debian-archive-keyring.gpg \
    /usr/share/keyrings/debian-archive-keyring.pgp; do [ ! -e "$key" ] || break; done
sites() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages'; }
mirror=${DEBIAN_MIRROR:-$(sites | grep '/debian/\\?$' | head -1)}
mirror=${mirror:-http://deb.debian.org/debian}
echo "deb-src [signed-by=$key] $mirror trixie main" > "$1/sources.list"
cd "$1/get"
apt() {
    apt-get -q -o Dir::Etc::sourcelist="$1/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$1/lists" -o Dir::Cache="$1/cache" -o APT::Sandbox::User=root $2
}
apt "$1" update
apt "$1" "source --download-only micropython"
tar xJf micropython_*.orig.tar.xz --strip-components=2 --wildcards '*/tools/manifestfile.py'
mv manifestfile.py "$1"
rm -rf "$1/lists" "$1/cache" "$1/get"
"""


class _Source(Peer):
    def _fetch(self, work):
        work.mkdir(parents=True)
        _run(self.name, ["sh", "-c", _SCRIPT, "sh", work], self.seconds)


PEER = _Source(
    "manifestfile",
    "1.25.0 (Debian 13)",
    "manifestfile",
    "manifestfile.py",
    "reader of manifest.py",
)
