"""Stand for a process that `tests/spread.py` forks: `python spread_command.py SOCKET -u -c CODE`."""

import socket
import sys

address, code = sys.argv[1], sys.argv[-1]
with socket.socket(socket.AF_UNIX) as call:
    call.connect(address)
    socket.send_fds(call, [code.encode()], [0, 1, 2])
    call.recv(1)  # nothing is sent: this returns when the process has ended
