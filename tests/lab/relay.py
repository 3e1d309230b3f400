"""A link with a round trip: TCP to a port of this host, each direction late by half of it. A process of its own, so that it takes no time of those who measure.

    relay.py PORT SECONDS"""
import asyncio
import subprocess
import sys


class Relay:
    def __init__(self, port, round_trip):
        self.process = subprocess.Popen([sys.executable, __file__, str(port), str(round_trip)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


async def late(reader, writer, delay):
    """What comes from the one goes to the other, each piece by itself at its time."""
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue()

    async def take():
        while piece := await reader.read(65536):
            pieces.put_nowait((loop.time() + delay, piece))
        pieces.put_nowait((loop.time() + delay, b""))

    taking = asyncio.create_task(take())
    try:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()
    except OSError:
        writer.close()
    finally:
        taking.cancel()


async def main(port, round_trip):
    async def attend(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(late(reader, back, round_trip / 2), late(there, writer, round_trip / 2), return_exceptions=True)
        for one in (back, writer):
            one.close()

    server = await asyncio.start_server(attend, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
