#!/usr/bin/env python3
"""A venue on this machine: replays a recorded session to whoever connects, and misbehaves on command.

usage: venue_server.py SESSION [--ws PORT] [--wss PORT] [--tcp PORT] [--udp HOST:PORT[,HOST:PORT]]
                       [--as lines|len16|len32] [--binary] [--rate N] [--clients N] [--subscribe]
                       [--go-on] [--exit] [--do 'N ACTION ...'] [--control PORT] [--ports FILE]
                       [--cert FILE] [--name NAME] [--mold SESSION] [--rerequest PORT]
                       [--soup PORT] [--login USER:PASSWORD:SESSION] [--patience SECONDS]
                       [--wants TEXT] [--answers TEXT] [--asks TEXT] [--header 'NAME: VALUE']

SESSION holds the messages: a text line each, or each with its length in front (big-endian, 16 or 32
bits). Port 0 is any free one; --ports writes {"ws": 12345, ...} to FILE when all are open, so a test
waits for that file. --cert writes the self-signed certificate of --wss (localhost and 127.0.0.1, or
--name).

One clock runs for all: a message goes to everybody who is connected (over TCP lines get their line
feed, others their length back), and to the lines of --udp. It begins when --clients N (1) are
connected, with --subscribe when they also sent something; with --udp and --clients 0 at once. While nobody
is connected the session waits, or with --go-on it goes on and what nobody got counts as lost.

With --mold each datagram of --udp is a MoldUDP64 packet of that session, and --rerequest answers
requests for what was sent so far. --soup is SoupBinTCP: who logs in as --login says gets the
session from the number that it asks for; who sends no heartbeat for --patience (15) is ended.

WebSocket clients have to say --wants (a part of a message) again before each --patience is over, else
they are ended; it is answered with --answers, and --asks is what they are asked each second. Who does
not bring --header is answered with status 401.

Actions, before message N (counted from 1) or at once over the control port (a line each):
  drop              ends the connections, without a word
  reset             the same, with a TCP reset: what was under way is lost with it
  close CODE [WHY]  closes WebSockets with that code; TCP ends
  half              sends the first half of the next message, which is lost, and ends the connections
  stall SECONDS     sends no message for so long; pings are answered
  mute SECONDS      answers nothing either
  refuse SECONDS    ends the connections and takes none for so long
  http STATUS SECONDS  answers handshakes with that status for so long ('http 429 2')
  lose N [LINE]     does not send the next N messages (LINE a or b: on that line of --udp only)
  twice N           sends the next N messages twice
  swap              sends the next two messages in the wrong order
  burst N [TIMES]   sends the next N messages at TIMES (10) the rate
  junk [BYTES]      sends random bytes outside of any framing, the same ones in each run
  text WORDS        sends one more message, which is not of the session
  fragment BYTES    sends WebSocket messages in fragments of so many bytes from now on (0: whole)
  ping              sends a ping
  answer MODE       of --rerequest from now on: all, silent N (requests are not answered), until N
                    (it has no message from N on), size N (at most N messages in a packet)
  quit              ends

What happens is told on standard output as lines of JSON, at the end of the session
{"done": true, "messages": N, "lost": [numbers of messages that nobody was sent]}. Numbers lost on one
line of --udp only are in "lost_a" and "lost_b".
"""
import argparse
import asyncio
import base64
import hashlib
import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def tell(**what):
    print(json.dumps(what), flush=True)


def read_session(path, form):
    with open(path, "rb") as file:
        data = file.read()
    if form == "lines":
        return [line for line in data.split(b"\n") if line]
    size, messages, at = (2 if form == "len16" else 4), [], 0
    while at < len(data):
        n = int.from_bytes(data[at:at + size], "big")
        if at + size + n > len(data):
            sys.exit(f"venue_server: {path}: the message at byte {at} is cut off")
        messages.append(data[at + size:at + size + n])
        at += size + n
    return messages


def frame(opcode, payload, fin=True):
    """A WebSocket frame of a server: no mask."""
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if n < 126:
        head += bytes([n])
    elif n < 65536:
        head += struct.pack("!BH", 126, n)
    else:
        head += struct.pack("!BQ", 127, n)
    return head + payload


