"""Who may come in: by the page that they come from, what they know, and how many they are. Pure.

A browser lets any page open a socket to any server and says which page it was (Origin). Programs
send no Origin and are let in: they can do nothing that a page's visitor did not mean.
"""

import hmac
from collections import Counter
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

ANY = "*"
OWN_NAMES = ("localhost",)
SITE = 64  # leading bits of an IPv6 address that one household or server has to itself

Address: TypeAlias = IPv4Address | IPv6Address


class Door:
    """`origins`: pages that are let in besides our own. `names`: by which this machine is called.

    A page is ours if it was served by this machine: from a loopback address, or from the host by
    which we are reached, where that is an address or one of our names. (Any other name may have
    been pointed at us by whoever owns it: DNS rebinding.)
    """

    def __init__(
        self,
        origins: Collection[str] = (),
        token: str | None = None,
        per_address: int = 1,
        proxies: Collection[str] = (),
        names: Collection[str] = (),
    ) -> None:
        self.origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self.token = token
        self.per_address = per_address
        self.proxies = tuple(ip_network(proxy) for proxy in proxies)
        self.names = frozenset(name.lower() for name in (*OWN_NAMES, *names))
        self.inside: Counter[str] = Counter()

    # -- the page

    def lets_in_page(self, origins: Sequence[str], host: str) -> bool:
        """`origins`: the Origin headers of a request; `host`: its Host header."""
        if not origins:
            return True
        origin = origins[0].lower()
        if len(origins) > 1:
            return False
        return ANY in self.origins or origin in self.origins or self.is_own(origin, host)

    def is_own(self, origin: str, host: str) -> bool:
        page, ours = split(origin), split(f"//{host}".lower())
        if page is None or ours is None or page.scheme not in {"http", "https"}:
            return False
        if is_loopback(page.hostname):
            return is_loopback(ours.hostname)
        return page.hostname == ours.hostname and self.is_called(page.hostname)

    def is_called(self, host: str | None) -> bool:
        return host in self.names or read_address(host) is not None

    # -- the token

    def knows(self, token: str) -> bool:
        """Compared in a time that does not say how much of it was right."""
        return self.token is None or hmac.compare_digest(token.encode(), self.token.encode())

    def bearer(self, headers: Sequence[str]) -> str | None:
        """The token of a request's Authorization headers, if it has any."""
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        return token.strip() if scheme.lower() == "bearer" else None

    # -- the address

    def visitor(self, peer: str, forwarded: Sequence[str]) -> str | None:
        """Whom a connection is counted for; None: nobody, it is this machine's own.

        What a proxy of ours adds to X-Forwarded-For is its last word; whatever stands before it
        anybody may have written.
        """
        address = read_address(peer)
        if self.is_proxy(address):
            told = [read_address(word.strip()) for line in forwarded for word in line.split(",")]
            last = next((each for each in reversed(told) if not self.is_proxy(each)), None)
            address = last or address
        if address is None or address.is_loopback:
            return None
        if isinstance(address, IPv6Address):
            return str(ip_network((address, SITE), strict=False))
        return str(address)

    def is_proxy(self, address: Address | None) -> bool:
        return address is not None and (
            address.is_loopback or any(address in proxy for proxy in self.proxies)
        )

    def enter(self, visitor: str | None) -> bool:
        """Whether there is a place left for this visitor; `leave` gives it back."""
        if visitor is None:
            return True
        if self.inside[visitor] >= self.per_address:
            return False
        self.inside[visitor] += 1
        return True

    def leave(self, visitor: str | None) -> None:
        if visitor is None:
            return
        self.inside[visitor] -= 1
        if not self.inside[visitor]:
            del self.inside[visitor]


def split(address: str) -> SplitResult | None:
    try:
        found = urlsplit(address)
        _ = found.port
    except ValueError:
        return None
    return found if found.hostname else None


def read_address(text: str | None) -> Address | None:
    """An IP address; one of IPv4 that came in IPv6's clothes is undressed."""
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_loopback(host: str | None) -> bool:
    address = read_address(host)
    return host in OWN_NAMES or (address is not None and address.is_loopback)
