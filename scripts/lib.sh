# SPDX-License-Identifier: MPL-2.0
# What the scripts share. Sourced from the root of the repository.

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export PATH=$PATH:$HOME/.cargo/bin

NEXTEST_VERSION=0.9.148
CARGO_DEB_VERSION=3.8.0
PYTHON=$CARGO_TARGET_DIR/tools/python/bin/python

BUILD_PACKAGES=(
    build-essential ca-certificates curl pkg-config procps
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev libssl-dev
    gstreamer1.0-tools gstreamer1.0-nice gstreamer1.0-libav
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
)

# What the tests start beyond that.
TEST_PACKAGES=(
    chromium coturn e2fsprogs ffmpeg firefox-esr gdb ges1.0-tools git gstreamer1.0-plugins-base-apps
    iproute2 jq gjs libges-1.0-dev man-db meson nftables ninja-build python3-gi python3-gst-1.0 rclone strace
    systemd util-linux valgrind gir1.2-gst-plugins-bad-1.0 gir1.2-gst-rtsp-server-1.0 gir1.2-gstreamer-1.0
)

die() {
    echo "$0: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "neither root nor sudo to run: $*"
    fi
}

is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs those Debian packages that are missing.
need_packages() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null; then
        echo "Not a Debian system; it should have what these packages have: $*"
        return
    fi
    for package; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    echo "Installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Whether the cargo that is found is as new as Cargo.toml wants it.
cargo_is_new_enough() {
    local have
    have=$(cargo --version 2>/dev/null | cut -d' ' -f2)
    [ -n "$have" ] && printf '%s\n' "$1" "$have" | sort --check=quiet --version-sort
}

# Installs Rust by rustup if there is none or an older one than rust-version in Cargo.toml.
need_rust() {
    local wanted
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    cargo_is_new_enough "$wanted" && return
    echo "Installing Rust (there is no cargo, or one older than $wanted)"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
        sh -s -- -y -q --no-modify-path --profile minimal \
            --default-toolchain stable --component clippy --component rustfmt
    # Goes before a cargo of the distribution.
    PATH=$HOME/.cargo/bin:$PATH
    export RUSTUP_TOOLCHAIN=stable
    cargo_is_new_enough "$wanted" || die "cargo is still older than $wanted"
}

# An environment for packages of Python's; the tests find it by VDOROOM_PYTHON.
need_venv() {
    [ ! -x "$PYTHON" ] || return 0
    need_packages python3-venv
    /usr/bin/python3 -m venv "${PYTHON%/bin/python}"
}

# Out of a Python package that carries the program, or built: without optimisation, since it is run
# once, and is ready in a third of the time.
need_cargo_program() {
    local name=$1 version=$2 bin=$CARGO_TARGET_DIR/tools/bin folder
    command -v "$name" >/dev/null && return
    [ ! -x "$bin/$name" ] || return 0
    folder=$(mktemp -d)
    mkdir -p "$bin"
    if need_venv && timeout 120 "$PYTHON" -m pip download --quiet --no-deps --only-binary :all: \
        --dest "$folder" "astral-dev-toolchain-$name==$version" 2>/dev/null &&
        "$PYTHON" -m zipfile -e "$folder"/*.whl "$folder"; then
        install -m 755 "$folder"/*.data/scripts/"$name" "$bin"
    else
        need_debug_build "$name" "$name" "$version"
    fi
    rm -r "$folder"
}

# need_debug_build PROGRAM CRATE VERSION
need_debug_build() {
    PATH=$PATH:$CARGO_TARGET_DIR/tools/bin
    command -v "$1" >/dev/null ||
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug \
            --root "$CARGO_TARGET_DIR/tools" --target-dir "$CARGO_TARGET_DIR/tools/build" "$2@$3"
}

need_cargo_deb() {
    need_debug_build cargo-deb cargo-deb "$CARGO_DEB_VERSION"
}