class Client:
    """One connection; what differs between WebSocket and TCP is in its subclasses."""
    count = 0

    def __init__(self, venue, reader, writer):
        Client.count += 1
        self.number, self.venue, self.reader, self.writer = Client.count, venue, reader, writer
        self.said = 0  # messages of the client

    def write(self, data):
        if not self.writer.is_closing():
            self.writer.write(data)

    async def drain(self):
        try:
            await asyncio.wait_for(self.writer.drain(), 5)
        except (ConnectionError, asyncio.TimeoutError):
            pass

    def end(self, reset=False):
        if reset:
            self.writer.transport.abort()
        elif not self.writer.is_closing():
            self.writer.close()

    def heard(self, text):
        self.said += 1
        tell(client=self.number, said=text.decode("utf-8", "replace"))

    def framed(self, message):
        raise NotImplementedError

    async def serve(self):
        raise NotImplementedError


class Stream(Client):
    def framed(self, message):
        if self.venue.form == "lines":
            return message + b"\n"
        return len(message).to_bytes(2 if self.venue.form == "len16" else 4, "big") + message

    def close(self, _code, _why):
        self.end()

    def ping(self):
        pass

    async def serve(self):
        self.venue.join(self)
        while True:
            data = await self.reader.read(65536)
            if not data:
                return
            self.heard(data)


