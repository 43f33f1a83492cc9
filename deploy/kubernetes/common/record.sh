#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# Records one shard of a room in a pod. SERVER, ROOM and SHARD_COUNT say what; ROOM_PASSWORD,
# OPTIONS, further properties of vdoroomsrc, and DURATION, after how many seconds it ends, are
# optional. `record.sh alive` and `record.sh ready` are the probes.
set -euf

folder=${FOLDER:-/recordings}
# What the containers of a pod share, and which stays while one of them starts again.
shared=${TMPDIR:-/tmp}
pid_file=$shared/recorder.pid
metrics=${METRICS:-127.0.0.1:9464}

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

# The recorder has joined the room; a connection alone is none yet.
ready() {
    exec 3<>"/dev/tcp/${metrics%:*}/${metrics##*:}"
    printf 'GET /ready HTTP/1.0\r\n\r\n' >&3
    read -r _ status _ <&3
    [ "$status" = 200 ]
}

# What is left of DURATION, which began with the pod.
seconds_left() {
    [ -e "$shared/began" ] || date +%s >"$shared/began"
    echo $(($(cat "$shared/began") + DURATION - $(date +%s)))
}

# What is in the files now is all that there will be: upload.sh waits for that.
all_is_recorded() {
    : >"$shared/recorder.ended"
}

# Asked twice, the recorder would not wait for its files.
end() {
    ended=1
    [ -z "$child" ] || [ -n "$told" ] || { told=1 && kill -INT "$child"; }
}

record() {
    pod_index
    child='' ended='' told='' left='' options=()
    trap end TERM INT
    rm -f "$shared/recorder.ended"
    if [ -n "${DURATION:-}" ]; then
        left=$(seconds_left)
        [ "$left" -gt 0 ] || { all_is_recorded && exit 0; }
    fi
    for option in ${OPTIONS:-}; do options+=(--set "$option"); done
    vdoroom record --server "$SERVER" --room "$ROOM" \
        --shard-index "$index" --shard-count "$SHARD_COUNT" \
        ${ROOM_PASSWORD:+--password-env ROOM_PASSWORD} ${left:+--seconds "$left"} \
        ${options[@]+"${options[@]}"} --location "$folder/" --metrics "$metrics" &
    child=$!
    echo "$child" >"$pid_file"
    [ -z "$ended" ] || end
    # A signal ends the wait, not the recorder.
    while wait "$child" && status=0 || status=$?; kill -0 "$child" 2>/dev/null; do :; done
    [ -z "$ended" ] && [ "$status" != 0 ] || all_is_recorded
    exit "$status"
}

"${1:-record}"
