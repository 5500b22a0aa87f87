"""Make a throw-away certificate of this machine."""

import subprocess
from pathlib import Path

import pytest

from agentic_sales.local.ports import LOOPBACK
from tests.support.services import missing


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate of this machine, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{LOOPBACK}", "-days", "2"]
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, *subject],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        missing("no openssl on this machine")
    return cert, key
