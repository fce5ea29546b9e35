"""An HTTP server on 127.0.0.1 for tests of downloads: files with ranges, and the ways in which servers fail."""
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalServer:
    """Serves ``files`` {path: bytes}. What goes wrong is set per path:

    cut[path]: list of byte counts; each request sends so many bytes of its answer, then hangs up, until the list
        is empty.
    stall[path]: likewise, but then sends nothing more for ``stalled_for`` seconds.
    status[path]: list of HTTP status codes to answer first. redirect[path]: where to send the client.
    no_ranges, no_mark: the server knows no ranges, or sends neither ETag nor Last-Modified.
    requests: (path, Range header) of every request.
    """

    def __init__(self):
        self.files, self.cut, self.stall, self.status, self.redirect = {}, {}, {}, {}, {}
        self.no_ranges = self.no_mark = False
        self.stalled_for = 3
        self.requests = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *args):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.httpd.server_address[1]}/{path}"

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()

    def answer(self, handler):
        path = handler.path.lstrip("/")
        wanted = handler.headers.get("Range")
        self.requests.append((path, wanted))
        if self.status.get(path):
            self.reply(handler, self.status[path].pop(0))
        elif path in self.redirect:
            self.reply(handler, 302, {"Location": self.redirect[path]})
        elif path not in self.files:
            self.reply(handler, 404)
        else:
            self.send_file(handler, path, self.files[path], wanted)

    def send_file(self, handler, path, content, wanted):
        mark = '"' + hashlib.md5(content).hexdigest() + '"'
        headers = {} if self.no_mark else {"ETag": mark}
        same = handler.headers.get("If-Range") in (None, mark)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and same and not self.no_ranges else 0
        if start and start >= len(content):
            self.reply(handler, 416, {"Content-Range": f"bytes */{len(content)}"})
            return
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        self.reply(handler, 206 if start else 200, {**headers, "Content-Length": str(len(body))}, end=False)
        for failures, pause in ((self.cut, 0), (self.stall, self.stalled_for)):
            if failures.get(path):
                handler.wfile.write(body[:failures[path].pop(0)])
                handler.wfile.flush()
                time.sleep(pause)
                handler.close_connection = True
                return
        handler.wfile.write(body)

    def reply(self, handler, code, headers=None, end=True):
        handler.send_response(code)
        for name, value in (headers or {"Content-Length": "0"}).items():
            handler.send_header(name, value)
        if end and headers is not None and "Content-Length" not in headers:
            handler.send_header("Content-Length", "0")
        handler.end_headers()
