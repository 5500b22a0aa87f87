"""Serve the sample world and a hostile site in a process of their own: `python -m tests.bench.world`.

It prints one line of JSON: the environment that leads a fleet into the world, the companies' sites and the hostile one.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.local.world.server import serve_world
from agentic_sales.local.world.up import wait_for_end

LINKS, NESTED, WORDS = 3_000, 2_000, 40_000
"""Links to further pages, elements within each other and words of each page of the hostile site: some 400 kB."""


class Trap(BaseHTTPRequestHandler):
    """A site without end. Every page is large, deeply nested, and links to pages that nobody has seen."""

    pages = count()

    def do_GET(self) -> None:
        """Answer with one more page, whatever was asked for."""
        number = next(self.pages)
        links = "".join(f'<a href="/{number}/{link}/about">about {link}</a>' for link in range(LINKS))
        body = f"<html><body>{'<div>' * NESTED}{links}<p>{'word ' * WORDS}</p></body></html>".encode()
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def hostile_site() -> Iterator[str]:
    """Serve the trap while the context lasts. Yield its address."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Trap)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve both until this process is ended."""
    with serve_world() as world, hostile_site() as hostile:
        sites = [company.url for company in world.companies.all]
        told = {"environment": world.environment(), "sites": sites, "hostile": hostile}
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()
        wait_for_end()


if __name__ == "__main__":
    main()
