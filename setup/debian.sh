#!/bin/sh
# Sets a Debian machine up, one stage an argument:
#   run   .venv with the package in it, editable
#   dev   the tools of the tests in .venv, and the compiled python-sgio binding
#   bench the peers that are measured beside us, and what draws the plot
#   fuzz  the search for inputs that break a decoder
#   machine  the tools of the file systems that are made on loop devices
#   vm    QEMU and the guest's tools; a stock Debian kernel and servers for the guest, unpacked under .cache/vm and
#         not installed
# A stage that is already there costs nothing; apt is asked only for what is missing, and only by root.
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

packages() {
    missing=
    for name; do
        dpkg-query -W -f='${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed ||
            missing="$missing $name"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        say "not root, and these packages are missing:$missing"
        return 1
    fi
    say "apt-get install$missing"
    apt-get -qq update
    # shellcheck disable=SC2086  # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends \
        install $missing </dev/null >/dev/null
}

pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check "$@"; }

run() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages python3-venv
    [ -x .venv/bin/python ] || python3 -m venv .venv
    pip install --editable .
}

dev() {
    run
    # The binding is only published as source: it needs a compiler and Python's headers.
    .venv/bin/python -c 'import sgio' 2>/dev/null || packages gcc libc6-dev python3-dev
    pip install --editable '.[dev,sgio,lio]'
}

bench() {
    run
    pip install --editable '.[bench,lio]'
}

fuzz() {
    run
    pip install --editable '.[fuzz]'
}

machine() {
    packages btrfs-progs e2fsprogs xfsprogs fdisk cryptsetup-bin
}

vm() {
    [ "$(uname -m)" = x86_64 ] || { say "the guest is x86-64, this machine is not"; return 1; }
    packages qemu-system-x86 busybox-static file udev kmod dmsetup sg3-utils fdisk e2fsprogs cpio zstd \
        ddpt libiscsi-bin lvm2 mdadm xfsprogs
    [ -e .cache/vm/kernel ] && [ -e .cache/vm/tools ] && return 0
    rm -rf .cache/vm
    mkdir -p .cache/vm/root .cache/vm/unpacked
    apt-cache show linux-image-amd64 >/dev/null 2>&1 || apt-get -qq update
    unpacked
    kernel
}

# What would start a server, or take over disks, if it were installed here: the guest has it in its own root.
unpacked() {
    servers='ocfs2-tools nfs-kernel-server multipath-tools kpartx'
    # shellcheck disable=SC2046,SC2086  # one word a package
    packages $(apt-cache depends $servers | sed -n 's/^ *Depends: \(lib[^ ]*\)$/\1/p' | sort -u)
    say "unpacking $servers"
    # shellcheck disable=SC2086
    (cd .cache/vm && apt-get -qq download $servers 2>/dev/null)
    for package in .cache/vm/*.deb; do
        dpkg -x "$package" .cache/vm/unpacked
        rm "$package"
    done
    mv .cache/vm/unpacked .cache/vm/tools
}

kernel() {
    image=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    say "unpacking $image"
    (cd .cache/vm && apt-get -qq download "$image" 2>/dev/null)
    dpkg -x .cache/vm/linux-image-*.deb .cache/vm/root
    rm .cache/vm/linux-image-*.deb
    release=$(basename .cache/vm/root/lib/modules/*)
    /sbin/depmod -b .cache/vm/root "$release"
    ln -s "root/boot/vmlinuz-$release" .cache/vm/kernel
}

for stage; do
    case $stage in
        run | dev | machine | vm | bench | fuzz) "$stage" ;;
        *) say "no stage '$stage': run, dev, machine, vm, bench or fuzz"; exit 2 ;;
    esac
done
