"""A camera on the network, as they are: JPEG after JPEG in one HTTP answer without an end, behind a name and a
password. Not a test."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

PASSWORD = "sesame"


class Mjpeg(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        _, jpeg = cv2.imencode(".jpg", np.full((180, 320, 3), (40, 160, 90), np.uint8))
        try:
            while not self.server.over.wait(0.1):
                self.wfile.write(
                    b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
                    % (len(jpeg), jpeg.tobytes())
                )
        except OSError:
            pass  # the client has disconnected

    def log_message(self, *args):
        pass


@contextmanager
def network_camera():
    """Its address, with the password in it twice."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mjpeg)
    server.over, server.daemon_threads = threading.Event(), True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://ana:{PASSWORD}@127.0.0.1:{server.server_address[1]}/yard.mjpg?token={PASSWORD}"
    finally:
        server.over.set()
        server.shutdown()


def shown_as(address: str) -> str:
    """What anybody may see of it."""
    return address.replace(f"ana:{PASSWORD}@", "").split("?")[0]
