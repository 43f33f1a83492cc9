# SPDX-License-Identifier: MPL-2.0
"""A network camera on the loopback: serves the launch line that it is given, prints its address."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
media = GstRtspServer.RTSPMediaFactory()
media.set_launch(sys.argv[1])
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
# Any port that is free.
server.set_service("0")
server.get_mount_points().add_factory("/camera", media)
server.attach(None)
print(f"rtsp://127.0.0.1:{server.get_bound_port()}/camera", flush=True)
GLib.MainLoop().run()
