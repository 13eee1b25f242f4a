"""Mail by SMTP (RFC 5321), with an outcome that can be trusted.

Up to the end of the data nothing was sent, whatever fails; from then on only the server's answer tells.
"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from connector.answering import Smtp, mailbox
from connector.clock import utc
from connector.errors import Finding, Permanent, RemoteError, Scope, SettingsError, Transient, Uncertain
from connector.messengers.mail import envelope, mail, message_id
from connector.messengers.messenger import Messenger
from connector.plugins import Receipt, SinkTools, Write

# So many mails go over one connection; servers end those that go on for long.
MOST_MAILS = 50


class ByMail(Messenger):
    """Sends mail. One connection serves many mails; one that has ended meanwhile is opened anew."""

    def __init__(self, name: str, smtp: Smtp, tools: SinkTools, per_hour: int) -> None:
        super().__init__(name, tools, smtp.timeout, per_hour)
        self._smtp = smtp
        self._open: smtplib.SMTP | None = None
        self._sent = 0

    def notify(self, write: Write) -> Receipt:
        made = mail(write.key, write.body, self._smtp.sender, utc(self.tools.clock.wall()))
        to, utf8 = envelope(str(write.body["to"]))
        server = self._connection()
        try:
            with _deadline(server, self.call_seconds - self._smtp.timeout):
                self._hand_over(server, to, utf8, _lines(bytes(made)))
        except RemoteError as error:
            if error.scope is Scope.ACCOUNT or not isinstance(error, Permanent):
                self.close()
            raise
        self._sent += 1
        return Receipt(message_id(write.key, self._smtp.sender))

    def check(self) -> Sequence[Finding]:
        """See that the server takes our credential; sends nothing. Raises RemoteError."""
        self._connection()
        self.close()
        return ()

    def close(self) -> None:
        server, self._open, self._sent = self._open, None, 0
        if server is not None:
            try:
                server.quit()
            except (smtplib.SMTPException, OSError):
                server.close()

    # ── one mail ──

    def _hand_over(self, server: smtplib.SMTP, to: str, utf8: bool, lines: bytes) -> None:
        if utf8 and not server.has_extn("smtputf8"):
            raise Permanent("the mail server takes no address with such letters", code="bad-address")
        returns = "" if self._smtp.return_path == "empty" else mailbox(self._smtp.sender)[1]
        self._said(lambda: server.mail(returns, ["SMTPUTF8"] if utf8 else []), "refuses our sender", Scope.ACCOUNT)
        self._said(lambda: server.rcpt(to), "refuses the address", Scope.ROW)
        self._said(lambda: server.docmd("data"), "takes no mail now", Scope.ROW, wanted=354)
        try:
            server.send(lines)
        except (smtplib.SMTPException, OSError):
            raise self._broken() from None
        # With these five bytes the mail is theirs; nothing that fails from here on says that it is not.
        self._said(lambda: _ended(server), "refuses the mail", Scope.ROW, late=True)

    def _said(
        self, ask: Callable[[], tuple[int, bytes]], refusal: str, scope: Scope, wanted: int = 250, late: bool = False
    ) -> None:
        """The server's answer, as nothing or as an error by its code (RFC 5321, section 4.2.1)."""
        try:
            code, _ = ask()
        except (smtplib.SMTPException, OSError, ValueError):
            if late:
                raise Uncertain("the mail server did not say whether it took the mail", code="lost") from None
            raise self._broken() from None
        if code // 10 == wanted // 10 or code == wanted:
            return
        what = f"the mail server {refusal} ({code})"
        if code == 421:
            raise Transient(what, "see the mail server", code="mail-down", scope=Scope.ACCOUNT, status=code)
        if 400 <= code < 500:
            raise Transient(what, code="mail-later", scope=Scope.ROW, status=code)
        if 500 <= code < 600:
            remedy = "see the address and the mail server's log"
            raise Permanent(what, remedy, code="mail-refused", scope=scope, status=code)
        if late:
            raise Uncertain("the mail server's answer makes no sense", code="garbled")
        raise self._broken()

    def _broken(self) -> Transient:
        return Transient("the connection to the mail server broke before the mail was handed over", code="mail-broken")

    # ── the connection ──

    def _connection(self) -> smtplib.SMTP:
        """One that answers. Raises RemoteError, whose scope is the whole account."""
        if self._open is not None:
            if self._sent < MOST_MAILS and self._alive(self._open):
                return self._open
            self.close()
        try:
            server = self._connect()
        except ssl.SSLCertVerificationError:
            remedy = "set smtp.ca_bundle to a file with your certificate authority, or correct smtp.host"
            raise self._kept_out(Permanent, "shows a certificate that is not trusted here", remedy) from None
        except SettingsError:
            raise self._kept_out(Permanent, "was not asked: a secret is missing", "connector check names it") from None
        except (OSError, smtplib.SMTPException) as error:
            raise self._unreached(error) from None
        self._open = server
        return server

    def _alive(self, server: smtplib.SMTP) -> bool:
        try:
            return server.rset()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False

    def _connect(self) -> smtplib.SMTP:
        smtp = self._smtp
        host, port = smtp.place
        if smtp.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(timeout=smtp.timeout, context=self._context())
        else:
            server = smtplib.SMTP(timeout=smtp.timeout)
        server._host = host  # type: ignore[attr-defined]  # what the certificate is compared with
        try:
            code, _ = server.connect(host, port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, "")
            if server.sock is not None:  # the end of a mail goes apart from it, and would wait for an acknowledgement
                server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with _deadline(server, self.call_seconds - smtp.timeout):
                if smtp.tls == "starttls":
                    server.starttls(context=self._context())
                server.ehlo_or_helo_if_needed()
                self._log_in(server)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP) -> None:
        smtp, base = self._smtp, self.tools.base
        if smtp.password is not None:
            server.login(smtp.username, smtp.password.reveal(base))
        elif smtp.token is not None:
            said = f"user={smtp.username}\x01auth=Bearer {smtp.token.reveal(base)}\x01\x01"
            code, _ = server.docmd("AUTH", "XOAUTH2 " + base64.b64encode(said.encode()).decode("ascii"))
            if code == 334:  # the refusal's details; an empty line asks for its end
                code, _ = server.docmd("")
            if code != 235:
                raise smtplib.SMTPAuthenticationError(code, "")

    def _context(self) -> ssl.SSLContext:
        bundle = self._smtp.ca_bundle
        return ssl.create_default_context(cafile=str(self.tools.base / bundle) if bundle else None)

    def _unreached(self, error: Exception) -> RemoteError:
        """What keeps us from being connected. No word of the server's is repeated: it may quote what was sent."""
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return self._kept_out(Permanent, "does not accept the credential", "see smtp.username and its secret")
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return self._kept_out(Permanent, "offers no TLS or no login", "see smtp.tls, smtp.port and smtp.username")
        if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500:
            what = f"does not want to talk ({error.smtp_code})"
            return self._kept_out(Permanent, what, "see the mail server's log")
        return self._kept_out(Transient, "cannot be reached", "see smtp.host and smtp.port, and the network")

    def _kept_out(self, kind: type[Transient | Permanent], what: str, remedy: str) -> RemoteError:
        return kind(f"the mail server {self._smtp.host} {what}", remedy, code="mail-server", scope=Scope.ACCOUNT)


def _ended(server: smtplib.SMTP) -> tuple[int, bytes]:
    server.send(b".\r\n")
    return server.getreply()


def _lines(data: bytes) -> bytes:
    """The mail as it travels: lines end with CRLF, and a point that begins one is doubled (RFC 5321, 4.5.2)."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    whole = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return whole if whole.endswith(b"\r\n") else whole + b"\r\n"


@contextmanager
def _deadline(server: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """What happens inside is over by then: a server that drips its answers byte by byte is hung up on."""

    def hang_up() -> None:
        if (sock := server.sock) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(seconds, hang_up)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
