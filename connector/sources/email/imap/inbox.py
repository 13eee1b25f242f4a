"""A folder on an IMAP server as a source of records: listed by UID, fetched in pages, told what is safe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connector.clock import Clock
from connector.errors import Finding, Permanent, RemoteError, Scope, Transient
from connector.plugins import Page, Record
from connector.sources.email.boxes import HEAD_BYTES
from connector.sources.email.imap.cursor import Mark, Refusal, place, uid_of
from connector.sources.email.imap.session import Folder, Session, Size
from connector.sources.email.imap.settings import ImapSettings
from connector.sources.email.imap.tokens import Tokens, missing
from connector.sources.reading import PAGE_BYTES

PAGE_MAILS = 200
# UIDs that are asked for at once: their answer is one line, and imaplib takes a million bytes of one.
WINDOW = 50_000
_LOST = ("connection-lost", "protocol", "unreachable")
_REFUSAL = "login refused"


class Inbox:
    """Reads one folder. Places are `FOLDER/UIDVALIDITY/UID`.

    Where something is done to mail that is safe, a page's cursor comes with the page after it: after a crash between
    commit and `acknowledge` the same records come again, are unchanged, and are acknowledged.
    """

    def __init__(self, settings: ImapSettings, most_bytes: int, base: Path, clock: Clock) -> None:
        self._settings = settings
        self._most = most_bytes
        self._base = base
        self._clock = clock
        self._tokens = Tokens(settings, base)
        self._session: Session | None = None
        self._uidvalidity = 0

    def check(self) -> list[Finding]:
        """What can be told without asking the server."""
        return missing(self._settings)

    def ask(self) -> list[Finding]:
        """What the server says to login, folder and rights. Raises RemoteError, SettingsError."""
        settings = self._settings
        session = self._connected()
        try:
            # opened for reading alone, a folder does not tell which keywords it keeps
            folder = session.open(settings.folder, readonly=settings.after != "flag")
            return list(_cannot(settings, folder, session))
        finally:
            session.close()

    def pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        """New mail by UID, in pages by size. Raises RemoteError; what was handed over before stays."""
        refusal = Refusal.of(cursor.get(_REFUSAL, ""))
        try:
            self._session = self._let_in(refusal)
        except Permanent as error:
            if error.code == "login-refused" and (again := self._refused(refusal)):
                yield Page((), {_REFUSAL: str(again)})
            raise
        try:
            if refusal is not None:
                yield Page((), {_REFUSAL: None})
            yield from self._pages(cursor)
        finally:
            self._session.close()
            self._session = None

    def acknowledge(self, records: Sequence[Record]) -> None:
        """Do on the server what `after` says. Mail of which only the beginning was read is left as it is."""
        settings = self._settings
        uids = [uid for record in records if not record.facts and (uid := uid_of(record.place, self._uidvalidity))]
        if settings.after == "none" or not uids or self._session is None:
            return
        self._open(self._session, readonly=False)
        match settings.after:
            case "seen":
                self._session.mark(uids, "\\Seen")
            case "flag":
                self._session.mark(uids, settings.keyword)
            case "move":
                self._session.move(uids, settings.move_to)
            case "delete":
                self._session.delete(uids)

    # ── getting in ──

    def _connected(self) -> Session:
        return Session(self._settings, self._base, self._clock, self._tokens)

    def _let_in(self, refusal: Refusal | None) -> Session:
        if refusal and self._clock.wall() < refusal.until and refusal.concerns(self._credential()):
            what = f"{self._settings.host} refused the login {refusal.times} times; it is left alone for a while"
            remedy = "correct username and password; a new password is tried at once"
            raise Permanent(what, remedy, code="login-waits", scope=Scope.ACCOUNT)
        return self._connected()

    def _refused(self, before: Refusal | None) -> Refusal:
        return Refusal.after(before, self._credential(), self._clock.wall())

    def _credential(self) -> str:
        """What is tried at the door; a token is a new one each time."""
        settings = self._settings
        secret = settings.password.reveal(self._base) if settings.password else "token"
        return f"{settings.username}\n{secret}"

    def _open(self, session: Session, readonly: bool) -> Folder:
        """The folder, which must be the one that this reading began with."""
        folder = session.open(self._settings.folder, readonly)
        if self._uidvalidity and folder.uidvalidity != self._uidvalidity:
            what = f"the folder was replaced on {self._settings.host} while it was read"
            raise Transient(what, "the next run reads it anew", code="replaced", scope=Scope.ACCOUNT)
        return folder

    def _again(self) -> Session:
        """A new connection to the same folder."""
        if self._session is not None:
            self._session.close()
        self._session = self._connected()
        self._open(self._session, readonly=True)
        return self._session

    # ── pages ──

    def _pages(self, cursor: Mapping[str, str]) -> Iterator[Page]:
        assert self._session is not None  # noqa: S101 - `pages` has seen to it
        name, self._uidvalidity = self._settings.folder, 0
        folder = self._open(self._session, readonly=True)
        self._uidvalidity = folder.uidvalidity
        mark = Mark.of(cursor.get(name, ""), folder.uidvalidity)
        known = cursor.get(name, "")
        for uids in self._listed(folder, mark):
            for some, sizes in self._by_size(uids):
                records, read = self._records(some, sizes)
                fresh = mark.past(read, set(some) - read)
                late = self._settings.after != "none"
                yield Page(records, {name: str(mark if late else fresh)})
                mark = fresh
        yield Page((), {} if str(mark) == known else {name: str(mark)}, complete=True)

    def _listed(self, folder: Folder, mark: Mark) -> Iterator[list[int]]:
        """The UIDs to read, in lists of so many: first what was missed, then what is new."""
        assert self._session is not None  # noqa: S101
        if mark.missed:
            there = set(self._session.uids(mark.missed[0], mark.missed[-1]))
            yield [uid for uid in mark.missed if uid in there]
        if not folder.exists:
            return
        first = mark.last + 1 if mark.last else max(self._session.first_uid(), 1)
        while not folder.uidnext or first < folder.uidnext:
            last = first + WINDOW - 1 if folder.uidnext else None
            found = self._session.uids(first, last)
            for start in range(0, len(found), PAGE_MAILS):
                yield found[start : start + PAGE_MAILS]
            if last is None:
                return
            first = last + 1

    def _by_size(self, uids: Sequence[int]) -> Iterator[tuple[list[int], Mapping[int, Size]]]:
        """As many at once as fit into a page; one that is larger comes alone."""
        if not uids:
            return
        assert self._session is not None  # noqa: S101
        sizes = self._session.sizes(uids)
        some: list[int] = []
        room = PAGE_BYTES
        for uid in uids:
            size = min(sizes[uid].size, self._most) if uid in sizes else 0
            if some and size > room:
                yield some, sizes
                some, room = [], PAGE_BYTES
            some.append(uid)
            room -= size
        yield some, sizes

    def _records(self, uids: Sequence[int], sizes: Mapping[int, Size]) -> tuple[list[Record], set[int]]:
        """The mails, and the UIDs that are settled: read, or gone from the folder meanwhile."""
        large = [uid for uid in uids if uid in sizes and sizes[uid].size > self._most]
        whole = [uid for uid in uids if uid in sizes and uid not in large]
        found = self._together(whole, self._most + 1, sum(sizes[uid].size for uid in whole))
        found |= self._together(large, HEAD_BYTES, HEAD_BYTES * len(large))
        there = self._still_there([uid for uid in uids if uid not in found])
        found |= self._one_by_one(sorted(there))
        lost = there - found.keys()
        records = [self._record(uid, sizes, found.get(uid)) for uid in uids if uid in found or uid in lost]
        return records, set(uids) - lost

    def _still_there(self, uids: Sequence[int]) -> set[int]:
        assert self._session is not None  # noqa: S101
        return set(self._session.uids(min(uids), max(uids))) & set(uids) if uids else set()

    def _record(self, uid: int, sizes: Mapping[int, Size], data: bytes | None) -> Record:
        name, at = place(self._settings.folder, self._uidvalidity, uid), sizes[uid].at if uid in sizes else None
        if data is None:
            return Record(name, b"", at, {"unreadable": "the server lists it and does not hand it over"})
        size = max(sizes[uid].size, len(data)) if uid in sizes else len(data)
        if size > self._most:
            return Record(name, data[:HEAD_BYTES], at, {"cut": str(size)}, self._settings.keep_raw)
        return Record(name, data, at, {}, self._settings.keep_raw)

    def _together(self, uids: Sequence[int], most: int, expected: int) -> dict[int, bytes]:
        """The mails, as far as the server hands them over in one answer."""
        assert self._session is not None  # noqa: S101
        try:
            return self._session.bodies(uids, most, expected) if uids else {}
        except RemoteError as error:
            self._go_on_after(error)
            return {}

    def _one_by_one(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The mails, without those that the server stumbles over: they must not stop the others."""
        found: dict[int, bytes] = {}
        failed = False
        for uid in uids:
            assert self._session is not None  # noqa: S101
            try:
                found |= self._session.bodies([uid], self._most + 1, self._most)
                failed = False
            except RemoteError as error:
                if failed:  # two in a row: it is not the mail
                    raise
                failed = True
                self._go_on_after(error)
        return found

    def _go_on_after(self, error: RemoteError) -> None:
        """With a new connection, if this one is lost. Raises the error where the server wants to be left alone."""
        if error.code == "busy":
            raise error
        if error.code in _LOST:
            self._again()


def _cannot(settings: ImapSettings, folder: Folder, session: Session) -> Iterator[Finding]:
    """What `after` asks for and the server does not do."""
    there = f"{settings.host}, folder {settings.folder}"
    if settings.after == "flag" and not {"\\*", settings.keyword.lower()} & folder.keywords:
        what = "the server keeps no keywords of ours in this folder: they are lost silently"
        yield Finding("no-keywords", there, what, "use after: seen or move", 3)
    if settings.after == "delete" and not session.can("UIDPLUS"):
        what = "the server cannot delete single mails (UIDPLUS): they stay, marked as deleted"
        yield Finding("no-uidplus", there, what, "use after: move or seen", 0)
    if settings.after == "move" and not session.can("MOVE", "UIDPLUS"):
        what = "the server has neither MOVE nor UIDPLUS: moved mails stay too, marked as deleted"
        yield Finding("no-move", there, what, "use after: seen", 0)