class WebSocket(Client):
    wanted = 0.0  # when --wants was said last

    def framed(self, message):
        opcode, size = (BINARY if self.venue.binary else TEXT), self.venue.fragment
        if not size or len(message) <= size:
            return frame(opcode, message)
        parts = [message[at:at + size] for at in range(0, len(message), size)]
        return b"".join(frame(0 if i else opcode, part, i == len(parts) - 1)
                        for i, part in enumerate(parts))

    def close(self, code, why):
        self.write(frame(CLOSE, struct.pack("!H", code) + why.encode()))
        self.end()

    def ping(self):
        self.write(frame(PING, b"venue"))

    async def shake_hands(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if self.venue.http_until > time.monotonic():
            self.write(f"HTTP/1.1 {self.venue.http_status} Not Now\r\nContent-Length: 0\r\n\r\n"
                       .encode())
            return False
        name, _, value = self.venue.options.header.partition(":")
        if headers.get(name.lower(), "") != value.strip():
            tell(client=self.number, forbidden=True)
            self.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return False
        key = headers.get("sec-websocket-key", "")
        wrong = (not head[0].startswith("GET ") or headers.get("sec-websocket-version") != "13" or
                 headers.get("upgrade", "").lower() != "websocket" or
                 len(base64.b64decode(key)) != 16)
        tell(client=self.number, asks=head[0].split(" ")[1], good=not wrong)
        if wrong:
            self.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return False
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").encode())
        return True

    async def read_frame(self):
        first, second = await self.reader.readexactly(2)
        n = second & 127
        if n > 125:
            n = int.from_bytes(await self.reader.readexactly(2 if n == 126 else 8), "big")
        if not second & 128:
            tell(client=self.number, broke="a frame of a client without a mask")
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(n)
        return first & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def heard(self, text):
        options = self.venue.options
        if options.wants and options.wants.encode() in text:
            self.wanted = time.monotonic()
            tell(client=self.number, wanted=text.decode("utf-8", "replace"))
            if options.answers:
                self.write(frame(TEXT, options.answers.encode()))
        else:
            super().heard(text)

    async def demand(self):
        options, last = self.venue.options, time.monotonic()
        while self.wanted + options.patience > time.monotonic():
            await asyncio.sleep(0.05)
            if options.asks and time.monotonic() - last >= 1:
                last = time.monotonic()
                self.write(frame(TEXT, options.asks.encode()))
        tell(client=self.number, unheard=True)
        self.close(1008, "no heartbeat")

    async def serve(self):
        if not await self.shake_hands():
            return
        self.venue.join(self)
        self.wanted = time.monotonic()
        demanding = asyncio.create_task(self.demand()) if self.venue.options.wants else None
        try:
            await self.read_frames()
        finally:
            if demanding:
                demanding.cancel()

    async def read_frames(self):
        while True:
            opcode, data = await self.read_frame()
            if opcode == PING:
                tell(client=self.number, pinged=True)
                if self.venue.mute_until < time.monotonic():
                    self.write(frame(PONG, data))
            elif opcode == PONG:
                tell(client=self.number, ponged=data.decode("latin-1"))
            elif opcode == CLOSE:
                tell(client=self.number, closed=int.from_bytes(data[:2], "big"))
                self.write(frame(CLOSE, data[:2]))
                return
            else:
                self.heard(data)


class Soup(Client):
    """SoupBinTCP 4.1: what is sent has a number, and who comes later asks for it."""

    def packet(self, kind, payload=b""):
        return (len(payload) + 1).to_bytes(2, "big") + kind + payload

    def framed(self, message):
        return self.packet(b"S", message)

    def close(self, _code, _why):
        self.write(self.packet(b"Z"))
        self.end()

    def ping(self):
        pass

    async def read_packet(self):
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        data = await self.reader.readexactly(size)
        return data[:1], data[1:]

    async def log_in(self):
        kind, data = await self.read_packet()
        fields = (data[:6], data[6:16], data[16:26], data[26:46])
        user, password, session, number = (field.decode().strip() for field in fields)
        tell(client=self.number, user=user, session=session, asks_from=number, good=kind == b"L")
        right = self.venue.options.login.split(":")
        if kind != b"L" or [user, password] != right[:2]:
            self.write(self.packet(b"J", b"A"))
            return False
        if session not in ("", right[2]):
            self.write(self.packet(b"J", b"S"))
            return False
        sent = self.venue.sent
        first = int(number) or sent + 1
        self.write(self.packet(b"A", right[2].rjust(10).encode() + str(first).rjust(20).encode()))
        for message in self.venue.session[first - 1:sent]:
            self.write(self.framed(message))
        return True

    async def beat(self):
        while True:
            await asyncio.sleep(1)
            if self.venue.mute_until < time.monotonic():
                self.write(self.packet(b"H"))

    async def serve(self):
        if not await self.log_in():
            return
        self.venue.join(self)
        beating = asyncio.create_task(self.beat())
        try:
            while True:
                kind, data = await asyncio.wait_for(self.read_packet(), self.venue.options.patience)
                tell(client=self.number, packet=kind.decode("latin-1"), bytes=len(data))
        except asyncio.TimeoutError:
            tell(client=self.number, silent=True)
        finally:
            beating.cancel()


class Rerequest(asyncio.DatagramProtocol):
    """Answers a MoldUDP64 request with one packet: as many of the messages as fit."""

    def __init__(self, venue):
        self.venue, self.silent, self.until, self.size = venue, 0, None, 10

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        session, number, count = data[:10], *struct.unpack("!QH", data[10:20])
        tell(rerequest=session.decode().strip(), number=number, count=count)
        venue = self.venue
        last = min(number + count - 1, number + self.size - 1, venue.at, (self.until or 1 << 62) - 1)
        if self.silent or session != venue.mold or len(data) != 20 or number < 1 or last < number:
            self.silent -= bool(self.silent)
            return
        self.transport.sendto(mold_packet(session, number, venue.session[number - 1:last]), address)


def mold_packet(session, number, messages):
    blocks = b"".join(len(m).to_bytes(2, "big") + m for m in messages)
    return session + struct.pack("!QH", number, len(messages)) + blocks


class Venue:
    def __init__(self, options):
        self.form, self.binary, self.options = options.form, options.binary, options
        self.session = read_session(options.session, options.form)
        self.clients = []
        self.fragment = 0
        self.mute_until = self.refuse_until = self.http_until = self.pause_until = 0.0
        self.http_status = 503
        self.lose = {"": 0, "a": 0, "b": 0}
        self.twice = self.burst = 0
        self.times = 10.0
        self.half = False
        self.lost = {"": [], "a": [], "b": []}
        self.lines = []
        self.quit = asyncio.Event()
        self.at = self.sent = 0
        self.mold = options.mold.ljust(10).encode() if options.mold else None
        self.rerequest = Rerequest(self)
        self.plan = {}
        for text in options.do:
            number, _, action = text.partition(" ")
            self.plan.setdefault(int(number), []).append(action)

    # --- connections ---

    def join(self, client):
        self.clients.append(client)
        tell(client=client.number, connected=True)

    async def take(self, kind, reader, writer):
        client = kind(self, reader, writer)
        if self.refuse_until > time.monotonic():
            tell(client=client.number, refused=True)
            client.end(reset=True)
            return
        try:
            await client.serve()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError,
                ssl.SSLError, asyncio.CancelledError):
            pass
        if client in self.clients:
            self.clients.remove(client)
            tell(client=client.number, gone=True)
        client.end()

    def end_all(self, reset=False):
        for client in list(self.clients):
            client.end(reset)
        self.clients.clear()

    # --- actions ---

    def act(self, text):
        word, _, rest = text.strip().partition(" ")
        action = getattr(self, "do_" + word, None)
        if not action:
            raise ValueError(f"there is no action '{word}'")
        tell(do=text.strip())
        action(*rest.split(" ", 1) if word == "close" else rest.split() if word != "text" else [rest])

    def do_drop(self):
        self.end_all()

    def do_reset(self):
        self.end_all(reset=True)

    def do_close(self, code, why=""):
        for client in list(self.clients):
            client.close(int(code), why)
        self.clients.clear()

    def do_half(self):
        self.half = True

    def do_stall(self, seconds):
        self.pause_until = time.monotonic() + float(seconds)

    def do_mute(self, seconds):
        self.pause_until = self.mute_until = time.monotonic() + float(seconds)

    def do_refuse(self, seconds):
        self.refuse_until = time.monotonic() + float(seconds)
        self.end_all()

    def do_http(self, status, seconds):
        self.http_status, self.http_until = int(status), time.monotonic() + float(seconds)

    def do_lose(self, n, line=""):
        self.lose[line] = int(n)

    def do_twice(self, n):
        self.twice = int(n)

    def do_swap(self):
        at = self.at - 1
        self.session[at:at + 2] = self.session[at:at + 2][::-1]

    def do_burst(self, n, times=10):
        self.burst, self.times = int(n), float(times)

    def do_junk(self, n=64):
        junk = random.Random(self.at).randbytes(int(n))
        for client in self.clients:
            client.write(junk)
        for send in self.lines:
            send(junk)

    def do_text(self, words):
        for client in self.clients:
            client.write(client.framed(words.encode()))
        for send in self.lines:
            send(words.encode())

    def do_fragment(self, n):
        self.fragment = int(n)

    def do_ping(self):
        for client in self.clients:
            client.ping()

    def do_answer(self, mode, n=0):
        self.rerequest.silent = int(n) if mode == "silent" else 0
        self.rerequest.until = int(n) if mode == "until" else None
        self.rerequest.size = int(n) if mode == "size" else 10

    def do_quit(self):
        self.quit.set()

    # --- the session ---

    def lost_now(self, line):
        if not self.lose[line]:
            return False
        self.lose[line] -= 1
        return True

    def send(self, message):
        if self.half:
            self.half = False
            self.lost[""].append(self.at)
            for client in self.clients:
                data = client.framed(message)
                client.write(data[:len(data) // 2])
            self.end_all()
            return
        if self.lost_now("") or not (self.clients or self.lines):
            self.lost[""].append(self.at)
            return
        for _ in range(2 if self.twice else 1):
            for client in self.clients:
                client.write(client.framed(message))
        if self.mold:
            message = mold_packet(self.mold, self.at, [message])
        for name, send in zip("ab", self.lines):
            if self.lost_now(name):
                self.lost[name].append(self.at)
                continue
            for _ in range(2 if self.twice else 1):
                send(message)
        self.twice -= bool(self.twice)

    def ready(self):
        """Whether somebody is there, and everybody that has to be at the beginning."""
        if self.lines and self.options.clients == 0:
            return True
        here = [c for c in self.clients if c.said or not self.options.subscribe]
        return len(here) >= (self.options.clients if self.at == 0 else 1)

    async def until_ready(self):
        while not (self.at > 0 and self.options.go_on) and not self.ready():
            await asyncio.sleep(0.002)
        while self.pause_until > time.monotonic():
            await asyncio.sleep(0.002)

    async def pace(self, due):
        rate = self.options.rate * (self.times if self.burst else 1)
        self.burst -= bool(self.burst)
        if not rate:
            await asyncio.sleep(0)
            return due
        due = max(due + 1 / rate, time.monotonic() - 0.1)
        if due > time.monotonic():
            await asyncio.sleep(due - time.monotonic())
        return due

    async def run(self):
        self.at, due = 0, time.monotonic()
        for at in range(len(self.session)):
            await self.until_ready()
            self.at = at + 1
            for action in self.plan.get(self.at, []):
                self.act(action)
            await self.until_ready()
            self.send(self.session[at])
            self.sent = self.at
            for client in list(self.clients):
                await client.drain()
            due = await self.pace(due)
        tell(done=True, messages=len(self.session), lost=self.lost[""], lost_a=self.lost["a"],
             lost_b=self.lost["b"])
        if not self.options.exit:
            await self.quit.wait()
        for client in list(self.clients):
            client.close(1000, "the session is over")
            await client.drain()

    async def control(self, reader, writer):
        while line := await reader.readline():
            try:
                self.act(line.decode())
                writer.write(b"ok\n")
            except (ValueError, TypeError) as error:
                writer.write(f"error: {error}\n".encode())
            await writer.drain()
        writer.close()


def make_context(folder, cert, name):
    """A certificate that is made for this run: no key lies about in the tree."""
    key = os.path.join(folder, "key.pem")
    names = f"DNS:{name}" + (",IP:127.0.0.1" if name == "localhost" else "")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", f"/CN={name}", "-addext",
                    f"subjectAltName={names}"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def open_line(text, interface):
    host, _, port = text.rpartition(":")
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if int(host.split(".")[0]) in range(224, 240):
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    line.connect((host, int(port)))

    def send(data):
        try:
            line.send(data)
        except ConnectionRefusedError:  # nobody listens: so it is with datagrams
            pass
    return send


async def open_all(venue, options, folder):
    """Listens on everything that is asked for; gives the ports."""
    servers, ports = [], {}

    async def listen(name, port, taker, context=None):
        server = await asyncio.start_server(taker, "127.0.0.1", port, ssl=context)
        servers.append(server)
        ports[name] = server.sockets[0].getsockname()[1]

    if options.ws is not None:
        await listen("ws", options.ws, lambda r, w: venue.take(WebSocket, r, w))
    if options.wss is not None:
        context = make_context(folder, options.cert or os.path.join(folder, "cert.pem"),
                               options.name)
        await listen("wss", options.wss, lambda r, w: venue.take(WebSocket, r, w), context)
    if options.tcp is not None:
        await listen("tcp", options.tcp, lambda r, w: venue.take(Stream, r, w))
    if options.soup is not None:
        await listen("soup", options.soup, lambda r, w: venue.take(Soup, r, w))
    if options.rerequest is not None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: venue.rerequest, local_addr=("127.0.0.1", options.rerequest))
        ports["rerequest"] = transport.get_extra_info("sockname")[1]
    if options.control is not None:
        await listen("control", options.control, venue.control)
    if options.udp:
        venue.lines = [open_line(line, options.interface) for line in options.udp.split(",")]
    return servers, ports


async def main(options):
    venue = Venue(options)
    with tempfile.TemporaryDirectory() as folder:
        servers, ports = await open_all(venue, options, folder)
        if options.ports:
            with open(options.ports + ".new", "w", encoding="utf-8") as file:
                json.dump(ports, file)
            os.rename(options.ports + ".new", options.ports)
        tell(listening=ports)
        session = asyncio.create_task(venue.run())
        quitting = asyncio.create_task(venue.quit.wait())
        await asyncio.wait({session, quitting}, return_when=asyncio.FIRST_COMPLETED)
        if session.done():
            session.result()
        # Connections of the last instant are cancelled before they began, which asyncio would tell.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        session.cancel()
        for server in servers:
            server.close()


def parse_options():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("session")
    for name in ("ws", "wss", "tcp", "soup", "rerequest", "control"):
        parser.add_argument("--" + name, type=int)
    parser.add_argument("--mold")
    parser.add_argument("--login", default="k2:secret:SESSION")
    parser.add_argument("--patience", type=float, default=15)
    for name in ("wants", "answers", "asks", "header"):
        parser.add_argument("--" + name, default="")
    parser.add_argument("--udp")
    parser.add_argument("--interface", default="127.0.0.1")
    parser.add_argument("--as", dest="form", choices=("lines", "len16", "len32"), default="lines")
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--do", action="append", default=[])
    parser.add_argument("--ports")
    parser.add_argument("--cert")
    parser.add_argument("--name", default="localhost")
    for name in ("binary", "subscribe", "go-on", "exit"):
        parser.add_argument("--" + name, action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        asyncio.run(main(parse_options()))
    except KeyboardInterrupt:
        pass
