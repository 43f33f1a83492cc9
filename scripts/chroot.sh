# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
# Roots of other releases of Debian, for the scripts that need them. Sourced after scripts/lib.sh.

CHROOTS=${VDOROOM_CHROOTS:-$CARGO_TARGET_DIR/chroots}
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

# make_root FOLDER SUITE: a minimal Debian in $CHROOTS/FOLDER; what was not finished is begun anew.
make_root() {
    local root=$CHROOTS/$1
    [ -e "$root/.vdoroom-ready" ] && return
    need_packages debootstrap
    rm -rf --one-file-system "$root"
    mkdir -p "$CHROOTS"
    debootstrap --variant=minbase --include=ca-certificates "$2" "$root" "$MIRROR" >"$CHROOTS/$1.log" ||
        die "debootstrap failed, see $CHROOTS/$1.log"
    # A mirror that has not been brought up to date for weeks will do.
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/vdoroom"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
    : >"$root/.vdoroom-ready"
}

# copy_source ROOT: the files as they are now; what has not changed is not built again.
copy_source() {
    rm -rf "$1/source"
    mkdir "$1/source"
    git ls-files --cached --others --exclude-standard -z |
        tar --create --null --files-from=- --ignore-failed-read |
        tar --extract --directory "$1/source"
}

# inside ROOT COMMANDS [ARGUMENT...]: bash runs the commands in the copy of this checkout, with this
# machine's Rust toolchain and a target folder of the root's own. Everything is mounted in a namespace
# of its own, and gone with its last process.
inside() {
    unshare --mount --pid --fork --kill-child --propagation private -- \
        bash -euo pipefail -c '
            root=$1
            shift
            mkdir -p "$root/target" "$root/rust/cargo" "$root/rust/rustup"
            # Tests make network namespaces: for them the root has to be a mount of its own.
            mount --bind "$root" "$root"
            mount -t proc proc "$root/proc"
            mount --rbind /sys "$root/sys"
            mount --rbind /dev "$root/dev"
            mount -t tmpfs tmpfs "$root/tmp"
            mount -t tmpfs tmpfs "$root/run"
            mount --bind "${CARGO_HOME:-$HOME/.cargo}" "$root/rust/cargo"
            mount --bind "${RUSTUP_HOME:-$HOME/.rustup}" "$root/rust/rustup"
            cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
            exec chroot "$root" env --ignore-environment \
                HOME=/root LANG=C.UTF-8 USER=root TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive \
                CARGO_HOME=/rust/cargo RUSTUP_HOME=/rust/rustup \
                CARGO_TARGET_DIR=/target CARGO_INCREMENTAL=0 \
                PATH=/rust/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                G_DEBUG=fatal-criticals \
                bash -euo pipefail -c "cd /source && $1" bash "${@:2}"
        ' bash "$@"
}

# give_nextest ROOT: the program that runs the tests.
give_nextest() {
    need_cargo_program cargo-nextest "$NEXTEST_VERSION"
    install "$(PATH=$PATH:$CARGO_TARGET_DIR/tools/bin command -v cargo-nextest)" "$1/usr/local/bin/"
}
