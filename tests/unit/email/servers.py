"""IMAP servers for tests: Dovecot where it is installed, pymap, and one that misbehaves by script."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pwd
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

USER, PASSWORD, SHARED = "helpdesk", "hush-4711", b"a shared secret of thirty-two bytes"
DOVECOT = shutil.which("dovecot") or shutil.which("/usr/sbin/dovecot")


@dataclass
class Server:
    """A running server with one mailbox. `tls` is the port for implicit TLS, with the authority in `ca`."""

    port: int
    name: str
    tls: int = 0
    ca: Path | None = None

    def client(self) -> IMAPClient:
        made = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10)
        made.login(USER, PASSWORD)
        return made

    def deliver(self, mails: Sequence[bytes], folder: str = "INBOX") -> None:
        with self.client() as client:
            for mail in mails:
                client.append(folder, mail)

    def flags(self, folder: str = "INBOX") -> dict[int, tuple[bytes, ...]]:
        """The flags of every mail in the folder, by UID."""
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search("ALL"), ["FLAGS"])
            return {uid: tuple(flag for flag in said[b"FLAGS"] if flag != b"\\Recent") for uid, said in found.items()}

    def anew(self, mails: Sequence[bytes], folder: str) -> None:
        """The folder with these mails, made afresh: it gets another UIDVALIDITY."""
        with self.client() as client:
            if client.folder_exists(folder):
                client.delete_folder(folder)
            client.create_folder(folder)
            for mail in mails:
                client.append(folder, mail)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


# ── Dovecot ──────────────────────────────────────────────────────────────────────────────────────────────────────

_CONF = """\
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/log
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
auth_failure_delay = 0
mail_fsync = never
auth_mechanisms = plain login xoauth2 oauthbearer
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 0
mail_location = maildir:{d}/mail/%u
ssl = yes
ssl_cert = <{d}/tls.crt
ssl_key = <{d}/tls.key
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {d}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {d}/oauth2.conf.ext
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={d}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""
_OAUTH = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={d}/keys/
username_attribute = email
username_format = %u
"""


@contextmanager
def dovecot() -> Iterator[Server]:
    """A Dovecot of its own, as an ordinary user, on loopback."""
    who = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="connector-dovecot-"))
    port, tls = free_port(), free_port()
    try:
        _configure(folder, who, port, tls)
        as_user: dict[str, Any] = {"user": who.pw_uid, "group": who.pw_gid} if os.getuid() == 0 else {}
        command = [str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")]
        with _running(command, port, folder / "log", **as_user):
            yield Server(port, "dovecot", tls, folder / "tls.crt")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder: Path, who: pwd.struct_passwd, port: int, tls: int) -> None:
    for name in ("run", "state", "mail", "keys/default/HS256"):
        (folder / name).mkdir(parents=True)
    group = subprocess.run(["id", "-gn", who.pw_name], capture_output=True, text=True, check=True).stdout.strip()
    conf = _CONF.format(d=folder, user=who.pw_name, group=group, uid=who.pw_uid, gid=who.pw_gid, port=port, tls=tls)
    (folder / "dovecot.conf").write_text(conf)
    (folder / "oauth2.conf.ext").write_text(_OAUTH.format(d=folder))
    (folder / "keys/default/HS256/default").write_bytes(base64.b64encode(SHARED))
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*asked, "-addext", names, *files], check=True, capture_output=True)
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, who.pw_uid, who.pw_gid)


def bearer(expired: bool = False) -> str:
    """A token as the site's identity provider would sign it (HS256 JWT)."""
    now = int(time.time())
    claims = {"email": USER, "sub": USER, "iat": now - 7200, "exp": now - 3600 if expired else now + 3600}
    said = b".".join(_b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (said + b"." + _b64(hmac.digest(SHARED, said, hashlib.sha256))).decode()


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextmanager
def pymap() -> Iterator[Server]:
    """A pymap in memory: keywords are not kept there, and its mailbox begins with demonstration mail."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="connector-pymap-") as folder:
        program = str(Path(sys.executable).with_name("pymap"))
        command = [program, "--host", "127.0.0.1", "--port", str(port), "--no-tls"]
        command += ["dict", "--demo-user", USER, "--demo-password", PASSWORD]
        with _running(command, port, Path(folder) / "log"):
            server = Server(port, "pymap")
            with server.client() as client:
                client.select_folder("INBOX")
                client.delete_messages(client.search("ALL"))
                client.expunge()
            yield server


@contextmanager
def _running(command: list[str], port: int, log: Path, **more: Any) -> Iterator[None]:
    with log.with_suffix(".out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, **more)
    try:
        _await(port, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, log.with_suffix(".out").read_text() + (log.read_text() if log.exists() else "")
        time.sleep(0.02)
    raise AssertionError("the server does not listen")


# ── a server that misbehaves ─────────────────────────────────────────────────────────────────────────────────────

Reply = Callable[["Script", bytes, bytes], "bytes | None"]


@dataclass
class Script:
    """A small IMAP server in a thread. `answers` replaces its answer to a command: a function of the script, tag and
    arguments, whose bytes are sent; None ends the connection."""

    mails: dict[int, bytes] = field(default_factory=dict)
    capabilities: str = "IMAP4rev1 UIDPLUS MOVE"
    uidvalidity: int = 7
    answers: dict[str, Reply] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    greeting: bytes = b"* OK ready\r\n"
    port: int = 0

    def answer(self, verb: str, tag: bytes, told: bytes) -> bytes | None:
        self.heard.append(f"{verb} {told.decode('latin-1')}".strip())
        if verb in self.answers:
            return self.answers[verb](self, tag, told)
        return getattr(self, f"_{verb.lower().replace(' ', '_')}", self._unknown)(told) + tag + b" OK done\r\n"

    def _unknown(self, told: bytes) -> bytes:
        return b""

    def _capability(self, told: bytes) -> bytes:
        return f"* CAPABILITY {self.capabilities}\r\n".encode()

    def _logout(self, told: bytes) -> bytes:
        return b"* BYE\r\n"

    def _list(self, told: bytes) -> bytes:
        return b'* LIST () "/" "Processed"\r\n'

    def _select(self, told: bytes) -> bytes:
        uidnext = max(self.mails, default=0) + 1
        return (
            f"* {len(self.mails)} EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)\r\n"
            f"* OK [PERMANENTFLAGS (\\Seen \\Deleted)] x\r\n"
            f"* OK [UIDVALIDITY {self.uidvalidity}] x\r\n* OK [UIDNEXT {uidnext}] x\r\n"
        ).encode()

    _examine = _select

    def _fetch(self, told: bytes) -> bytes:
        return b"* 1 FETCH (UID %d)\r\n" % min(self.mails)

    def _uid_search(self, told: bytes) -> bytes:
        first, last = re.findall(rb"(\d+):(\d+|\*)", told)[0]
        top = max(self.mails, default=0) if last == b"*" else int(last)
        return b"* SEARCH " + b" ".join(b"%d" % uid for uid in sorted(self.mails) if int(first) <= uid <= top) + b"\r\n"

    def _uid_fetch(self, told: bytes) -> bytes:
        return b"".join(self.line(uid, told) for uid in self.asked(told) if uid in self.mails)

    def asked(self, told: bytes) -> list[int]:
        return [int(uid) for uid in told.split(b" ")[0].split(b",")]

    def line(self, uid: int, told: bytes) -> bytes:
        data, number = self.mails[uid], sorted(self.mails).index(uid) + 1
        if b"RFC822.SIZE" in told:
            at = b'"21-Nov-2026 09:59:00 +0000"'
            return b"* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE %b)\r\n" % (number, uid, len(data), at)
        most = int(re.findall(rb"<0\.(\d+)>", told)[0])
        return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%b)\r\n" % (number, uid, len(data[:most]), data[:most])


@contextmanager
def scripted(script: Script) -> Iterator[Script]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(script.greeting)
            while line := self.rfile.readline():
                tag, _, rest = line.strip().partition(b" ")
                verb, _, told = rest.partition(b" ")
                if verb.upper() == b"UID":
                    second, _, told = told.partition(b" ")
                    verb += b" " + second
                answer = script.answer(verb.decode().upper(), tag, told)
                if answer is None:
                    return
                if verb.upper() == b"AUTHENTICATE" and answer.startswith(b"+"):
                    for step in answer.splitlines(keepends=True):
                        self.wfile.write(step)
                        script.heard.append(f"said {self.rfile.readline().strip().decode()}")
                    answer = script.answers["AFTER"](script, tag, b"") or b""
                self.wfile.write(answer)

    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            return None  # the client went away, which some tests are about

    with Threads(("127.0.0.1", 0), Handler) as server:
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
