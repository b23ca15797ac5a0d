#!/usr/bin/env bash
# Boot a systemd of our own, with Tonebus installed, in namespaces of our own. Nothing of this host
# is changed: what is written goes to overlays in memory, and ends with the process.
#   boot.sh SCRATCH SLICE LIBRARIES BASE
# BASE is where the interpreter lies for which the LIBRARIES were made.
set -euo pipefail

scratch=$1 slice=$2 libraries=$3 base=$4

# A cgroup of our own, so that systemd takes it for the root and leaves the others alone.
own_cgroup() {
  mount "$@" cgroup "$scratch/cgroup" 2>/dev/null || return 0
  mkdir "$scratch/cgroup/$slice"
  echo $$ >"$scratch/cgroup/$slice/cgroup.procs"
  umount "$scratch/cgroup"
}

# Where cgroups are of the first version, limits of memory are, too.
mount_cgroups() {
  local place=/sys/fs/cgroup
  umount -R "$place"
  mount -t tmpfs -o mode=755 tmpfs "$place"
  mkdir "$place/memory" "$place/systemd" "$place/unified"
  if mount -t cgroup -o memory cgroup "$place/memory" 2>/dev/null; then
    mount -t cgroup -o none,name=systemd cgroup "$place/systemd"
    mount -t cgroup2 cgroup2 "$place/unified"
  else
    umount "$place"
    mount -t cgroup2 cgroup2 "$place"
  fi
}

outside() {
  mount -t tmpfs tmpfs "$scratch"
  mkdir "$scratch/cgroup"
  own_cgroup -t cgroup2
  # Those of the first version that systemd puts its services into.
  for hierarchy in none,name=systemd memory devices pids cpu cpuacct blkio; do
    own_cgroup -t cgroup -o "$hierarchy"
  done
  STAGE=inside exec unshare --pid --fork --kill-child=KILL --mount-proc --ipc --uts --cgroup \
    bash "$0" "$@"
}

cover() {
  local name
  name=$(tr / - <<<"$1")
  mkdir -p "$scratch/$name/upper" "$scratch/$name/work"
  mount -t overlay overlay \
    -o "lowerdir=/$1,upperdir=$scratch/$name/upper,workdir=$scratch/$name/work" "/$1"
}

only_ours() {
  local unit
  # Neither this host's services nor its timers, mounts and devices are any of our business.
  rm -rf /etc/systemd/system /etc/systemd/network
  mkdir -p /etc/systemd/system
  mount -t tmpfs tmpfs /usr/lib/systemd/system-generators
  for unit in /usr/lib/systemd/system/*.target.wants/*; do
    case $unit in
    */systemd-journald.s*) ;;
    *) ln -sf /dev/null "/etc/systemd/system/${unit##*/}" ;;
    esac
  done
  mkdir -p /etc/systemd/journald.conf.d
  printf "[Journal]\nReadKMsg=no\n" >/etc/systemd/journald.conf.d/trial.conf
  printf '[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service\n' \
    >/etc/systemd/system/trial.target
}

inside() {
  mount_cgroups
  for dir in etc opt var usr/local; do cover "$dir"; done
  rm -rf /var/log/journal /etc/tonebus /opt/tonebus
  mount -t tmpfs -o mode=755 tmpfs /run
  only_ours
  # Services may not look into homes, where a developer's interpreter and libraries often lie.
  mkdir -p /opt/libraries /opt/python /etc/tonebus
  mount --bind "$libraries" /opt/libraries
  mount --bind "$base" /opt/python
  echo "LD_LIBRARY_PATH=/opt/python/lib" >/etc/tonebus/environment
  PYTHON=/opt/python/bin/python3 INSTALL_LIBRARIES=/opt/libraries scripts/install.sh install
  # As systemd itself would have it outside of a container: credentials are mounted by a child.
  mount --make-rshared /
  exec env -i container=other PATH="$PATH" /usr/lib/systemd/systemd --system --unit=trial.target
}

"${STAGE:-outside}" "$@"
