"""A small NETCONF client of the tests' own, over a program's standard input and output: whoever is not banpush."""
import os
import selectors
import subprocess
import time
import xml.etree.ElementTree as ET

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
END = b"]]>]]>"


class Refused(Exception):
    """The server's rpc-error."""


class Client:
    """`argv` carries the session, as sshd would start it; the old framing."""

    def __init__(self, argv, env=None):
        self.process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env={**os.environ, **(env or {})})
        self.held = b""
        try:
            hello = f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>'
            self.process.stdin.write(hello.encode() + END)
            self.capabilities = [one.text.strip() for one in self.message().iter(f"{{{BASE}}}capability")]
            time.sleep(0.3)  # netconfd loses a request that it reads together with the hello
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def message(self, seconds=120):
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while END not in self.held:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise TimeoutError("the server says nothing")
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                if not data:
                    raise EOFError("the server has ended the session")
                self.held += data
        message, self.held = self.held.split(END, 1)
        return ET.fromstring(message)

    def ask(self, body):
        """The reply to one rpc."""
        self.process.stdin.write(f'<rpc xmlns="{BASE}" message-id="1">{body}</rpc>'.encode() + END)
        reply = self.message()
        for problem in reply.iter(f"{{{BASE}}}rpc-error"):
            if problem.findtext(f"{{{BASE}}}error-severity") != "warning":
                raise Refused(ET.tostring(problem, encoding="unicode"))
        return reply

    def has(self, capability):
        return any(f":capability:{capability}:" in one for one in self.capabilities)

    def config(self, source="running"):
        """The data element of a whole configuration."""
        return self.ask(f"<get-config><source><{source}/></source></get-config>").find(f"{{{BASE}}}data")

    def edit(self, config):
        """What a person would do: change, and commit."""
        target = "candidate" if self.has("candidate") else "running"
        self.ask(f'<edit-config><target><{target}/></target><config>{config}</config></edit-config>')
        if target == "candidate":
            self.ask("<commit/>")
