"""TLS for the service."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["server_context"]


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Make the context of a server from files in PEM form.

    Args:
        certificate: the server's certificate, followed by those that lead to a trusted one.
        key: its private key, without a passphrase; None where it is in the certificate's file.

    Raises:
        ConfigError: a file cannot be read, or they do not go together.
    """
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path} is no file; TLS needs certificate and key in PEM form")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

    def refuse_passphrase() -> str:
        raise ConfigError(f"the key in {key or certificate} has a passphrase; it has to be plain")

    try:
        context.load_cert_chain(certificate, key, refuse_passphrase)
    except OSError as error:
        raise ConfigError(
            f"{certificate} and {key or 'its key'} cannot be used for TLS: "
            f"{getattr(error, 'reason', None) or error.strerror}"
        ) from None
    return context
