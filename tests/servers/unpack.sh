#!/bin/sh
# Unpacks Debian's Exim and OpenSMTPD into roots of their own, FOLDER/exim and FOLDER/opensmtpd: as installed
# packages they exclude each other and Postfix. Installs nothing, starts nothing, makes no user on this machine.
# Usage: tests/servers/unpack.sh [FOLDER]      (default: tests/.servers; needs apt-get and fetched package lists)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here/../.servers}"
folder=$(cd "${1:-$here/../.servers}" && pwd)
packages=$folder/packages

fetch() {
  mkdir -p "$packages/partial"
  (cd "$packages" && apt-get -qq -o APT::Sandbox::User=root download "$@")
}

# A package with its shell and the libraries that it needs, as if nothing were installed. No perl, no manuals.
root() {
  to=$folder/$1 package=$2
  rm -rf "$to"
  mkdir -p "$to"
  names="dash $(apt-get -qq -s -o Dir::State::status=/dev/null -o Debug::NoLocking=1 --no-install-recommends install "$package" |
    awk '$1 == "Inst" { print $2 }' | grep -E "^(lib|zlib1g|$package)" | grep -Ev '^lib(perl|pam-modules|semanage|.*-perl)')"
  fetch $names
  for name in $names; do
    dpkg-deb --fsys-tarfile "$packages/$name"_*.deb |
      tar -x -C "$to" --keep-directory-symlink \
        --exclude='./usr/share/*' --exclude='./etc/*' --exclude='*/gconv/*' --exclude='*/perl*'
  done
}

if [ ! -e "$folder/exim/.complete" ]; then
  root exim exim4-daemon-light
  touch "$folder/exim/.complete"
fi
if [ ! -e "$folder/opensmtpd/.complete" ]; then
  root opensmtpd opensmtpd
  fetch tcc
  dpkg-deb -x "$packages"/tcc_*.deb "$packages/tcc"
  "$packages/tcc/usr/bin/tcc" -shared -nostdlib -o "$folder/opensmtpd/opensmtpd_key.so" "$here/opensmtpd_key.c"
  touch "$folder/opensmtpd/.complete"
fi
rm -rf "$packages"
