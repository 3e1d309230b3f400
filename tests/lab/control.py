"""How tests speak to a running lab: a line with the device and what to do, answered by one JSON document."""
import json
import pathlib
import socket
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import PATIENCE  # noqa: E402


def tell(folder, device, *words):
    """The answer of the lab that was started in this folder; what it refuses is an error."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(120)
        control.connect(f"{folder}/lab.sock")
        control.sendall((" ".join(json.dumps(word) for word in (device, *words)) + "\n").encode())
        answer = b""
        while chunk := control.recv(1 << 20):
            answer += chunk
    answer = json.loads(answer)
    if "error" in answer:
        raise AssertionError(answer["error"])
    return answer


def ssh(folder, device, user="banpush", command=(), pty="-tt"):
    """OpenSSH's client, logged in there."""
    port = json.loads(pathlib.Path(folder, "ports.json").read_text())[device]
    return subprocess.Popen(["ssh", pty, "-F", "none", "-i", f"{folder}/id_ed25519", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                             "-o", f"UserKnownHostsFile={folder}/known_hosts", "-p", str(port), f"{user}@127.0.0.1", *command],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def said(folder, device, *lines, user="banpush"):
    """What the device says to these lines; the last of them should end the session."""
    answer, _ = ssh(folder, device, user).communicate("".join(line + "\n" for line in lines).encode(), timeout=PATIENCE)
    return answer.decode().replace("\r\n", "\n")


def enable(folder, device):
    return pathlib.Path(folder, "enable_" + device).read_text().strip()
