"""Posts alerts to a webhook, in the format of Slack, Discord and others.

The URL of a webhook is a secret, as anybody who knows it can post. Messages name only its host.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from typing_extensions import override

from ft42_warehouse.shown import as_json

_TIMEOUT = 10
"""Seconds to connect, and to wait for an answer."""

_NO_PREVIEWS = 1 << 2
"""Discord's flag for a message without previews of its links."""

_LONGEST = {"slack": 4_000, "discord": 2_000}
"""Characters of a message; Slack cuts longer ones, Discord refuses them."""

_REST = "\n… and more: see warehouse status."

_HOSTS = {
    "hooks.slack.com": "slack",
    "hooks.slack-gov.com": "slack",
    "discord.com": "discord",
    "canary.discord.com": "discord",
    "ptb.discord.com": "discord",
    "discordapp.com": "discord",
}


class _Session(requests.Session):
    """Trusts the authorities that the machine trusts, and follows no redirection."""

    def __init__(self) -> None:
        super().__init__()
        self.verify = os.environ.get("SSL_CERT_FILE") or True

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow no redirection: the server may not choose who else reads the message."""
        return None


class WebhookError(Exception):
    """A webhook cannot be used, or refused a message. The text holds no secret."""


class Format(StrEnum):
    """The format of a message."""

    SLACK = "slack"
    DISCORD = "discord"
    JSON = "json"


@dataclass(frozen=True)
class Webhook:
    """A URL to which messages are posted."""

    url: str = field(repr=False)
    host: str
    format: Format

    @classmethod
    def at(cls, url: str, message_format: str | None = None) -> Webhook:
        """Return the webhook of a URL.

        Args:
            url: An https URL, or an http one of this machine.
            message_format: A `Format`. If None, the URL's host decides; JSON if it is unknown.

        Raises:
            WebhookError: Others could read the messages on their way.
        """
        try:
            parts = urlsplit(url.strip())
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or not (
            parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
        ):
            message = "it must be an https:// URL, or an http:// one of this machine"
            raise WebhookError(message)
        return cls(url.strip(), host, Format(message_format or _HOSTS.get(host, "json")))

    def post(self, lines: Sequence[str], details: Mapping[str, Any]) -> None:
        """Post a message.

        Args:
            lines: The message, for people.
            details: The same for programs; only the format JSON includes it.

        Raises:
            WebhookError: The webhook cannot be reached, or refused the message.
        """
        request = requests.Request(
            "POST",
            self.url,
            data=as_json(self._body("\n".join(lines), details)).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "ft42-warehouse"},
        )
        try:
            with _Session() as session:
                # A session would prepare it with a password from ~/.netrc.
                prepared = request.prepare()
                surroundings = session.merge_environment_settings(
                    self.url,
                    # No proxy can reach a server on this machine.
                    proxies={"no_proxy": self.host} if _is_loopback(self.host) else {},
                    # The body of the answer is not read.
                    stream=True,
                    verify=None,
                    cert=None,
                )
                with session.send(prepared, timeout=_TIMEOUT, **surroundings) as response:
                    status = response.status_code
        except OSError as error:
            # The text of the error may hold the URL.
            message = (
                f"the certificate of {self.host} is not trusted: see REQUESTS_CA_BUNDLE"
                if _is_distrusted(error)
                else f"{self.host} could not be reached ({type(error).__name__})"
            )
            raise WebhookError(message) from None
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            message = f"{self.host} refused it with status {status}"
            raise WebhookError(message)

    def _body(self, text: str, details: Mapping[str, Any]) -> dict[str, Any]:
        match self.format:
            case Format.SLACK:
                escaped = _inert(text).replace("&", "&amp;")
                escaped = escaped.replace("<", "&lt;").replace(">", "&gt;")
                return {"text": _cut(escaped, self.format), "mrkdwn": False}
            case Format.DISCORD:
                escaped = re.sub(r"([\\*_~|<>#\[\]])", r"\\\1", _inert(text))
                return {
                    "content": _cut(escaped, self.format),
                    "allowed_mentions": {"parse": []},
                    "flags": _NO_PREVIEWS,
                }
            case Format.JSON:
                return {"text": text, **details}


def _is_distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__context__
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _inert(text: str) -> str:
    """Return a text that mentions nobody and contains no formatting."""
    return text.replace("@", "@\N{ZERO WIDTH SPACE}").replace("`", "'")


def _cut(text: str, message_format: Format) -> str:
    """Cut a text to the length of a message, between two words."""
    longest = _LONGEST[message_format]
    if len(text) <= longest:
        return text
    room = longest - len(_REST)
    end = max(text.rfind(space, 0, room + 1) for space in " \n")
    return text[: end if end > 0 else room] + _REST
