#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Copies recordings to REMOTE, such as s3:bucket/studio, into a folder of this pod's name: files that
# nothing was written to for a minute, and all of them once the recorder has ended. It ends when all
# are copied, however long that takes: with the pod a volume may go.
set -eu

copy() {
    rclone copy "$@" "${FOLDER:-/recordings}" "$REMOTE/$POD_NAME" && return
    echo "upload.sh: not everything could be copied, it is tried again" >&2
    return 1
}

# A signal ends the wait, not the sleep.
pause() {
    sleep "$pause" &
    wait $! || :
}

settled='--min-age 1m' pause=${PAUSE:-30}
# The pod is to end: the recorder is told too, and has files to close. What it leaves is copied even
# if it cannot say that it has ended.
trap 'settled= pause=1' TERM INT
until [ -e "${TMPDIR:-/tmp}/recorder.ended" ]; do
    # Two words, or none.
    # shellcheck disable=SC2086
    copy $settled || :
    pause
done
until copy; do pause; done
