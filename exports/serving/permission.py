"""Who may ask: anybody on this machine, or whoever has the token."""

import hmac

from exports.serving.limits import Refused

SHORTEST = 16  # signs of a token
LOCAL = ("localhost", "127.0.0.1", "[::1]")  # names by which a server without a token may be asked


def check_token(host: str, token: str | None) -> None:
    """ValueError if whoever can reach `host` could ask without a token, or the token is none."""
    if token is None:
        if not is_local(host):
            raise ValueError(
                f"{host} can be reached from elsewhere, so a token is needed; give one of at least {SHORTEST} "
                "letters or digits, or listen on 127.0.0.1."
            )
    elif len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"The token is no token; give at least {SHORTEST} letters or digits without spaces.")


def is_local(host: str) -> bool:
    """Whether only this machine reaches the address."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def permitted(scope: dict, token: str | None) -> None:
    """`Refused` unless a request carries the token; without one, unless it is meant for this machine by name.

    A page of somebody else that lets its own name lead here would ask under that name.
    """
    headers = dict(scope["headers"])
    if token is None:
        host = headers.get(b"host", b"localhost").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in LOCAL:
            raise Refused(
                403, "This server answers to localhost alone; start it with a token to ask it by name.", more=True
            )
        return
    kind, _, given = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() != b"bearer" or not given:
        raise Refused(401, "A token is needed; send the header Authorization: Bearer TOKEN.", more=True)
    if not hmac.compare_digest(given.strip(), token.encode()):
        raise Refused(401, "The token is wrong.", more=True)
