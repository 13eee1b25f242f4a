"""Settings: every finding at once, each at its line, and no secret on the screen."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector import config
from connector.errors import SettingsError
from connector.plugins import Clearance, Secret, SinkSettings, SourceSettings
from connector.plugins.settings import in_the_open

PLUGIN = """
from typing import Literal
from pydantic import BaseModel, ConfigDict
from connector.plugins import Secret, SinkSettings, SourceSettings


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    username: str
    password: Secret


class Paper:
    class settings(SourceSettings):
        path: str
        colour: Literal["white", "yellow"] = "white"


class Pigeon:
    class settings(SinkSettings):
        settle_after: float = 5.0
        auth: Login
"""

POINTS = """
[connector.sources]
paper = hospital:Paper
torn = hospital:Missing
[connector.sinks]
pigeon = hospital:Pigeon
"""

GOOD = """\
site: north-7f3a
sources:
  desk: {type: paper, path: inbox}
sinks:
  loft:
    type: pigeon
    url: http://127.0.0.1:1
    mapping: m.yaml
    auth: {username: sync, password: "env:PIGEON"}
"""


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory):
    """A hospital's own plugins, installed the way any distribution is."""
    place = tmp_path_factory.mktemp("site-packages")
    (place / "hospital.py").write_text(PLUGIN)
    info = place / "hospital-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hospital\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    sys.path.insert(0, str(place))
    config.plugins.cache_clear()
    yield
    sys.path.remove(str(place))
    sys.modules.pop("hospital", None)
    config.plugins.cache_clear()


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "connector.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def refused(path: Path) -> list[str]:
    """The findings, as `LINE: text`."""
    with pytest.raises(SettingsError) as caught:
        config.load(path)
    assert caught.value.exit_code == 2
    return [str(finding).removeprefix(f"{path}:") for finding in caught.value.findings]


def model(kind: str):
    return config.plugins(f"connector.{kind}s")[{"source": "paper", "sink": "pigeon"}[kind]].load().settings


def test_good_settings_load_with_their_defaults(written):
    loaded = config.load(written(GOOD))
    assert (loaded.site, loaded.ledger) == ("north-7f3a", "sqlite:///connector.db")
    assert (loaded.wait, loaded.pending) == (30.0, 900.0)
    assert loaded.base == loaded.path.parent
    assert [route.sink for route in loaded.routes] == ["loft"], "with one sink, everything goes there"
    assert (loaded.problems.mode, loaded.problems.window) == ("suggest", 1800.0)


def test_times_take_units(written):
    loaded = config.load(written(GOOD + "wait: 2m\npending: 90\nproblems: {window: 1.5h}\n"))
    assert (loaded.wait, loaded.pending, loaded.problems.window) == (120.0, 90.0, 5400.0)


def test_a_plugin_gets_its_own_model(written):
    loaded = config.load(written(GOOD))
    source = config.plugin_settings("source", "desk", loaded.sources["desk"], model("source"))
    sink = config.plugin_settings("sink", "loft", loaded.sinks["loft"], model("sink"))
    assert isinstance(source, SourceSettings)
    assert source.path == "inbox"
    assert isinstance(sink, SinkSettings)
    assert sink.clearance is Clearance.NONE
    assert repr(sink.auth.password) == "env:PIGEON"


