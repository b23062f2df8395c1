#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: get_debian.sh SUITE ARCH DIR PACKAGE...
# Downloads the named packages of a Debian suite and architecture, with everything they depend on,
# and unpacks them under DIR/root. It works with an apt state of its own in DIR: nothing changes on
# the system, no root is needed, and apt checks every file against Debian's signing key. The mirror
# is the one that this machine's apt uses (or DEBIAN_MIRROR).
# A program runs by its own loader and libraries, e.g.
#   DIR/root/usr/lib/i386-linux-gnu/ld-linux.so.2 --library-path DIR/root/usr/lib/i386-linux-gnu \
#       DIR/root/usr/bin/micropython
set -eu
export LC_ALL=C
suite=$1 arch=$2 dir=$3
shift 3
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
command -v apt-get >/dev/null || { echo "get_debian.sh: needs apt-get (Debian or a relative)" >&2; exit 3; }
command -v dpkg-deb >/dev/null || { echo "get_debian.sh: needs dpkg-deb" >&2; exit 3; }
for keyring in /usr/share/keyrings/debian-archive-keyring.gpg \
    /usr/share/keyrings/debian-archive-keyring.pgp ''; do
    [ -n "$keyring" ] || { echo "get_debian.sh: needs Debian's signing keys (package debian-archive-keyring)" >&2; exit 3; }
    [ ! -e "$keyring" ] || break
done
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/\?$' | head -1)}
mirror=${mirror:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)}
mirror=${mirror:-http://deb.debian.org/debian}

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/etc" "$dir/debs" "$dir/root"
printf 'deb [arch=%s signed-by=%s] %s %s main\n' "$arch" "$keyring" "$mirror" "$suite" \
    > "$dir/etc/sources.list"
: > "$dir/etc/status"   # nothing counts as installed: every dependency is fetched
apt() {
    apt-get -o Dir::Etc::sourcelist="$dir/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/etc/status" \
        -o Dir::Cache="$dir/cache" -o APT::Architecture="$arch" -o APT::Architectures::="$arch" \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none -q "$@"
}
apt update
packages=$(apt -s --no-install-recommends install "$@" | awk '/^Inst/ { print $2 }')
[ -n "$packages" ] || { echo "get_debian.sh: $* not found in $suite" >&2; exit 4; }
# shellcheck disable=SC2086
(cd "$dir/debs" && apt download $packages)
for deb in "$dir"/debs/*.deb; do
    dpkg-deb -x "$deb" "$dir/root"
done
rm -rf "$dir/lists" "$dir/cache" "$dir/debs"
