"""Python imports this first where its folder is on PYTHONPATH: no connection leaves the machine.

An audit hook is asked before Python's own sockets connect, send or look up a name, is the same on
every system, and cannot be taken away again. Code in C that opens sockets itself is not asked.
"""

import errno
import sys

# Where the address or the host stands among the arguments of an event.
EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


def is_local(place: object) -> bool:
    """Return whether an address or host is this machine; a file's name is, and no place at all."""
    host = place[0] if isinstance(place, tuple) and place else None
    if isinstance(place, (str, bytes)):
        host = place
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):  # None, or the numbers of another family than the internet's
        return True
    return host in ("", "localhost", "::1") or host.startswith(("127.", "/", "\0"))


def refuse(event: str, arguments: tuple) -> None:
    """Raise OSError, as a machine without a network does, for an event that leads elsewhere."""
    if event in EVENTS and not is_local(place := arguments[EVENTS[event]]):
        raise OSError(errno.ENETUNREACH, f"the network is off in this test: {event} {place!r}")


sys.addaudithook(refuse)