def test_every_finding_comes_at_once_in_file_order(written):
    found = refused(
        written("""\
site: N
ledgr: sqlite:///x.db
sources:
  desk: {type: papr, path: inbox}
  shelf: {type: paper, colour: yelow}
sinks:
  loft:
    type: pigeon
    url: http://127.0.0.1:1
    mapping: m.yaml
    auth:
      usrname: sync
      password: "env:PIGEON"
routes:
  - {when: {channel: chatbot}, sink: lofft}
problems: {mode: sugest, window: soon}
wait: -1
""")
    )
    assert found == [
        '1: "site": a site is 4 to 24 of a-z, 0-9 and -, such as north-7f3a',
        '2: unknown setting "ledgr" (did you mean "ledger"?)',
        '4: there is no source of type "papr" (did you mean "paper"?; installed: '
        "chatbot, ehr_button, email, paper, torn)",
        '5: "path" is missing (add it)',
        '5: "colour" has to be \'white\' or \'yellow\' (did you mean "yellow"?)',
        '11: "auth.username" is missing (add it)',
        '12: unknown setting "auth.usrname" (did you mean "username"?)',
        '14: a ticket that fits none of the routes would have no sink (end with a route that has no `when`)',
        '15: no sink "lofft" (did you mean "loft"?)',
        '16: "problems.mode" has to be \'suggest\', \'auto\' or \'off\' (did you mean "suggest"?)',
        '16: "problems.window": a time is written as seconds (90) or with its unit (90s, 15m, 2h, 1d)',
        '17: "wait": input should be greater than or equal to 0',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ('"env:PIGEON"', "hunter2", "a secret is written as env:NAME or file:PATH"),
        ('"env:PIGEON"', '"env:"', "a secret is written as env:NAME or file:PATH"),
        ('"env:PIGEON"', "[hunter2]", '"auth.password" has to be a text'),
        ('password: "env:PIGEON"', "passwort: hunter2", 'did you mean "password"?'),
        ("http://127.0.0.1:1", "https://sync:hunter2@example.org", "there is a password in this address"),
        ("site: north-7f3a", "ledger: postgresql+psycopg://c:hunter2@db/x", "there is a password in this address"),
        ("type: paper", "type: paper, colour: hunter2", "has to be 'white' or 'yellow'"),
        ("type: paper", "type: paper, id: [hunter2]", '"id" has to be a text'),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(written, was, now, expected):
    found = "\n".join(refused(written(GOOD.replace(was, now))))
    assert expected in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: there are no settings here"),
        ("- a\n", "1: there are no settings here"),
        ("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n", '2: "a" stands here twice (remove one of them)'),
        ("a: [1\nb: 2\n", "2:2: this is not YAML: the list that [ opens in line 1 does not end (close it with ])"),
        ("a: {b: 1\n", "2:1: this is not YAML: the mapping that { opens in line 1 does not end (close it with })"),
        ('a: "x\n', "2:1: this is not YAML: the quote that opens in line 1 does not end (close it)"),
        ("a: 1\n\tb: 2\n", "2:1: this is not YAML: a tab stands where the line is indented (indent with spaces)"),
        ("a: 1\nb: @x\n", "2:4: this is not YAML: a value cannot begin with this character (put the value in quotes)"),
        (
            "a: b: c\n",
            "1:5: this is not YAML: a colon cannot stand here "
            "(indent it as its neighbours, and put a text with a colon or a quote in quotes)",
        ),
        (
            "a: 'it's'\n",
            "1:8: this is not YAML: this does not fit the lines before it "
            "(indent it as its neighbours, and put a text with a colon or a quote in quotes)",
        ),
        ("!{", "1:2: this is not YAML: expected URI, but found '{'"),
        ("a: |x\n", "1:5: this is not YAML: expected chomping or indentation indicators, but found 'x'"),
        (
            "a: 1\n---\nb: 2\n",
            "2:1: this is not YAML: a second document begins (keep one of them, without the line ---)",
        ),
        ("a: !!python/object/apply:os.system [id]\n", "1: only plain values can stand here (put the value in quotes)"),
        ("a: 2026-01-31\n", "1: only plain values can stand here (put the value in quotes)"),
        ("<<: {a: 1}\n", "1: this cannot be a name (write a plain word; << is not known here)"),
        ("[a]: 1\n", "1: this cannot be a name (write a plain word; << is not known here)"),
        ("a: &x [*x]\n", "1: nested too deeply, or too many values"),
        (
            "a: *x\n",
            "1:4: this is not YAML: a value that begins with * names something else in the file "
            "(put the value in quotes)",
        ),
        (b"a: 1\nb: \xff\n", "2: this is not UTF-8 (save the file as UTF-8)"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_at_its_line(written, text, expected):
    assert refused(written(text))[0] == expected


def test_duplicates_are_all_named(written):
    assert len(refused(written("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n"))) == 2


@pytest.mark.parametrize("text", ["- " * 3000, "a: 1\n" * 60_000, "a: \x01\n", "a: " + "9" * 9000])
def test_what_is_too_large_or_too_deep_is_refused(written, text):
    assert len(refused(written(text))) == 1


def test_aliases_do_not_explode(written):
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert refused(written("\n".join(lines)))[0].endswith("nested too deeply, or too many values")


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(SettingsError, match=r"there is no such file .*connector init"):
        config.load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("routes: [{sink: loft}, {sink: loft}]\n", "an earlier route without `when` takes every ticket (move it down)"),
        ("routes: [{sink: loft, when: {chanel: x}}, {sink: loft}]\n", '"chanel"'),
        ("routes: {sink: loft}\n", '"routes" has to be a list'),
        ("ledger: mysql://x\n", "a ledger starts with sqlite:/// or postgresql+psycopg://"),
        ("wait: .inf\n", '"wait": input should be a finite number'),
    ],
)
def test_more_findings(written, addition, expected):
    assert expected in "\n".join(refused(written(GOOD + addition)))


def test_two_sources_never_share_an_id(written):
    text = GOOD.replace("sinks:", "  shelf: {type: paper, path: other, id: desk}\nsinks:")
    assert refused(written(text)) == ['4: sources "desk" and "shelf" have the same id (give each its own `id`)']


