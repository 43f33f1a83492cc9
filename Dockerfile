# SPDX-License-Identifier: MPL-2.0
# An image that records a room:
#   docker build -t vdoroom .
#   mkdir recordings
#   docker run --rm -it --network host --user "$(id -u):$(id -g)" -v "$PWD/recordings:/recordings" \
#       vdoroom --server ws://192.168.1.5:8443 --room studio
# It has gst-launch-1.0 and the plugin as well; deploy/kubernetes uses it.
ARG DEBIAN=trixie

FROM rust:1.95-slim-$DEBIAN AS build
RUN apt-get update && \
    apt-get install -y --no-install-recommends \
        libgstreamer-plugins-bad1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer1.0-dev \
        libssl-dev meson ninja-build pkg-config
WORKDIR /source
COPY . .
ARG BUILDTYPE=release
RUN meson setup --prefix=/usr --buildtype="$BUILDTYPE" /build && DESTDIR=/install meson install -C /build

FROM debian:$DEBIAN-slim
RUN apt-get update && \
    apt-get install -y --no-install-recommends \
        ca-certificates gstreamer1.0-nice gstreamer1.0-plugins-bad gstreamer1.0-plugins-base \
        gstreamer1.0-plugins-good gstreamer1.0-tools && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /install /
# GStreamer's list of plugins is made now: a container starts without looking through them all.
ENV GST_REGISTRY=/usr/share/gstreamer-1.0/registry.bin
RUN gst-inspect-1.0 vdoroomsrc >/dev/null && \
    useradd --uid 1000 --home-dir /recordings --create-home vdoroom
USER 1000:1000
WORKDIR /recordings
VOLUME /recordings
# Closes the files; it takes less than 5 s.
STOPSIGNAL SIGINT
ENTRYPOINT ["vdoroom", "record", "--location", "/recordings/"]
