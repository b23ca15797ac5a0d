#!/usr/bin/env bash
# Install Tonebus on this host, bring it up to date, or take it away.
#   install.sh install      what is configured already stays as it is
#   install.sh uninstall    the configuration stays, and so does the user
#
#   PREFIX             the environment, with the model; default /opt/tonebus
#   SYSCONFDIR         default /etc
#   LIBDIR             units, sysusers.d and tmpfiles.d; default /usr/local/lib
#   BINDIR             the command; default /usr/local/bin
#   DESTDIR            a root to install into, for packages and images
#   PYTHON             Python 3.11 or newer; one that every user may run
#   PIP_ARGS           more arguments for pip
#   INSTALL_VENV_FROM  an environment whose libraries are used where they lie, instead of a download
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh

prefix=${PREFIX:-/opt/tonebus}
destdir=${DESTDIR:-}
etc=$destdir${SYSCONFDIR:-/etc}
lib=$destdir${LIBDIR:-/usr/local/lib}
bin=$destdir${BINDIR:-/usr/local/bin}
home=$destdir$prefix
units=$lib/systemd/system

# The unit files name the default places.
placed() { sed -e "s|/opt/tonebus|$prefix|g" -e "s|/etc/tonebus|${SYSCONFDIR:-/etc}/tonebus|g" "$1"; }

put() {
  local mode=$1 from=$2 to=$3
  mkdir -p "$(dirname "$to")"
  placed "$from" | install -m "$mode" /dev/stdin "$to"
}

running_systemd() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }

# Under ProtectHome= a service sees nothing of the homes, nor of an interpreter there.
check_python() {
  local real
  real=$("$python" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
  case $real in
  /home/* | /root/* | /run/user/*)
    say "$python lies in $real, where services may not look. Name another: make install PYTHON=/usr/bin/python3"
    return 1
    ;;
  esac
}

make_environment() {
  if ! "$home/bin/python" -c '' 2>/dev/null; then
    find_python
    check_python
    say "making $prefix with $("$python" --version)"
    "$python" -m venv --clear ${INSTALL_VENV_FROM:+--without-pip} "$home"
  fi
}

# From a copy: a build leaves files in the tree, and finds those of an older build there.
install_package() {
  local source pip
  source=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$source'" EXIT
  cp -R pyproject.toml constraints.txt README.md LICENSE api connectors daemon "$source"
  if [ -n "${INSTALL_VENV_FROM:-}" ]; then
    local libraries place
    libraries=$("$INSTALL_VENV_FROM/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    place=$("$home/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "${INSTALL_LIBRARIES:-$libraries}" >"$place/tonebus-libraries.pth"
    pip=("$INSTALL_VENV_FROM/bin/python" -m pip --python "$home/bin/python")
    "${pip[@]}" install -qq --disable-pip-version-check --no-build-isolation --no-deps \
      --force-reinstall --root-user-action ignore "$source"
  else
    pip=("$home/bin/python" -m pip)
    say "installing into $prefix; the first time takes some minutes"
    # Unquoted on purpose: PIP_ARGS holds several arguments.
    # shellcheck disable=SC2086
    "${pip[@]}" install -qq --disable-pip-version-check --root-user-action ignore ${PIP_ARGS:-} \
      --constraint "$source/constraints.txt" "$source"
    # The same version may hold other code.
    # shellcheck disable=SC2086
    "${pip[@]}" install -qq --disable-pip-version-check --root-user-action ignore ${PIP_ARGS:-} \
      --no-deps --force-reinstall "$source"
  fi
  rm -rf "$source"
  trap - EXIT
}

# Scripts name their interpreter by its full path, which held DESTDIR while they were written.
relocate() {
  [ -z "$destdir" ] && return
  grep -rlI --null -- "$home" "$home/bin" "$home/pyvenv.cfg" | xargs -0r sed -i "s|$home|$prefix|g"
}

configure() {
  local dir
  mkdir -p "$etc/tonebus"
  chmod 0750 "$etc/tonebus"
  for dir in "" /broker /redis /api; do
    mkdir -p "$etc/tonebus/credentials$dir"
    chmod 0700 "$etc/tonebus/credentials$dir"
  done
  if [ ! -e "$etc/tonebus/tonebus.toml" ]; then
    put 0640 systemd/tonebus.toml "$etc/tonebus/tonebus.toml"
  fi
}

install_units() {
  local unit version
  for unit in systemd/*.service systemd/*.target; do
    put 0644 "$unit" "$units/$(basename "$unit")"
  done
  version=$(systemctl --version 2>/dev/null | awk 'NR == 1 { print $2 }')
  if [ "${version:-0}" -ge 254 ]; then
    put 0644 systemd/growing-restarts.conf "$units/tonebus-.service.d/growing-restarts.conf"
  fi
  put 0644 systemd/sysusers.conf "$lib/sysusers.d/tonebus.conf"
  put 0644 systemd/tmpfiles.conf "$lib/tmpfiles.d/tonebus.conf"
  put 0644 systemd/gpu.conf "$home/share/tonebus/gpu.conf"
  put 0644 systemd/growing-restarts.conf "$home/share/tonebus/growing-restarts.conf"
  put 0644 systemd/tonebus.toml "$home/share/tonebus/tonebus.toml"
  put 0644 docs/how-to/install.md "$home/share/tonebus/install.md"
  # Earlier a link, through which this would write.
  rm -f "$bin/tonebus"
  put 0755 systemd/tonebus.sh "$bin/tonebus"
}

# What a package would leave to the boot.
take_effect() {
  [ -z "$destdir" ] && [ "$(id -u)" = 0 ] || return 0
  systemd-sysusers "$lib/sysusers.d/tonebus.conf"
  systemd-tmpfiles --create "$lib/tmpfiles.d/tonebus.conf"
  if running_systemd; then
    systemctl daemon-reload
  fi
}

do_install() {
  umask 022
  make_environment
  install_package
  relocate
  configure
  install_units
  take_effect
  say "installed: $prefix, $units, $etc/tonebus"
  say "next: systemctl enable --now tonebus.target"
  say "after an upgrade: systemctl restart 'tonebus-*'"
}

do_uninstall() {
  if running_systemd; then
    systemctl disable --now tonebus.target tonebus-api.service 'tonebus-daemon@1.service' \
      'tonebus-worker@1.service' 2>/dev/null || true
    systemctl stop 'tonebus-*' || true
  fi
  rm -rf "$home" "$units/tonebus-.service.d" "$etc/systemd/system/tonebus.target.wants"
  rm -f "$units"/tonebus.target "$units"/tonebus-{api,daemon@,worker@}.service \
    "$lib/sysusers.d/tonebus.conf" "$lib/tmpfiles.d/tonebus.conf" "$bin/tonebus"
  if running_systemd; then
    systemctl daemon-reload
  fi
  say "uninstalled; kept: $etc/tonebus, the user tonebus, and whatever is in RabbitMQ"
}

case "${1:-}" in
install) do_install ;;
uninstall) do_uninstall ;;
*)
  say "usage: $0 install|uninstall"
  exit 64
  ;;
esac
