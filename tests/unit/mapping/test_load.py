"""What `load` says of a mapping: every finding at once, at its line, with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.delivery import ClosedPolicy
from connector.errors import SettingsError
from connector.mapping import Mapping, load
from connector.plugins import Clearance, FieldSpec
from tests.unit.mapping.conftest import FIELDS, Load


def findings(loaded: Callable[..., Mapping], text: str, **named: object) -> list[str]:
    """`line code what (remedy)` of every finding."""
    with pytest.raises(SettingsError) as raised:
        loaded(text, **named)
    shown = []
    for finding in raised.value.findings:
        line = re.fullmatch(r".*m\.yaml:(\d+)", finding.where)
        assert line, finding
        shown.append(f"{line[1]} {finding.code} {finding.what} ({finding.remedy})")
    return shown


def test_a_mapping_knows_its_names_and_policies(loaded: Load) -> None:
    mapping = loaded(
        """
        table: incident
        closed: reopen
        fields:
          short_description: summary
          description: {from: description, on: create}
          u_place: {from: context.workstation, owner: connector}
        comment: {from: comment.text, public: false}
        """
    )
    assert (mapping.table, mapping.closed) == ("incident", ClosedPolicy.REOPEN)
    assert mapping.names == ("short_description", "description", "u_place")
    assert mapping.owned == {"u_place"}
    assert mapping.create_only == {"description"}
    assert mapping.public is False


def test_what_the_file_leaves_out_has_safe_defaults(loaded: Load) -> None:
    mapping = loaded("fields: {short_description: summary}", table="incident")
    assert (mapping.table, mapping.closed, mapping.public) == ("incident", ClosedPolicy.HOLD, None)


def test_every_finding_is_told_at_once_and_at_its_line(loaded: Load) -> None:
    assert findings(
        loaded,
        """\
        table: incident
        fields:
          short_descripton: summary
          description: {from: reqester.email}
          urgency:
            from: urgency
            values: {high: "1", medium: "2", lwo: "9"}
          u_a: {from: summary, transform: [{trunkate: 3}, {truncate: many}]}
          u_b:
            template: |
              {{ summary }}
              {{ context.enviroment }}
              {% for record in records %}{{ record.tipe }}{% endfor %}
          u_c: {template: "plain words"}
          u_d: {from: summary, value: x}
          u_e: {transform: lower}
          u_f: {from: summary, when: {chanel: email, channel: pager}}
          correlation_id: external_id
        """,
    ) == [
        '3 unknown-sink-field the help desk has no field "short_descripton" (did you mean "short_description"?)',
        '4 unknown-ticket-field no ticket has a field "reqester.email" (did you mean "requester.email"?)',
        '7 never-so the ticket field is never "lwo" (did you mean "low"?)',
        "7 incomplete-table the table says nothing for low (add a line for each, or a `default:`)",
        '7 no-such-choice "9" is no choice of urgency (there are 1, 2, 3)',
        '8 unknown-transform there is no transform "trunkate" (did you mean "truncate"?)',
        '8 bad-argument "truncate", length: Input should be a valid integer '
        "(No longer than so many characters; a cut is shown by `…`.)",
        '12 unknown-field no ticket has a field "context.enviroment" (did you mean "context.environment"?)',
        '13 unknown-field no ticket has a field "record.tipe" (did you mean "record.type"?)',
        "14 names-nothing this template names no field (write `value:` instead)",
        "15 two-origins the value comes from several places (write one of from, value, template or cases)",
        "16 no-origin nothing says where the value comes from (write one of from, value, template or cases)",
        '17 unknown-field no ticket has a field "chanel" (did you mean "channel"?)',
        '17 never-so "channel" is never "pager" (it is one of button, email, chatbot)',
        '18 own-field "correlation_id" is set by the connector or the help desk (remove it)',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tabel: x\nfields: {u_a: summary}", '1 unknown-key unknown key "tabel" (did you mean "table"?)'),
        ("fields:\n  u_a: {frm: summary}", '2 unknown-key unknown key "frm" (did you mean "from"?)'),
        ("fields:\n  u_a:\n    cases: [{whn: {}, value: 1}]", '3 unknown-key unknown key "whn" (did you mean "when"?)'),
        ("fields: {u_a: summary}\nclosed: never", '2 bad-value "closed" has a value that is not known'),
        ("fields: {u_a: 3}", '1 bad-form "u_a" is not a table (write `key: value` lines)'),
        ("fields: {u_a: {from: summary, on: sometimes}}", '1 bad-value "on" has a value that is not known'),
        ("table: incident", '1 missing-key "fields" is missing (write it)'),
        ("[]", "1 bad-form this is not a mapping (write `key: value` lines)"),
        ("", "1 bad-form this is not a mapping (write `key: value` lines)"),
        ("fields:\n  u_a: summary\n  u_a: summary", '3 duplicate-key "u_a" stands here twice'),
        ("fields:\n  u_a: {value: !!python/name:os.system x}", "2 not-plain only plain values can stand here"),
        ("fields: {u_a: context}", "1 not-a-value this is a group of fields (name a field of it, or use a template)"),
        ("fields: {caller_id: requester}", "1 not-a-value this is a person (add `transform: person`"),
        ("fields: {u_a: {from: summary, transform: person}}", '1 wrong-transform "person" is given text'),
        ("fields: {u_a: {from: summary, transform: {join: x}}}", '1 wrong-transform "join" is given text'),
        ("fields: {u_a: {from: tags, transform: {local_time: UTC}}}", '1 wrong-transform "local_time" is given a list'),
        (
            "fields: {u_a: {from: submitted_at, transform: {local_time: Mars/Base}}}",
            '1 bad-argument "local_time", zone: Value error, there is no time zone Mars/Base',
        ),
        ("fields: {urgency: urgency}", "1 no-such-choice high, medium, low is no choice of urgency"),
        ("fields: {urgency: summary}", "1 no-such-choice urgency takes only its choices"),
        ("fields: {urgency: {value: 4}}", '1 no-such-choice "4" is no choice of urgency'),
        ("fields: {u_a: {from: summary, values: {a: b}}}", "1 incomplete-table the ticket field may hold anything"),
        (
            "fields: {short_description: {from: summary, transform: {truncate: 41}}}",
            "1 too-long short_description holds 40",
        ),
        ("fields: {u_a: {from: []}}", "1 no-origin no ticket field is named"),
        ("fields: {u_a: {value: .inf}}", '1 bad-value "value": this is not a plain value'),
        ("fields: {u_a: {template: '{{ summary'}}", "1 bad-template unexpected end of template"),
        ("fields: {u_a: comment.text}", '1 unknown-ticket-field no ticket has a field "comment.text"'),
        (
            "fields: {u_a: summary}\ncomment: {from: coment.text}",
            '2 unknown-ticket-field no ticket has a field "coment.text"',
        ),
        ("fields: {u_a: summary}\ncomment: {from: comment.text, public: maybe}", '2 bad-value "public" has a value'),
    ],
)
def test_each_mistake_has_its_words(loaded: Load, text: str, expected: str) -> None:
    assert any(found.startswith(expected) for found in findings(loaded, text)), findings(loaded, text)


@pytest.mark.parametrize("path", ["phi.mrn", "extra.chart_note"])
def test_patient_data_is_mapped_only_with_full_clearance(loaded: Load, path: str) -> None:
    text = (
        f"fields: {{u_a: {path}, u_b: {{template: '{{{{ {path} }}}}'}}, u_c: {{value: x, when: {{{path}: present}}}}}}"
    )
    found = findings(loaded, text)
    assert len(found) == 3
    assert all("counts as patient data" in finding and "clearance: full" in finding for finding in found)
    assert loaded(text, clearance=Clearance.FULL).names == ("u_a", "u_b", "u_c")


def test_a_required_field_must_be_mapped(loaded: Load) -> None:
    fields = (*FIELDS, FieldSpec("subject", required=True))
    assert findings(loaded, "fields:\n  u_a: summary", fields=fields) == [
        '1 missing-field "subject" is not mapped, and the help desk makes no record without it (add `subject:`)'
    ]


def test_unquoted_keys_of_a_table_are_understood(loaded: Load) -> None:
    loaded("fields: {u_a: {from: patient_care, values: {true: 1, false: 0}}}")
    loaded("fields: {u_a: {from: priority, values: {1: a, 2: b, 3: c, 4: d, 5: e}}}")


def test_a_missing_file_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "none.yaml", FIELDS)


PIECES = st.sampled_from(
    """fields: u_a: short_description from: value: template: values: when: cases: transform: default: comment: public:
    summary requester.email conversation.slots.X extra.y [ ] { } , - & * ! | > # ' " {{ }} {% %} for if true 1
    0x1f .nan ~ truncate: person join high low present channel: button 2026-01-01 <<: a""".split()  # noqa: SIM905
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.tuples(PIECES, st.sampled_from([" ", "\n", "\n  ", "\n    ", ""])), max_size=40).map(
        lambda pairs: "fields:\n  " + "".join(word + gap for word, gap in pairs)
    ),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_any_text_is_a_mapping_or_findings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        found = bool(load(path, FIELDS).names)
    except SettingsError as error:
        found = all(finding.what and finding.where.startswith(str(path)) for finding in error.findings)
    assert found


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1200,
        "fields: {u_a: {template: '" + "{% if summary %}" * 900 + "'}}",
        "fields: {u_a: {template: '" + "{% for x in tags %}" * 900 + "'}}",
        "fields: {u_a: {template: '{{ " + "(" * 3000 + "summary }}'}}",
        "fields: {u_a: {template: '" + "x" * 30_000 + "'}}",
        "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nfields: [*e,*e,*e,*e,*e,*e]",
        "fields: {u_a: {value: " + "9" * 5000 + "}}",
        "fields: {u_a: {value: 0x" + "f" * 9000 + "}}",
        "fields: {u_a: {from: summary, transform: {truncate: 0x" + "f" * 9000 + "}}}",
        "fields: {u_a: " + ".".join(["extra"] * 3000) + "}",
    ],
)
def test_bombs_are_findings(loaded: Load, text: str) -> None:
    with pytest.raises(SettingsError):
        loaded(text)
