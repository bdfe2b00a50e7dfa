"""Runs `corecast top` in a terminal: argv is the program, the admin port and its token file.

Each line of standard input is a step: `wait TEXT` until the screen has it, `key TEXT`,
`size COLUMNS ROWS`, `end` until the program ends, `kill SIGNAL`. Each step is answered with `ok`,
or with what went wrong.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 30.0
ENTER, LEAVE, HOME = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[H"


def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def start(argv):
    # The other side stays open, so that its modes can be asked for after the end.
    main, side = pty.openpty()
    resize(main, 100, 30)
    before = termios.tcgetattr(side)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(side, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(side, fd)
        os.environ["TERM"] = "xterm"
        os.execv(argv[0], argv)
    return main, side, before, child


main, side, before, child = start(sys.argv[1:])
output = b""


def read():
    global output
    ready, _, _ = select.select([main], [], [], 0.1)
    if ready:
        output += os.read(main, 65536)


def screen():
    """What was drawn last, if that is complete."""
    drawn = output.rsplit(HOME, 2)
    last = drawn[-1] if drawn[-1].endswith(b"\x1b[J") else drawn[-2] if len(drawn) > 2 else b""
    return last.decode(errors="replace")


def until(done, what):
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: {output[-3000:]!r}")
        read()


def ended():
    while select.select([main], [], [], 0)[0]:
        read()
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == 0:
        return False
    while select.select([main], [], [], 0)[0]:
        read()
    assert os.waitstatus_to_exitcode(status) == 0, (status, output[-3000:])
    assert output.startswith(ENTER) and output.rstrip().endswith(LEAVE), output[-3000:]
    assert termios.tcgetattr(side) == before, "the terminal is not as it was"
    return True


for line in sys.stdin:
    step, _, rest = line.rstrip("\n").partition(" ")
    try:
        if step == "wait":
            until(lambda: rest in screen(), f"no {rest!r}")
        elif step == "key":
            os.write(main, rest.encode().decode("unicode_escape").encode())
        elif step == "size":
            resize(main, *map(int, rest.split()))
        elif step == "rows":
            until(lambda: screen().count("\r\n") + 1 == int(rest), f"no {rest} rows")
        elif step == "kill":
            os.kill(child, getattr(signal, rest))
        elif step == "end":
            until(ended, "no end")
        print("ok", flush=True)
    except AssertionError as error:
        print(error, flush=True)
        sys.exit(1)