def test_several_sinks_need_routes(written):
    found = refused(written(GOOD.replace("  loft:\n", "  nest: {type: pigeon}\n  loft:\n")))
    assert any("there are several sinks and no routes" in finding for finding in found)


def test_a_broken_plugin_is_a_finding(written):
    found = refused(written(GOOD.replace("type: paper", "type: torn")))
    assert found[0].startswith('3: the plugin "torn" (hospital:Missing) cannot be loaded')


def test_settings_without_a_file_name_their_path():
    with pytest.raises(SettingsError) as caught:
        config.plugin_settings("source", "desk", {"type": "paper"}, model("source"))
    assert str(caught.value) == 'sources.desk.path: "path" is missing (add it)'


def test_a_secret_that_is_not_there_is_a_finding(written, monkeypatch):
    loaded = config.load(written(GOOD))
    monkeypatch.setenv("PIGEON", "hunter2")
    assert config.missing_secrets("sink", loaded.sinks, loaded.base) == []
    monkeypatch.delenv("PIGEON")
    (finding,) = config.missing_secrets("sink", loaded.sinks, loaded.base)
    assert str(finding) == f"{loaded.path}:9: the environment variable PIGEON is not set (set it to the secret)"


words = st.text(st.characters(codec="utf-8"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys((*config.SettingsFile.model_fields, "other"), values)),
)
def test_whatever_is_written_is_loaded_or_refused(tmp_path, data):
    path = tmp_path / "any.yaml"
    path.write_text(json.dumps(data), "utf-8")
    with contextlib.suppress(SettingsError):
        config.load(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@\n ?,", max_size=60).map(str.encode))
def test_any_bytes_are_loaded_or_refused(tmp_path, content):
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        config.load(path)


@pytest.mark.parametrize(
    "line",
    ['site: "a\\0b"', 'ledger: "sqlite:///a\\ud800b.db"', 'wait: "\\e[31m"', "wait: !!bool maybe", '"\\e]0;t\\a": 1'],
)
def test_what_no_system_takes_as_a_text_is_found_at_its_line(tmp_path, line):
    path = tmp_path / "connector.yaml"
    path.write_text(f"{line}\n{GOOD.replace('site: north-7f3a', '')}")
    with pytest.raises(SettingsError) as raised:
        config.load(path)
    assert any(finding.where == f"{path}:1" for finding in raised.value.findings)
    assert not {"\x00", "\x1b", "\x07"} & set(str(raised.value))


@pytest.mark.parametrize(
    "url",
    [
        "''",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://hunter2@127.0.0.1",
        "https://a.example/?token=hunter2",
        "https://a.example/#hunter2",
        "loft.example",
    ],
)
@pytest.mark.parametrize("setting", ["url", "proxy"])
def test_an_address_that_cannot_be_called_or_holds_a_credential(tmp_path, setting, url):
    path = tmp_path / "connector.yaml"
    now = GOOD.replace("url: http://127.0.0.1:1", "url: http://127.0.0.1:1\n    proxy: http://proxy:3128")
    was = {"url": "url: http://127.0.0.1:1\n", "proxy": "proxy: http://proxy:3128\n"}[setting]
    path.write_text(now.replace(was, f"{setting}: {url}\n"))
    with pytest.raises(SettingsError, match="written as https://HOST") as raised:
        config.load(path)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("kind", ["fifo", "folder", "endless"])
def test_a_secret_is_read_from_a_file_and_nothing_else(tmp_path, kind):
    place = {"fifo": tmp_path / "pipe", "folder": tmp_path, "endless": Path("/dev/zero")}[kind]
    if kind == "fifo":
        os.mkfifo(place)
    with pytest.raises(SettingsError, match=r"the secret's file .* is no file"):
        Secret(f"file:{place}").reveal(tmp_path)


@pytest.mark.parametrize(
    ("url", "open_"),
    [
        ("https://north.example", False),
        ("http://north.example", True),
        ("http://10.0.0.7:8080", True),
        ("http://localhost:8765", False),
        ("http://127.0.0.9", False),
        ("http://[::1]:8765", False),
        (None, False),
    ],
)
def test_what_leaves_the_machine_without_tls(url, open_):
    assert in_the_open(url) is open_


def test_times_of_sources_and_sinks_take_a_unit():
    entry = {"type": "x", "url": "https://h", "mapping": "m", "settle_after": 1}
    assert SinkSettings.model_validate({**entry, "timeout": "2m"}).timeout == 120
    assert SinkSettings.model_validate({**entry, "settle_after": "15m"}).settle_after == 900
    with pytest.raises(ValueError, match="greater than 0"):
        SinkSettings.model_validate({**entry, "timeout": "0s"})
