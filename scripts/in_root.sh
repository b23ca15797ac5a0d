#!/bin/sh
# in_root.sh ROOT DIRECTORY COMMAND…
# Run a command in a root directory that holds a whole system, with DIRECTORY at /mnt. The mounts
# are the command's own and vanish with it; only root can make them.
set -eu
root=$1 directory=$2
shift 2
exec unshare --mount --propagation private sh -euc '
  root=$0 directory=$1
  shift
  for each in proc dev sys; do mount --rbind "/$each" "$root/$each"; done
  mount --bind /etc/hosts "$root/etc/hosts"
  mount --bind "$directory" "$root/mnt"
  exec chroot "$root" "$@"' "$root" "$directory" "$@"
