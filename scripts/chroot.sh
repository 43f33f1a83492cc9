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
    : >"$root/.vdoroom-ready"
}
