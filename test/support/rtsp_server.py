"""An RTSP camera for tests, on GStreamer's server (Debian: python3-gi, gir1.2-gst-rtsp-server-1.0).

usage: rtsp_server.py PORT NAME PASSWORD CODEC
Serves rtsp://127.0.0.1:PORT/live in one colour (orange, 320x240, 15 frames a second), for NAME and
PASSWORD by Digest authentication where NAME is not empty. CODEC is h264 or mjpeg. Prints "ready".
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay",
    "mjpeg": "jpegenc ! rtpjpegpay",
}

port, name, password, codec = sys.argv[1:5]
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service(port)

factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(
    "( videotestsrc is-live=true pattern=solid-color foreground-color=0xffff8000 "
    "! video/x-raw,format=I420,width=320,height=240,framerate=15/1 "
    f"! {ENCODERS[codec]} name=pay0 pt={96 if codec == 'h264' else 26} )"
)
factory.set_shared(True)

if name:
    auth = GstRtspServer.RTSPAuth.new()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken.new()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(name, password, token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string(
            "viewer, media.factory.access=true, media.factory.construct=true"
        )
    )

server.get_mount_points().add_factory("/live", factory)
if not server.attach(None):
    sys.exit(f"the port {port} is taken")
print("ready", flush=True)
GLib.MainLoop().run()
