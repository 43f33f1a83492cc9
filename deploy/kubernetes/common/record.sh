#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Records one shard of a room in a pod. SERVER, ROOM and SHARD_COUNT say what; ROOM_PASSWORD and
# OPTIONS, further properties of vdoroomsrc, are optional. `record.sh alive` and `record.sh ready`
# are the probes.
set -euf

folder=${FOLDER:-/recordings}
pid_file=${TMPDIR:-/tmp}/recorder.pid

# The number that Kubernetes gave the pod: a StatefulSet's in a label (1.28 and newer) and in the
# host name, an Indexed Job's in a variable.
pod_index() {
    name=$(uname -n)
    index=${POD_INDEX:-${JOB_COMPLETION_INDEX:-${name##*-}}}
    case $index in
    *[!0-9]*)
        echo "record.sh: no index: POD_INDEX and JOB_COMPLETION_INDEX are not set, and \"$name\" does not end in a number" >&2
        exit 64
        ;;
    esac
}

# The threads that talk to the room and write the files are there.
alive() {
    pid=$(cat "$pid_file")
    set +f
    grep -qx vdoroom:net /proc/"$pid"/task/*/comm
    grep -qx roomfile:ctl /proc/"$pid"/task/*/comm
}

# The recorder has a TCP connection: the one to the room server.
ready() {
    pid=$(cat "$pid_file")
    set +f
    sockets=$(ls -l /proc/"$pid"/fd | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p')
    cat /proc/"$pid"/net/tcp /proc/"$pid"/net/tcp6 2>/dev/null |
        awk -v sockets="$sockets" '
            BEGIN { n = split(sockets, list); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
            $4 == "01" && $10 in ours { found = 1 }
            END { exit !found }'
}

record() {
    pod_index
    child= ended=
    # Kubernetes says TERM, to which gst-launch-1.0 would not listen; after INT it closes the files.
    trap 'ended=1; [ -z "$child" ] || kill -INT "$child"' TERM INT
    # OPTIONS are words.
    # shellcheck disable=SC2086
    gst-launch-1.0 -e vdoroomsrc server="$SERVER" room="$ROOM" \
        shard-index="$index" shard-count="$SHARD_COUNT" \
        ${ROOM_PASSWORD:+password-env=ROOM_PASSWORD} ${OPTIONS:-} \
        : roomfilesink location="$folder/" &
    child=$!
    echo "$child" >"$pid_file"
    [ -z "$ended" ] || kill -INT "$child"
    # A signal ends the wait, not the recorder.
    while wait "$child" && status=0 || status=$?; kill -0 "$child" 2>/dev/null; do :; done
    exit "$status"
}

"${1:-record}"
