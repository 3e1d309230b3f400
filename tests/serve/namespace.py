"""A network of its own for the programs that a test starts: the machine's own rules are never touched."""
import ctypes
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
NETLINK_NETFILTER, SOL_NETLINK, ADD_MEMBERSHIP, NFTABLES_GROUP = 12, 270, 1, 7


def enter():
    """This process and all it starts are in a new network namespace; False where that is not permitted."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return True


def nft(*words, input=None, check=True):
    return subprocess.run(["nft", *words], input=input, check=check, capture_output=True, text=True, timeout=120).stdout


class Announcements:
    """What the kernel tells of changes to nftables, as it happens."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, NFTABLES_GROUP)

    def wait_for(self, address, seconds):
        """Returns when an element with this IPv4 address has been announced."""
        key = struct.pack("=HH", 8, 1) + socket.inet_aton(address)
        self.socket.settimeout(seconds)
        while key not in self.socket.recv(1 << 18):
            pass

    def close(self):
        self.socket.close()
