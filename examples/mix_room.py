#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""How is a room mixed live into one video and one audio stream, while people come and go?

    GST_PLUGIN_PATH=target/release python3 examples/mix_room.py --room studio --to mix.ts
"""
import argparse
import math
import signal
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

# The test sources keep both mixers going while nobody is there.
MIXERS = """vdoroomsrc name=room {muxer} name=mux latency=2000000000 ! {sink} name=to sync=false
    compositor name=video background=black
    ! video/x-raw,format=I420,width={size[0]},height={size[1]},framerate=30/1
    ! x264enc tune=zerolatency speed-preset=veryfast key-int-max=60 ! h264parse ! queue ! mux.
    audiomixer name=audio ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! avenc_aac ! mux.
    videotestsrc is-live=true pattern=black ! video.  audiotestsrc is-live=true volume=0 ! audio."""


def lay_out(video, width, height):
    """Gives everybody a tile of the same size. The first pad is the test source's."""
    tiles = video.sinkpads[1:]
    across = math.ceil(math.sqrt(len(tiles))) or 1
    down = math.ceil(len(tiles) / across)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, across)
        tile.props.xpos, tile.props.ypos = width * column // across, height * row // down
        tile.props.width, tile.props.height = width // across, height // down
        Gst.util_set_object_arg(tile, "sizing-policy", "keep-aspect-ratio")


def on_pad_added(_room, track, pipeline, size):
    """Decodes a track into its mixer until it ends. Runs on a thread of the room's, as do all."""
    video, audio = pipeline.get_by_name("video"), pipeline.get_by_name("audio")
    mixer, end = (audio, "audioresample") if "audio" in track.get_name() else (video, "queue")
    branch = Gst.parse_bin_from_description(f"queue name=sink ! decodebin ! {end} name=src", False)
    for name in ("sink", "src"):
        branch.add_pad(Gst.GhostPad.new(name, branch.get_by_name(name).get_static_pad(name)))
    pipeline.add(branch)
    # Not from the start: a mixer (GStreamer 1.22) that has nobody else to wait for ends.
    mixer.props.ignore_inactive_pads = True
    place = mixer.request_pad_simple("sink_%u")
    branch.get_static_pad("src").link(place)
    lay_out(video, *size)

    def on_unlinked(_track, _peer):
        # The place first: it lets go of what waits there.
        mixer.release_request_pad(place)
        branch.set_locked_state(True)
        branch.set_state(Gst.State.NULL)
        pipeline.remove(branch)
        lay_out(video, *size)

    track.connect("unlinked", on_unlinked)
    branch.sync_state_with_parent()
    track.link(branch.get_static_pad("sink"))


def main():
    parser = argparse.ArgumentParser(description="Mixes a room into one video and one audio stream")
    parser.add_argument("--room", required=True)
    parser.add_argument("--server", default="ws://127.0.0.1:8443")
    parser.add_argument("--password-env", help="environment variable with the room's password")
    parser.add_argument("--to", default="mix.ts", help="rtmp://…, srt://… or a file (MPEG-TS)")
    parser.add_argument("--size", nargs=2, type=int, default=(1280, 720), help="of the video")
    options = parser.parse_args()
    Gst.init(None)
    muxer, sink, address = {
        "rtmp": ("flvmux streamable=true", "rtmp2sink", "location"),
        "srt": ("mpegtsmux alignment=7", "srtsink", "uri"),
    }.get(options.to.partition(":")[0], ("mpegtsmux", "filesink", "location"))
    try:
        pipeline = Gst.parse_launch(MIXERS.format(muxer=muxer, sink=sink, size=options.size))
    except GLib.Error as error:
        sys.exit(f"{error.message}: GST_PLUGIN_PATH should have the plugin's folder")
    room = pipeline.get_by_name("room")
    for name in ("room", "server", "password_env"):
        setattr(room.props, name, getattr(options, name))
    pipeline.get_by_name("to").set_property(address, options.to)
    room.connect("pad-added", on_pad_added, pipeline, options.size)
    loop, failures, bus = GLib.MainLoop(), [], pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::error", lambda _, m: failures.append(m.parse_error()[0].message))
    bus.connect("message::error", lambda *_: loop.quit())
    bus.connect("message::eos", lambda *_: loop.quit())
    bus.connect("message::latency", lambda *_: pipeline.recalculate_latency())
    GLib.unix_signal_add(0, signal.SIGINT, lambda: not pipeline.send_event(Gst.Event.new_eos()))
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    sys.exit(failures[0] if failures else 0)


if __name__ == "__main__":
    main()
