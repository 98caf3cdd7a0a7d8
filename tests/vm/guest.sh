#!/bin/bash
# Runs inside the guest: one process of Python with the arguments given.
# Usage: guest.sh RESULTS CACHED PYTHON ARGUMENT...
#   RESULTS  a directory shared with the host, writable. Left there last of all: `exit` with the
#            exit status. No `exit`, no pass.
#   CACHED   directories (a:b:c) of the host to read through a cached mount: several times faster.
set -u
results=$1 cached=$2 python=$3
shift 3
here=$PWD

echo
echo "guest: Linux $(uname -r), up $(cut -d' ' -f1 /proc/uptime) s"  # the first bytes can get lost
echo 4 >/proc/sys/kernel/printk  # errors to console.log, debug messages only to the log
for link in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
    [ -e "/dev/${link%%:*}" ] || ln -s "/proc/self/${link#*:}" "/dev/${link%%:*}"
done
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
mkdir /run/host
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose cached /run/host
IFS=:
for place in $cached; do
    mount --bind "/run/host$place" "$place"
done
unset IFS
cd "$here" || exit
(cd .cache/vm/tools && tar -cf - -- *) | tar -C / --keep-directory-symlink -xf -  # its root takes writes

export PYTHONDONTWRITEBYTECODE=1
"$python" "$@" 2>&1
status=$?
echo "guest: python ended with $status, up $(cut -d' ' -f1 /proc/uptime) s"
echo "$status" >"$results/exit"
