#!/usr/bin/env python3
"""A TCP link that fails on command: what arrives at LISTEN is passed to TARGET, both ports of this machine.

usage: link.py LISTEN TARGET MODE_FILE

MODE_FILE holds one word, read 20 times a second:
  up      bytes pass
  dark    nothing passes in either direction, and connections stay: a network that is cut in two
  deaf    requests pass and answers are lost: what was asked for is done, and who asked never hears of it
  cut     connections are reset, and new ones at once
A connection that lost bytes is reset when the link is up again: what would follow makes no sense.
"""
import asyncio
import socket
import struct
import sys


class Link:
    def __init__(self, listen, target, path):
        self.listen, self.target, self.path = listen, target, path
        self.mode = "up"
        self.changed = asyncio.Condition()
        self.open = set()

    async def watch(self):
        while True:
            with open(self.path, encoding="ascii") as file:
                mode = file.read().strip() or self.mode
            if mode != self.mode:
                async with self.changed:
                    self.mode = mode
                    self.changed.notify_all()
                print(mode, flush=True)
            if mode == "cut":
                self.reset(self.open)
            await asyncio.sleep(0.05)

    @staticmethod
    def reset(pairs):
        for pair in list(pairs):
            for writer in pair:
                sock = writer.get_extra_info("socket")
                if sock and not writer.is_closing():
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()

    async def pump(self, reader, writer, answers):
        """Passes what comes; True when bytes were lost."""
        lost = False
        while data := await reader.read(65536):
            async with self.changed:
                await self.changed.wait_for(lambda: self.mode != "dark")
            if answers and self.mode == "deaf":
                lost = True
            elif lost:
                return
            else:
                writer.write(data)
                await writer.drain()

    async def revive(self, pair):
        """Ends a connection that was open while answers were lost, as soon as they are not."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.mode == "deaf")
            await self.changed.wait_for(lambda: self.mode != "deaf")
        self.reset([pair])

    async def serve(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, there[1])
        self.open.add(pair)
        tasks = [asyncio.ensure_future(t) for t in (self.pump(reader, there[1], False),
                                                    self.pump(there[0], writer, True), self.revive(pair))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.open.discard(pair)
        self.reset([pair])


async def main():
    link = Link(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    await asyncio.start_server(link.serve, "127.0.0.1", link.listen)
    await link.watch()


if len(sys.argv) != 4:
    sys.exit(__doc__)
asyncio.run(main())
