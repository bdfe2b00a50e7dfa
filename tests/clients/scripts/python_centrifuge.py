"""Runs a part of the test suite of centrifuge-python as it is. Arguments: its folder, the port of the
server for which the suite says 8000, and which part of how many. Prints how many tests have passed
and been skipped. A test that hangs fails."""

import os
import signal
import socket
import sys
import unittest

FOLDER, PORT, PART, PARTS = sys.argv[1], *map(int, sys.argv[2:])
SECONDS = 60

lookup = socket.getaddrinfo


def getaddrinfo(host, port, *args, **kwargs):
    return lookup(host, PORT if port == 8000 else port, *args, **kwargs)


socket.getaddrinfo = getaddrinfo


class Result(unittest.TextTestResult):
    def startTest(self, test):  # noqa: N802
        super().startTest(test)
        signal.alarm(SECONDS)

    def stopTest(self, test):  # noqa: N802
        signal.alarm(0)
        super().stopTest(test)


def hangs(_signal, _frame):
    raise TimeoutError(f"hangs for {SECONDS} s")


def tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests(test)
        else:
            yield test


signal.signal(signal.SIGALRM, hangs)
os.chdir(FOLDER)
suite = unittest.defaultTestLoader.discover("tests", top_level_dir=".")
part = unittest.TestSuite(list(tests(suite))[PART::PARTS])
result = unittest.TextTestRunner(resultclass=Result, verbosity=0).run(part)
print(result.testsRun - len(result.skipped), len(result.skipped))
sys.exit(not result.wasSuccessful())
