"""What in a reply is new, what is quoted, and what is a signature. Cutting real text is the costly mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connector.sources.email.html import html_text
from connector.sources.email.quote import said

from .build import mail, part, reply, several, ticket

HEADS = [
    "On Sat, 21 Nov 2026 at 09:59, Help Desk <help@h.example> wrote:",
    "On Sat, Nov 21, 2026 at 9:59 AM Help Desk\n<help@h.example> wrote:",
    "Am 21.11.2026 um 09:59 schrieb Help Desk:",
    "Am Sa., 21. Nov. 2026 um 09:59 Uhr schrieb Help Desk <\nhelp@h.example>:",
    "Le sam. 21 nov. 2026 à 09:59, Help Desk <help@h.example> a écrit :",
    "El sáb, 21 nov 2026 a las 9:59, Help Desk (<help@h.example>) escribió:",
    "Il giorno sab 21 nov 2026 alle ore 09:59 Help Desk <help@h.example> ha scritto:",
    "Op za 21 nov 2026 om 09:59 schreef Help Desk <help@h.example>:",
    "Em sáb., 21 de nov. de 2026 às 09:59, Help Desk <help@h.example> escreveu:",
    "Den lör 21 nov. 2026 kl 09:59 skrev Help Desk <help@h.example>:",
    "W dniu 21.11.2026 o 09:59, Help Desk pisze:",
    "21.11.2026 9:59, Help Desk пишет:",
    "la 21. marrask. 2026 klo 9.59 Help Desk (help@h.example) kirjoitti:",
    "Help Desk <help@h.example> 于2026年11月21日周六 09:59写道：",
    "On Saturday Help Desk wrote:",
]
BLOCKS = [
    "From: Help Desk <help@h.example>\nSent: Saturday, 21 November 2026 09:59\nTo: Ann Lee\nSubject: RE: Printer",
    "Von: Help Desk\nGesendet: Samstag, 21. November 2026 09:59\nAn: Ann Lee\nBetreff: AW: Drucker",
    "De : Help Desk\nEnvoyé : samedi 21 novembre 2026 09:59\nÀ : Ann Lee\nObjet : RE: Imprimante",
    "De: Help Desk\nEnviado el: sábado, 21 de noviembre de 2026 9:59\nPara: Ann Lee\nAsunto: RE: Impresora",
    "Da: Help Desk\nInviato: sabato 21 novembre 2026 09:59\nA: Ann Lee\nOggetto: R: Stampante",
    "Van: Help Desk\nVerzonden: zaterdag 21 november 2026 09:59\nAan: Ann Lee\nOnderwerp: RE: Printer",
    "Från: Help Desk\nSkickat: den 21 november 2026 09:59\nTill: Ann Lee\nÄmne: SV: Skrivare",
    "Od: Help Desk\nWysłano: sobota, 21 listopada 2026 09:59\nDo: Ann Lee\nTemat: Odp: Drukarka",
    "От: Help Desk\nОтправлено: 21 ноября 2026 г. 9:59\nКому: Ann Lee\nТема: RE: Принтер",
    "*From:* Help Desk\n*Sent:* Saturday\n*To:* Ann Lee\n*Subject:* RE: Printer",
    "-----Original Message-----\nFrom: Help Desk\nSent: Saturday\nTo: Ann",
    "-----Ursprüngliche Nachricht-----\nVon: Help Desk",
    "________________________________\nFrom: Help Desk\nSent: Saturday\nTo: Ann",
    "##- Please type your reply above this line -##\nTicket 12",
]


@pytest.mark.parametrize("head", HEADS)
def test_attributions_in_many_languages(head: str) -> None:
    found = said(f"It works now.\n\nThanks\n\n{head}\n> Did you try again?\n> Bo\n")
    assert found.new == "It works now.\n\nThanks"
    assert found.quoted.startswith(head)


@pytest.mark.parametrize("block", BLOCKS)
def test_header_blocks_and_separators(block: str) -> None:
    found = said(f"It works now.\n\n{block}\n\nDid you try again?\n")
    assert found.new == "It works now."
    assert found.quoted.endswith("Did you try again?")


@pytest.mark.parametrize(
    "text",
    [
        "On Monday the doctor wrote:\nI cannot print in 2026.",
        "Hello.\n\nThe nurse in room 12 says that the dialog, as she\nwrote at 10:12:\nORA-00600",
        "Hello.\n\nOn Monday, 16 Nov 2026, the doctor wrote:\nnothing prints",
        "Hello.\n\nThe printer wrote:\nPC LOAD LETTER",
        "From: the ward\nit is not possible to print",
        "Date: today\nTo: all\nprinters are down",
        "On Sat, 21 Nov 2026 at 09:59, Bo <b@h.example> wrote:\n> Which printer?\n\nThe one in room 3.",
        "> Which printer?\nThe one in room 3.\n> Since when?\nMonday.",
        "Am 21.11.2026 um 09:59 schrieb Bo:\n> Welcher?\nDer in Zimmer 3.",
        "> all of it\n> is quoted",
        "-- \nonly a signature",
        "Step 1 > Step 2 > Step 3",
        "Hello\nSent from the lab: three samples were lost.\nPlease look for them.\nAnd call us.",
    ],
)
def test_nothing_real_is_cut(text: str) -> None:
    found = said(text)
    assert (found.new, found.quoted, found.signature) == (text, "", "")


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("Please help\n\n-- \nAnn Lee\nWard 3, ext. 4711", "-- \nAnn Lee\nWard 3, ext. 4711"),
        ("Please help\n--\nAnn", "--\nAnn"),
        ("Please help\n\nSent from my iPhone", "Sent from my iPhone"),
        ("Bitte helfen\n\nVon meinem iPhone gesendet", "Von meinem iPhone gesendet"),
        ("Aidez-moi\n\nEnvoyé de mon iPhone\n", "Envoyé de mon iPhone"),
        ("Please help\n\nGet Outlook for iOS<https://aka.ms/x>", "Get Outlook for iOS<https://aka.ms/x>"),
    ],
)
def test_sure_signatures_are_kept_apart(text: str, signature: str) -> None:
    found = said(text)
    assert found.signature == signature
    assert signature not in found.new
    assert found.new


def test_a_signature_above_the_quote_is_found_and_a_dashed_line_far_up_is_none() -> None:
    found = said("Works.\n\n-- \nAnn\n\nOn 21 Nov 2026 at 09:59, Bo wrote:\n> ok?")
    assert (found.new, found.signature) == ("Works.", "-- \nAnn")
    assert said("List\n--\n" + "item\n" * 30).signature == ""


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Sat wrote:<br></div>'
        '<blockquote class="gmail_quote">old</blockquote></div>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Bo</div><div>old</div>',
        '<div id="x_divRplyFwdMsg"><b>From:</b> Bo</div><div>old</div>',
        '<div id="mail-editor-reference-message-container">old</div>',
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3pt"><p><b>From:</b> Bo</p></div><p>old</p>',
        '<div style="border:none;border-top:solid #B5C4DF 1.0pt"><p><b>Von:</b> Bo</p></div><p>old</p>',
        '<div class="moz-cite-prefix">Am 21.11.26 schrieb Bo:</div><blockquote type="cite">old</blockquote>',
        '<div class="yahoo_quoted">old</div>',
        '<div class="protonmail_quote">old</div>',
        '<hr><div data-marker="__QUOTED_TEXT__">old</div>',
        '<blockquote type="cite">old</blockquote>',
    ],
)
def test_quotes_in_html(quote: str) -> None:
    page = f"<html><body><p>It works now.</p>{quote}</body></html>"
    data = several(part("ignored"), part(page, "text/html"), kind="alternative", In_Reply_To="<x@y>")
    found = reply(data)
    assert found.comment.text == "It works now."
    assert "old" in found.ticket.description
    assert "old" in reply(data, keep_quoted=True).comment.text


def test_an_answer_below_the_quote_in_html_is_not_cut() -> None:
    quote = '<div class="gmail_quote">On Sat wrote:<blockquote class="gmail_quote">old</blockquote></div>'
    assert "Yes, it does." in said(html_text(f"<p>Hello</p>{quote}<p>Yes, it does.</p>")).new


@pytest.mark.parametrize(
    "signature",
    ['<div id="Signature">Ann, ward 3</div>', '<span>-- </span><br><div class="gmail_signature">Ann, ward 3</div>'],
)
def test_signatures_in_html(signature: str) -> None:
    found = ticket(mail(f"<p>Please help</p>{signature}<p>P.S. urgent</p>", Content_Type="text/html"))
    assert found.description.replace("\n", "") == "Please helpP.S. urgent"
    assert found.extra["signature"].removeprefix("--\n") == "Ann, ward 3"
    kept = ticket(mail(f"<p>Please help</p>{signature}", Content_Type="text/html"), keep_signature=True)
    assert "ward 3" in kept.description
    assert "signature" not in kept.extra


def test_the_first_mail_of_a_talk_is_never_cut() -> None:
    text = "Please see below.\n\nFrom: Bo\nSent: Saturday\nTo: Ann\nSubject: x\n\nThe printer is down."
    assert ticket(mail(text)).description == text


@examples(deadline=None)
@given(st.lists(st.sampled_from([*HEADS, *BLOCKS, "text", "", "> q", "-- ", "\ue000", "\ue001", "\ue002", "\ue003"])))
def test_no_line_is_lost(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    found = said(text)
    words = [line for line in text.split("\n") if line and line not in "\ue000\ue001\ue002\ue003"]
    kept = "\n".join((found.new, found.quoted, found.signature)).split("\n")
    assert sorted(words) == sorted(line for line in kept if line)
    assert found.new.strip() or not "".join(words).strip()
