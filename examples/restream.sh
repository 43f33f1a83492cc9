#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# How is one person restreamed to an RTMP or SRT server?
#
#   GST_PLUGIN_PATH=target/release sh examples/restream.sh --room studio --person alice \
#       --to rtmp://127.0.0.1/live/alice
#
# The video stays as it is, in H.264; the audio becomes AAC, which servers expect.
# A muxer waits for both: --audio no is for people without a microphone.
set -eu

usage() {
    echo "usage: $0 --room ROOM --person ID --to URL [--audio no]" \
        "[--server URL] [--password-env NAME]" >&2
    exit 2
}

room='' person='' to='' server=ws://127.0.0.1:8443 password_env='' audio=''
while [ $# -ge 2 ]; do
    case $1 in
        --room) room=$2 ;;
        --person) person=$2 ;;
        --to) to=$2 ;;
        --audio) audio=$2 ;;
        --server) server=$2 ;;
        --password-env) password_env=$2 ;;
        *) usage ;;
    esac
    shift 2
done
if [ $# != 0 ] || [ -z "$room" ] || [ -z "$person" ] || [ -z "$to" ]; then
    usage
fi

# Whatever it holds, gst-launch-1.0 takes it as one value.
quoted() {
    printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"
}

case $to in
    rtmp://* | rtmps://*) mux='flvmux streamable=true' sink=rtmp2sink address=location ;;
    srt://*) mux='mpegtsmux alignment=7' sink=srtsink address=uri ;;
    *) echo "$0: $to is neither rtmp:// nor srt://" >&2; exit 2 ;;
esac

set -- server="$(quoted "$server")" room="$(quoted "$room")" streams="<$(quoted "$person")>"
if [ "$password_env" ]; then
    set -- "$@" password-env="$(quoted "$password_env")"
fi
if [ "$audio" = no ]; then
    set -- "$@" receive-audio=false
else
    audio='room. ! audio/x-opus ! queue ! opusdec ! audioconvert ! audioresample
        ! avenc_aac ! aacparse ! mux.'
fi
# Who reloads within a minute goes on in the same stream; who leaves for good ends it.
# shellcheck disable=SC2086
exec gst-launch-1.0 -e vdoroomsrc name=room "$@" video-codecs='<H264>' rejoin-window=60000 \
    room. ! video/x-h264 ! queue ! h264parse config-interval=-1 ! mux. ${audio#no} \
    $mux name=mux latency=3000000000 ! $sink "$address=$(quoted "$to")" sync=false
