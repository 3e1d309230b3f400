"""A disk that hangs: a file system in user space whose server takes the requests and never answers one. What waits for it
waits without an end, and no signal ends that, as with a disk or a file server that is gone."""
import ctypes
import os
import struct
import threading

FUSE_INIT = 26
MNT_FORCE = 1


class StuckDisk:
    """Mounted on a folder. Use as a context."""

    def __init__(self, folder):
        self.folder = str(folder)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._device = None

    @staticmethod
    def permitted():
        return os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK)

    def __enter__(self):
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0".encode()
        if self._libc.mount(b"stuck", self.folder.encode(), b"fuse", 0, options) != 0:
            os.close(self._device)
            raise PermissionError(os.strerror(ctypes.get_errno()))
        self._take_requests(os.dup(self._device))
        return self

    def _take_requests(self, device):
        """Says hello (fuse(4), FUSE_INIT), and is silent from then on."""
        request = os.read(device, 1 << 17)
        _length, opcode, unique = struct.unpack_from("=IIQ", request)
        assert opcode == FUSE_INIT
        body = struct.pack("=IIIIHHIIHHI28x", 7, 31, 1 << 16, 0, 1, 1, 1 << 16, 1, 16, 0, 0)
        os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)

        def take():
            try:
                while os.read(device, 1 << 17):
                    pass
            except OSError:  # unmounted
                pass
            os.close(device)

        threading.Thread(target=take, daemon=True).start()

    def __exit__(self, *_):
        self._libc.umount2(self.folder.encode(), MNT_FORCE)  # what waits ends with an error
        self._libc.umount2(self.folder.encode(), 2)          # MNT_DETACH
        os.close(self._device)
