#!/bin/sh
# Unpacks Debian's Exim and OpenSMTPD into roots of their own, FOLDER/exim and FOLDER/opensmtpd: as installed
# packages they exclude each other and Postfix. Installs nothing, starts nothing, makes no user on this machine.
# Usage: tests/servers/unpack.sh [FOLDER]      (default: tests/.servers; needs apt-get and fetched package lists)
set -eu
folder=${1:-$(dirname "$0")/../.servers}
mkdir -p "$folder/packages/partial"
folder=$(cd "$folder" && pwd)

# Server → its program: the package is fetched with the libraries it names, as if nothing were installed.
unpack() {
  root=$folder/$1 program=$2 package=$3
  [ -x "$root$program" ] && [ -e "$root/.complete" ] && return
  rm -rf "$root"
  mkdir -p "$root"
  names=$(apt-get -qq -s -o Dir::State::status=/dev/null -o Debug::NoLocking=1 --no-install-recommends install "$package" |
    awk '$1 == "Inst" { print $2 }' | grep -E "^(lib|zlib1g|dash|$package)" | grep -Ev '^lib(perl|pam-modules|semanage|.*-perl)')
  (cd "$folder/packages" && apt-get -qq -o APT::Sandbox::User=root download $names dash)
  for name in $names dash; do
    dpkg-deb --fsys-tarfile "$folder/packages/$name"_*.deb |
      tar -x -C "$root" --keep-directory-symlink --exclude='./usr/share/*' --exclude='./etc/*' --exclude='*/gconv/*' --exclude='*/perl*'
  done
  touch "$root/.complete"
}

unpack exim /usr/sbin/exim4 exim4-daemon-light
unpack opensmtpd /usr/sbin/smtpd opensmtpd
rm -rf "$folder/packages"
