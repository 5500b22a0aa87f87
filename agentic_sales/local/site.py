"""Serve the sample company's web site on loopback for the demo and the tests. No other interface serves it.

The site is static. `sample_site/about.html` is served as `/about`, and `$base_url` stands for the server's address.
The company is invented.
"""

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from threading import Thread
from urllib.parse import urlsplit

_FILES = Path(__file__).with_name("sample_site")
_LOOPBACK = "127.0.0.1"


class _Site(ThreadingHTTPServer):
    """A server that knows its pages."""

    def __init__(self, port: int) -> None:
        super().__init__((_LOOPBACK, port), _Visit)
        self.base_url = f"http://{_LOOPBACK}:{self.server_port}"
        self.pages = rendered_pages(self.base_url)


class _Visit(BaseHTTPRequestHandler):
    """One request to the site."""

    server: _Site

    def do_GET(self) -> None:  # http.server finds it by this name
        """Answer with the page of the path or with 404."""
        content_type, body = self.server.pages.get(urlsplit(self.path).path, ("text/plain", b""))
        self.send_response(HTTPStatus.OK if body else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server names it so
        """Say nothing. The demo's output belongs to the fleet."""


@contextmanager
def serve_sample_site(port: int = 0) -> Iterator[str]:
    """Serve the site while the context lasts and yield its base URL without a slash at the end.

    `{site}` stands for this URL in the examples of the graphs.

    Args:
        port: Port on loopback. 0: a free one.
    """
    with _Site(port) as site:
        thread = Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, name="sample-site", daemon=True)
        thread.start()
        try:
            yield site.base_url
        finally:
            site.shutdown()
            thread.join()


def rendered_pages(base_url: str) -> Mapping[str, tuple[str, bytes]]:
    """Return the pages of the site: path to content type and body."""
    return {
        _path_of(file): (
            mimetypes.guess_type(file.name)[0] or "text/plain",
            Template(file.read_text(encoding="utf-8")).safe_substitute(base_url=base_url).encode(),
        )
        for file in sorted(_FILES.rglob("*.*"))
    }


def _path_of(file: Path) -> str:
    path = "/" + file.relative_to(_FILES).as_posix().removesuffix(".html")
    return "/" if path == "/index" else path
