#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Copies recordings to REMOTE, such as s3:bucket/studio, into a folder of this pod's name: files that
# nothing was written to for a minute, and when the pod ends, after the recorder, all of them.
set -eu

copy() {
    rclone copy "$@" "${FOLDER:-/recordings}" "$REMOTE/$POD_NAME" ||
        echo "upload.sh: not everything could be copied" >&2
}

ended=
trap ended=1 TERM INT
while [ -z "$ended" ]; do
    copy --min-age 1m
    # A signal ends the wait, not the sleep.
    sleep "${PAUSE:-30}" &
    wait $! || :
done
copy
