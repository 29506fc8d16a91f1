"""Signing in through the city's own identity provider: OpenID Connect, authorization code with PKCE, ``state`` and ``nonce``.

The provider says who somebody is; what they may do is said here. There must be an account of that name already: nobody
gets in because a provider knows them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from catalog.contract.message import Message

ALGORITHMS = ("RS256", "ES256")  # signatures by keys that the provider alone has; nothing that a shared secret makes
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER = 1 << 20


class OidcRefused(Exception):
    """The provider cannot be asked, or its answer is not to be trusted; the message is for the sign-in page."""


@dataclass(frozen=True)
class Provider:
    """The provider as it was configured; ``claim`` names the claim that holds the account's name."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str = "preferred_username"


@dataclass(frozen=True)
class Started:
    """What a sign-in under way must come back with; it stays in the browser that began it."""

    state: str
    nonce: str
    verifier: str
    back: str


class OidcClient:
    """Talks to one provider.

    Raises:
        ValueError: the issuer is not reached by https, nor on this machine.
    """

    def __init__(self, provider: Provider) -> None:
        _check_address(provider.issuer)
        self._provider = provider
        self._http = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)

    def begin(self, redirect_uri: str, back: str) -> tuple[str, Started]:
        """Return the provider's address to go to, and what to keep until the answer comes; raise :class:`OidcRefused`."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        started = Started(state, nonce, verifier, back)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(started.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile",
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{_endpoint(self._configuration(), 'authorization_endpoint')}?{urlencode(asked)}", started

    def finish(self, started: Started, state: str, code: str, redirect_uri: str, now: datetime) -> str:
        """Return the account's name that the provider vouches for.

        Raises:
            OidcRefused: the answer belongs to another sign-in, or the token is not the provider's, not for us, not for
                this sign-in, or over.
        """
        if not code or not secrets.compare_digest(state.encode(), started.state.encode()):
            raise OidcRefused("统一身份认证的应答与本次登录不符，请重新登录")
        known = self._configuration()
        answer = self._asked(
            "POST",
            _endpoint(known, "token_endpoint"),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": started.verifier,
            },
            auth=(self._provider.client_id, self._provider.client_secret),
        )
        keys = self._asked("GET", _endpoint(known, "jwks_uri"))
        claims = self._verified(str(answer.get("id_token", "")), keys, started.nonce, now)
        name = claims.get(self._provider.claim)
        if not isinstance(name, str) or not name:
            raise OidcRefused(Message("统一身份认证没有给出账号（{claim}）", claim=self._provider.claim))
        return name

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _verified(self, token: str, keys: dict[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS)).claims  # type: ignore[arg-type]
            jwt.JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": self._provider.client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise OidcRefused("统一身份认证的令牌无效，不能登录") from error
        many = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (many or "azp" in claims) and claims.get("azp") != self._provider.client_id:
            raise OidcRefused("统一身份认证的令牌不是发给本系统的")
        return claims

    def _configuration(self) -> dict[str, Any]:
        """Return what the provider says of itself."""
        known = self._asked("GET", f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        if known.get("issuer") != self._provider.issuer:
            raise OidcRefused("统一身份认证的配置与 CITYBRAIN_OIDC_ISSUER 不符")
        return known

    def _asked(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, url, **how)
            if answer.status_code != httpx.codes.OK or len(answer.content) > LARGEST_ANSWER:
                raise OidcRefused("统一身份认证没有接受本次登录，请重新登录")
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise OidcRefused("统一身份认证暂时无法访问，请稍后再试或用本系统账号登录") from error
        if not isinstance(found, dict):
            raise OidcRefused("统一身份认证的应答无法识别")
        return found


def _endpoint(known: dict[str, Any], name: str) -> str:
    address = str(known.get(name, ""))
    try:
        _check_address(address)
    except ValueError as error:
        raise OidcRefused("统一身份认证的地址不安全") from error
    return address


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return
    try:
        is_here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if parts.scheme != "http" or not is_here:
        raise ValueError(f"{url!r}: an identity provider is reached by https, or on this machine")
