"""What a foreign exception shows, as data: requests, urllib3, http.client, ssl, socket, pysnow and zenpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.wire.errors import Seen

_PYSNOW: Mapping[str, Seen] = {
    "InvalidUsage": Seen.UNSENDABLE,
    "UnexpectedResponseFormat": Seen.GARBLED,
    "MissingResult": Seen.GARBLED,
    "NoResults": Seen.GARBLED,
    "MultipleResults": Seen.GARBLED,
    "MissingToken": Seen.UNAUTHORISED,
    "QueryTypeError": Seen.UNSENDABLE,
    "QueryMissingField": Seen.UNSENDABLE,
    "QueryEmpty": Seen.UNSENDABLE,
    "QueryExpressionError": Seen.UNSENDABLE,
    "QueryMultipleExpressions": Seen.UNSENDABLE,
}

# By qualified name, so that the table costs no import of a library that this run does not use.
EXCEPTIONS: Mapping[str, Seen] = {
    "builtins.OSError": Seen.LOST,
    "builtins.BlockingIOError": Seen.LOST,
    "builtins.BrokenPipeError": Seen.LOST,
    "builtins.ConnectionError": Seen.LOST,
    "builtins.ConnectionAbortedError": Seen.LOST,
    "builtins.ConnectionRefusedError": Seen.UNREACHABLE,
    "builtins.ConnectionResetError": Seen.LOST,
    "builtins.InterruptedError": Seen.LOST,
    "builtins.TimeoutError": Seen.LOST,
    "json.decoder.JSONDecodeError": Seen.GARBLED,
    "socket.gaierror": Seen.UNREACHABLE,
    "socket.herror": Seen.UNREACHABLE,
    "ssl.SSLError": Seen.UNREACHABLE,
    "ssl.SSLCertVerificationError": Seen.CERTIFICATE,
    # The other side hung up, or the line failed: perhaps after it had read us.
    "ssl.SSLEOFError": Seen.LOST,
    "ssl.SSLSyscallError": Seen.LOST,
    "ssl.SSLWantReadError": Seen.LOST,
    "ssl.SSLWantWriteError": Seen.LOST,
    "ssl.SSLZeroReturnError": Seen.LOST,
    **{
        f"http.client.{name}": seen
        for name, seen in {
            "HTTPException": Seen.LOST,
            "BadStatusLine": Seen.GARBLED,
            "CannotSendHeader": Seen.LOST,
            "CannotSendRequest": Seen.LOST,
            "ImproperConnectionState": Seen.LOST,
            "IncompleteRead": Seen.GARBLED,
            "InvalidURL": Seen.UNSENDABLE,
            "LineTooLong": Seen.GARBLED,
            "NotConnected": Seen.LOST,
            "RemoteDisconnected": Seen.LOST,
            "ResponseNotReady": Seen.LOST,
            "UnimplementedFileMode": Seen.LOST,
            "UnknownProtocol": Seen.GARBLED,
            "UnknownTransferEncoding": Seen.GARBLED,
        }.items()
    },
    **{
        f"requests.exceptions.{name}": seen
        for name, seen in {
            "RequestException": Seen.LOST,
            "InvalidJSONError": Seen.GARBLED,
            "JSONDecodeError": Seen.GARBLED,
            "HTTPError": Seen.ODD,
            "ConnectionError": Seen.LOST,
            "ProxyError": Seen.PROXY,
            "SSLError": Seen.UNREACHABLE,
            "Timeout": Seen.LOST,
            "ConnectTimeout": Seen.UNREACHABLE,
            "ReadTimeout": Seen.LOST,
            "URLRequired": Seen.UNSENDABLE,
            "TooManyRedirects": Seen.REDIRECTED,
            "MissingSchema": Seen.UNSENDABLE,
            "InvalidSchema": Seen.UNSENDABLE,
            "InvalidURL": Seen.UNSENDABLE,
            "InvalidHeader": Seen.UNSENDABLE,
            "InvalidProxyURL": Seen.UNSENDABLE,
            "ChunkedEncodingError": Seen.GARBLED,
            "ContentDecodingError": Seen.GARBLED,
            "StreamConsumedError": Seen.GARBLED,
            "RetryError": Seen.LOST,
            "UnrewindableBodyError": Seen.LOST,
        }.items()
    },
    "requests.cookies.CookieConflictError": Seen.GARBLED,
    "urllib3.util.ssl_match_hostname.CertificateError": Seen.CERTIFICATE,
    **{
        f"urllib3.exceptions.{name}": seen
        for name, seen in {
            "HTTPError": Seen.LOST,
            "PoolError": Seen.LOST,
            "RequestError": Seen.LOST,
            "SSLError": Seen.UNREACHABLE,
            "ProxyError": Seen.PROXY,
            "DecodeError": Seen.GARBLED,
            "ProtocolError": Seen.LOST,
            "MaxRetryError": Seen.LOST,
            "HostChangedError": Seen.REDIRECTED,
            "TimeoutStateError": Seen.LOST,
            "TimeoutError": Seen.LOST,
            "ReadTimeoutError": Seen.LOST,
            "ConnectTimeoutError": Seen.UNREACHABLE,
            "NewConnectionError": Seen.UNREACHABLE,
            "NameResolutionError": Seen.UNREACHABLE,
            "EmptyPoolError": Seen.UNREACHABLE,
            "FullPoolError": Seen.LOST,
            "ClosedPoolError": Seen.UNREACHABLE,
            "LocationValueError": Seen.UNSENDABLE,
            "LocationParseError": Seen.UNSENDABLE,
            "URLSchemeUnknown": Seen.UNSENDABLE,
            "ResponseError": Seen.LOST,
            "IncompleteRead": Seen.GARBLED,
            "InvalidChunkLength": Seen.GARBLED,
            "InvalidHeader": Seen.GARBLED,
            "ResponseNotChunked": Seen.GARBLED,
            "BodyNotHttplibCompatible": Seen.GARBLED,
            "HeaderParsingError": Seen.GARBLED,
            "ProxySchemeUnknown": Seen.UNSENDABLE,
            "ProxySchemeUnsupported": Seen.UNSENDABLE,
            "UnrewindableBodyError": Seen.LOST,
        }.items()
    },
    "oauthlib.oauth2.rfc6749.errors.OAuth2Error": Seen.UNAUTHORISED,
    **{
        f"pysnow.{module}.{name}": seen
        for module in ("exceptions", "legacy_exceptions")
        for name, seen in _PYSNOW.items()
    },
    "pysnow.exceptions.PysnowException": Seen.ODD,
    "pysnow.exceptions.ResponseError": Seen.GARBLED,
    "pysnow.exceptions.EmptyContent": Seen.GARBLED,
    "pysnow.exceptions.TokenCreateError": Seen.UNAUTHORISED,
    "pysnow.legacy_exceptions.NoRequestExecuted": Seen.GARBLED,
    "pysnow.legacy_exceptions.ReportUnavailable": Seen.GARBLED,
    "pysnow.legacy_exceptions.UnexpectedResponse": Seen.GARBLED,
    **{
        f"zenpy.lib.exception.{name}": seen
        for name, seen in {
            "ZenpyException": Seen.GARBLED,
            "ZenpyCacheException": Seen.UNSENDABLE,
            "RatelimitBudgetExceeded": Seen.BUSY,
            "APIException": Seen.ODD,
            "RecordNotFoundException": Seen.GONE,
            "TooManyValuesException": Seen.REFUSED,
            "SearchResponseLimitExceeded": Seen.REFUSED,
        }.items()
    },
}

# Of several exceptions wrapped in each other, the one that says most.
TELLING = (
    Seen.CERTIFICATE,
    Seen.UNSENDABLE,
    Seen.PROXY,
    Seen.UNREACHABLE,
    Seen.UNAUTHORISED,
    Seen.BUSY,
    Seen.REDIRECTED,
    Seen.GONE,
    Seen.REFUSED,
    Seen.GARBLED,
    Seen.LOST,
)
_NOT_SENT = frozenset({Seen.UNREACHABLE, Seen.PROXY, Seen.UNSENDABLE})


def exception(error: BaseException, left: bool | None = None) -> Seen:
    """What a foreign exception shows. `left` says whether any byte of the request left, None where nobody knows."""
    sights = {seen for each in _wrapped(error) if (seen := _listed(type(each))) is not None}
    seen = next((candidate for candidate in TELLING if candidate in sights), Seen.ODD)
    if left is False and seen not in (Seen.CERTIFICATE, Seen.PROXY, Seen.UNSENDABLE):
        return Seen.UNREACHABLE
    if left and seen in _NOT_SENT:
        return Seen.LOST
    return seen


_WHY: Mapping[str, str] = {
    "ConnectionRefusedError": "connection refused",
    "gaierror": "no such host",
    "ConnectTimeout": "no answer in time",
    "ConnectTimeoutError": "no answer in time",
    "SSLError": "no TLS that we could agree on",
}


def why(error: BaseException) -> str:
    """What kept a connection from being made, in words of our own; "" where nothing more is known."""
    names = {base.__name__ for each in _wrapped(error) for base in type(each).__mro__}
    return next((said for name, said in _WHY.items() if name in names), "")


def _listed(kind: type[BaseException]) -> Seen | None:
    names = (f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__)
    return next((EXCEPTIONS[name] for name in names if name in EXCEPTIONS), None)


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """The exception and those inside it: causes, reasons and arguments."""
    waiting, known = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in known:
            continue
        known.add(id(each))
        yield each
        inner = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting.extend(item for item in inner if isinstance(item, BaseException))
