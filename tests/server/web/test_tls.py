"""The service over TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from websockets.asyncio.client import connect

from rtaudio.errors import ConfigError
from rtaudio.server import RealtimeServer
from rtaudio.server.web.tls import server_context

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key of this machine."""
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


async def test_sessions_run_over_tls(
    authority: trustme.CA, files: tuple[Path, Path], engines: dict[str, Any]
) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with RealtimeServer(**engines, tls=server_context(*files)) as server:
        assert server.url.startswith("wss://127.0.0.1:")
        async with connect(server.url, ssl=trusting) as socket:
            assert "session.created" in str(await socket.recv())


def test_both_may_be_in_one_file(files: tuple[Path, Path]) -> None:
    certificate, key = files
    certificate.write_bytes(key.read_bytes() + certificate.read_bytes())
    server_context(certificate, None)


def test_a_missing_file_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.pem is no file"):
        server_context(files[0], tmp_path / "gone.pem")


def test_files_that_do_not_go_together_are_named(
    authority: trustme.CA, files: tuple[Path, Path]
) -> None:
    certificate, key = files
    key.write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
    with pytest.raises(ConfigError, match=r"cert.pem and .*key.pem cannot be used"):
        server_context(certificate, key)
    certificate.write_text("no certificate")
    with pytest.raises(ConfigError, match="cannot be used"):
        server_context(certificate, key)


def test_a_key_with_a_passphrase_is_refused_rather_than_asked_for(files: tuple[Path, Path]) -> None:
    certificate, key = files
    plain = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigError, match="passphrase"):
        server_context(certificate, key)
