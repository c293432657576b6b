"""One canary: `python -I -S program.py ORDERS`. Standard library alone, since it runs in the sandbox.

It says that it begins, tries what a plugin must not be able to do, and says what came of it, a JSON object a line on
stdout. Without the first word, silence would be taken for a failed attempt.
"""

import errno
import json
import os
import signal
import socket
import sys

MIB = 2**20
EXEC_CODE = 'import sys; print(\'{"succeeded": true, "detail": "another program runs"}\')'


def connect(orders: "dict[str, object]") -> str:
    """Reaches a socket of this machine over the network."""
    with socket.create_connection(("127.0.0.1", int(str(orders["port"]))), 2.0) as connection:
        connection.sendall(str(orders["token"]).encode())
    return "it was connected"


def read_secret(orders: "dict[str, object]") -> str:
    """Reads a file that is not its own, but that anybody may read."""
    with open(str(orders["secret"])) as file:  # noqa: PTH123
        return file.read()


def write_code(orders: "dict[str, object]") -> str:
    """Changes its own code, in a folder that anybody may write to."""
    with open(str(orders["code"]), "a") as file:  # noqa: PTH123
        file.write(str(orders["token"]))
    return "it was changed"


def execute(orders: "dict[str, object]") -> str:
    """Becomes another program."""
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", EXEC_CODE])


def start_process(orders: "dict[str, object]") -> str:
    """Starts another process."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "it has a child"


def kill_host(orders: "dict[str, object]") -> str:
    """Ends a process of the host's."""
    os.kill(int(str(orders["victim"])), signal.SIGKILL)
    return "the signal was sent"


def take_memory(orders: "dict[str, object]") -> str:
    """Takes more memory than its cap."""
    kept = []
    for _ in range(int(str(orders["memory_mib"]))):
        kept.append(bytearray(MIB))
        kept[-1][:: os.sysconf("SC_PAGE_SIZE")] = b"x" * (MIB // os.sysconf("SC_PAGE_SIZE"))
    return f"it holds {len(kept)} MiB"


def fill_disk(orders: "dict[str, object]") -> str:
    """Writes more into its private folder than that may hold."""
    block = b"x" * MIB
    for number in range(int(str(orders["disk_mib"]))):
        with open(f"{os.environ['TMPDIR']}/fill-{number}", "wb") as file:  # noqa: PTH123
            file.write(block)
    return f"it wrote {orders['disk_mib']} MiB"


CANARIES = {
    each.__name__: each
    for each in (
        read_secret,
        write_code,
        connect,
        execute,
        start_process,
        kill_host,
        take_memory,
        fill_disk,
    )
}


def main(orders: "dict[str, object]") -> None:
    """Tries the one that is asked for."""
    _say({"begins": orders["canary"]})
    try:
        detail = CANARIES[str(orders["canary"])](orders)
    except MemoryError:
        _say({"succeeded": False, "detail": "MemoryError"})
    except OSError as error:
        _say({"succeeded": False, "detail": errno.errorcode.get(error.errno or 0, str(error))})
    else:
        _say({"succeeded": True, "detail": detail})


def _say(what: "dict[str, object]") -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
