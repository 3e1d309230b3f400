#!/usr/bin/python3
"""The tests' own servers end with all that they began: no thread of one that has ended waits on a descriptor whose
number the next one has."""
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import threading
import unittest

import client
import device as fake

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "serve")]
from serving import Notified  # noqa: E402
from waiting import Attended, wait_until  # noqa: E402
import ending  # noqa: E402

KEYS = {"address-set": ["name"], "prefix": []}


def descriptors():
    return len(os.listdir("/proc/self/fd"))


class Ended(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="devices-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.threads, self.descriptors = threading.active_count(), descriptors()

    def tearDown(self):
        self.assertEqual(threading.active_count(), self.threads, threading.enumerate())
        self.assertEqual(descriptors(), self.descriptors)

    def test_each_device_is_asked_by_its_own_callers_only(self):
        for number in range(4):
            with fake.Device(self.folder / str(number), KEYS) as device:
                device.put(f"<address-sets><address-set><name>N{number}</name></address-set></address-sets>")
                with client.Client(device.argv) as person:
                    self.assertEqual([one.text for one in person.config().iter() if fake.local(one.tag) == "name"], [f"N{number}"])

    def test_a_session_that_is_open_ends_with_the_device(self):
        with fake.Device(self.folder / "open", KEYS) as device:
            person = client.Client(device.argv)
            device.faults["get-config"] = lambda session, rpc: fake.SILENT
            person.process.stdin.write(f'<rpc xmlns="{fake.BASE}" message-id="1"><get-config/></rpc>'.encode() + client.END)
            wait_until(lambda: device.operations(), 0, "it hangs in its answer")
        with self.assertRaises(EOFError):
            person.message()
        person.close()

    def test_what_is_said_to_systemd_is_heard_by_its_own_listener_only(self):
        for number in range(4):
            heard = Notified(self.folder / f"notify{number}")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
                speaker.sendto(f"READY={number}".encode(), heard.path)
            wait_until(lambda: heard.lines, 0, "it has heard")
            self.assertEqual(heard.lines, [f"READY={number}"])
            heard.close()

    def test_nobody_attends_a_socket_that_has_the_number_of_one_before(self):
        taken, first = [], socket.create_server(("127.0.0.1", 0))
        number = first.fileno()
        attended = Attended(first, lambda listening: taken.append(listening.accept()[0].close()))
        socket.create_connection(first.getsockname()).close()
        wait_until(lambda: taken, 0, "the caller is attended to")
        attended.close()
        attended.close()  # a second time is as good
        with socket.create_server(("127.0.0.1", 0)) as second:
            self.assertEqual(second.fileno(), number)
            with socket.create_connection(second.getsockname()):
                second.accept()[0].close()
        self.assertEqual(len(taken), 1)


if __name__ == "__main__":
    ending.main()
