"""Mail over a socket: which answer means what, and when a mail may be sent again."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult

from connector.answering import Smtp
from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.messengers.smtp import ByMail
from connector.plugins import Do, Key, Receipt, SinkTools, Write
from tests.answers import PostOffice, post_office

KEY = Key("north-test", "mail", "one@example.org", "message", "notice:received::abc")
BODY = {
    "to": "bea@example.org",
    "name": "Bea",
    "person": "abc",
    "subject": "Re: Screen",
    "text": ".\nA line\n.that begins with a point\n..\nÄ\u2028\n",
    "chat": "",
    "thread": ["one@example.org", "zero@example.org"],
}


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as made:
        yield made


def by_mail(port: int, tmp_path: Path, **more: object) -> ByMail:
    settings = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "IT Help <it-help@example.org>"} | more
    return ByMail("answers:mail", Smtp.model_validate(settings), SinkTools(tmp_path), 10)


def tell(messenger: ByMail, **more: object) -> Receipt:
    try:
        return messenger.notify(Write(Do.NOTIFY, KEY, {**BODY, **more}))
    finally:
        messenger.close()


def test_a_mail_is_threaded_marked_and_whole(office: PostOffice, tmp_path: Path) -> None:
    receipt = tell(by_mail(office.port, tmp_path))
    [told] = office.mails
    assert told["Message-ID"] == f"<{receipt.remote_id}>"
    assert told["In-Reply-To"] == "<one@example.org>"
    assert told["References"] == "<zero@example.org> <one@example.org>"
    assert (told["Auto-Submitted"], told["Precedence"], told["X-Loop"]) == (
        "auto-replied",
        "bulk",
        "it-help@example.org",
    )
    assert told["X-Auto-Response-Suppress"] == "All"
    assert told.get_content().replace("\r\n", "\n") == ".\nA line\n.that begins with a point\n..\nÄ \n\n"


def test_every_attempt_has_the_same_message_id(office: PostOffice, tmp_path: Path) -> None:
    messenger = by_mail(office.port, tmp_path)
    tell(messenger)
    tell(messenger)
    assert len({mail["Message-ID"] for mail in office.mails}) == 1


@pytest.mark.parametrize(
    "hostile",
    ["x\r\nBcc: all@example.org", "a\nb", "\x00", "=?utf-8?q?=0ABcc:_x?=", "=?=?utf-8?q?=0ABcc:_x?=", "é" * 500],
)
def test_no_header_can_be_made_of_a_text(office: PostOffice, tmp_path: Path, hostile: str) -> None:
    tell(by_mail(office.port, tmp_path), subject=hostile, name=hostile, thread=[f"{hostile}@x", hostile])
    [told] = office.mails
    assert "Bcc" not in told
    assert office.envelopes[0][1] == ["bea@example.org"]


REFUSALS = [
    ("RCPT", "550 no such user", Permanent, Scope.ROW),
    ("RCPT", "451 greylisted", Transient, Scope.ROW),
    ("MAIL", "553 not your address", Permanent, Scope.ACCOUNT),
    ("MAIL", "421 going down", Transient, Scope.ACCOUNT),
    ("DATA", "554 spam", Permanent, Scope.ROW),
    ("DATA", "452 no room", Transient, Scope.ROW),
]


@pytest.mark.parametrize(("command", "reply", "kind", "scope"), REFUSALS)
def test_an_answer_means_what_its_code_says(
    office: PostOffice, tmp_path: Path, command: str, reply: str, kind: type[RemoteError], scope: Scope
) -> None:
    office.say = lambda said, argument, envelope: reply if said == command else None
    with pytest.raises(kind) as found:
        tell(by_mail(office.port, tmp_path))
    assert (type(found.value), found.value.scope) == (kind, scope)
    assert not any(word in str(found.value) for word in ("bea", "spam", "greylisted"))


def test_after_the_end_of_the_data_silence_proves_nothing(office: PostOffice, tmp_path: Path) -> None:
    office.say = lambda said, argument, envelope: "taken" if said == "DATA" else None
    with pytest.raises(Uncertain):
        tell(by_mail(office.port, tmp_path))
    assert len(office.mails) == 1


def test_one_connection_serves_many_and_one_that_ended_is_opened_anew(office: PostOffice, tmp_path: Path) -> None:
    messenger = by_mail(office.port, tmp_path)
    messenger.notify(Write(Do.NOTIFY, KEY, BODY))
    assert messenger._open is not None
    messenger._open.sock.close()  # type: ignore[union-attr]
    tell(messenger)
    assert len(office.mails) == 2


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Transient) as found:
        tell(by_mail(1, tmp_path))
    assert found.value.scope is Scope.ACCOUNT


# ── TLS and login ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(made, check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(certificate: Path) -> Callable[..., object]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")

    def opened(**more: object) -> object:
        return post_office(tls_context=context, require_starttls=True, **more)

    return opened


def test_starttls_with_a_certificate_that_is_known(
    secure: Callable[..., PostOffice], certificate: Path, tmp_path: Path
) -> None:
    def knows(server: object, session: object, envelope: object, mechanism: str, said: object) -> AuthResult:
        good = (said.login, said.password) == (b"it", b"sesame")  # type: ignore[attr-defined]
        return AuthResult(success=good, handled=good)

    (tmp_path / "good").write_text("sesame\n")
    (tmp_path / "bad").write_text("sesam\n")
    known = {"tls": "starttls", "ca_bundle": str(certificate / "cert"), "username": "it"}
    with secure(authenticator=knows, auth_required=True) as office:  # type: ignore[attr-defined]
        tell(by_mail(office.port, tmp_path, password="file:good", **known))
        assert len(office.mails) == 1
        with pytest.raises(Permanent) as found:
            tell(by_mail(office.port, tmp_path, password="file:bad", **known))
        assert found.value.scope is Scope.ACCOUNT
        assert "sesam" not in str(found.value)
        with pytest.raises(Permanent):
            tell(by_mail(office.port, tmp_path, password="file:none", **known))


def test_a_strange_certificate_is_not_trusted(secure: Callable[..., PostOffice], tmp_path: Path) -> None:
    with secure() as office:  # type: ignore[attr-defined]
        with pytest.raises(Permanent) as found:
            tell(by_mail(office.port, tmp_path, tls="starttls"))
        assert found.value.scope is Scope.ACCOUNT
        assert office.mails == []


def test_starttls_never_falls_back(office: PostOffice, tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        tell(by_mail(office.port, tmp_path, tls="starttls"))
    assert office.mails == []
