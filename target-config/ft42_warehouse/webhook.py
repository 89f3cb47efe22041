"""Where alerts are posted, in the words that Slack, Discord and others take.

The URL of a webhook is a secret: whoever knows it can post. Only its host is ever named.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from typing_extensions import override

from ft42_warehouse.shown import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMEOUT = 10
"""Seconds to connect, and to wait for an answer."""

_NO_PREVIEWS = 1 << 2
"""Discord's flag for a message whose links are not unfolded."""

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
    """Trusts whom the machine trusts, and is sent nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.verify = os.environ.get("SSL_CERT_FILE") or True

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Go nowhere: whoever answers may not choose who reads the message."""
        return None


class WebhookError(Exception):
    """A webhook that cannot be used, or did not take a message; no secret is told."""


class Format(StrEnum):
    """Who takes the message."""

    SLACK = "slack"
    DISCORD = "discord"
    JSON = "json"


@dataclass(frozen=True)
class Webhook:
    """A URL that messages are posted to."""

    url: str = field(repr=False)
    host: str
    format: Format

    @classmethod
    def at(cls, url: str, message_format: str | None = None) -> Webhook:
        """Return the webhook of a URL.

        Args:
            url: An https URL, or an http one of this machine.
            message_format: A `Format`; by the URL's host if not given, else JSON.

        Raises:
            WebhookError: Others could read on the way what is posted there.
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
            details: The same for programs; only JSON carries it.

        Raises:
            WebhookError: It was not taken.
        """
        request = requests.Request(
            "POST",
            self.url,
            data=as_json(self._body("\n".join(lines), details)).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "ft42-warehouse"},
        )
        try:
            with _Session() as session:
                # A session's own way to prepare it would look for a password in ~/.netrc.
                prepared = request.prepare()
                surroundings = session.merge_environment_settings(
                    self.url,
                    # No proxy reaches what is on this machine.
                    proxies={"no_proxy": self.host} if _is_loopback(self.host) else {},
                    # Whatever is answered, nobody reads it.
                    stream=True,
                    verify=None,
                    cert=None,
                )
                with session.send(prepared, timeout=_TIMEOUT, **surroundings) as response:
                    status = response.status_code
        except OSError as error:
            # What it says holds the URL.
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
    """Return a text that calls nobody and switches no typeface."""
    return text.replace("@", "@\N{ZERO WIDTH SPACE}").replace("`", "'")


def _cut(text: str, message_format: Format) -> str:
    """Return as many whole words as a message may have."""
    longest = _LONGEST[message_format]
    if len(text) <= longest:
        return text
    room = longest - len(_REST)
    end = max(text.rfind(space, 0, room + 1) for space in " \n")
    return text[: end if end > 0 else room] + _REST
