"""How tests speak to a running lab: a line with the device and what to do, answered by one JSON document."""
import json
import socket


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
