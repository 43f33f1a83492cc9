#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""How does a Python application record a room, into files with names of its own?

    GST_PLUGIN_PATH=target/release python3 examples/record_room.py --room studio \\
        --location 'recordings/%l, part %n, %d.%e'

Needs the Debian packages python3-gi and gir1.2-gstreamer-1.0, and the plugin where GStreamer
finds it.
"""
import argparse
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description="Records a room, each person into a file")
    parser.add_argument("--room", required=True)
    parser.add_argument("--server", default="ws://127.0.0.1:8443")
    parser.add_argument("--password-env", help="environment variable with the room's password")
    parser.add_argument("--location", default="recording",
                        help="folder/, prefix, or template with %%s stream ID, %%l label, "
                        "%%n part, %%d time, %%e extension")
    parser.add_argument("--seconds", type=int, help="stop after so long")
    return parser.parse_args()


def make(factory, **properties):
    element = Gst.ElementFactory.make(factory)
    if element is None:
        sys.exit(f"GStreamer has no {factory}: set GST_PLUGIN_PATH to the plugin's folder")
    for name, value in properties.items():
        element.set_property(name.replace("_", "-"), value)
    return element


def link(source, pad, sink):
    """Each pad is a track; the sink has a pad for it and knows whose it is."""
    if not source.link_pads(pad.get_name(), sink, None):
        print(f"{pad.get_name()} cannot be recorded", flush=True)


def on_message(_bus, message, loop):
    if message.type == Gst.MessageType.EOS:
        loop.quit()
    elif message.type == Gst.MessageType.ERROR:
        error, details = message.parse_error()
        print(f"error: {error.message} ({details})", file=sys.stderr)
        loop.failed = True
        loop.quit()
    elif message.type == Gst.MessageType.WARNING:
        warning, details = message.parse_warning()
        print(f"warning: {warning.message} ({details})", file=sys.stderr)
    elif message.type == Gst.MessageType.ELEMENT:
        # Who comes and goes, and which files open and close.
        print(message.get_structure().to_string(), flush=True)


def main():
    options = arguments()
    Gst.init(None)
    source = make("vdoroomsrc", server=options.server, room=options.room,
                  password_env=options.password_env)
    sink = make("roomfilesink", location=options.location)
    pipeline = Gst.Pipeline()
    pipeline.add(source)
    pipeline.add(sink)
    source.connect("pad-added", link, sink)

    loop = GLib.MainLoop()
    loop.failed = False
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message, loop)

    def stop():
        # EOS closes the files; the sink posts EOS when they are closed.
        pipeline.send_event(Gst.Event.new_eos())
        return GLib.SOURCE_REMOVE

    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, stop)
    if options.seconds:
        GLib.timeout_add_seconds(options.seconds, stop)
    if pipeline.set_state(Gst.State.PLAYING) != Gst.StateChangeReturn.FAILURE:
        loop.run()
    else:
        on_message(bus, bus.pop_filtered(Gst.MessageType.ERROR), loop)
    pipeline.set_state(Gst.State.NULL)
    return 1 if loop.failed else 0


if __name__ == "__main__":
    sys.exit(main())
