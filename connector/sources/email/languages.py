"""What mail programs write around quoted and forwarded mail, in the languages of their users.

All patterns are for the beginning of a line of at most 200 characters, without nested repetition.
"""

from __future__ import annotations

import re

_FROM = (
    "from|von|de|da|van|från|fra|od|от|від|из|kimden|lähettäjä|feladó|afsender|avsender|差出人|发件人|寄件者|보낸 사람"
)
_OTHERS = (
    "sent|date|to|cc|subject|gesendet|datum|an|kopie|betreff|envoyé|à|objet|enviado|enviado el|fecha|para|asunto|"
    "assunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|dato|wysłano|do|temat|"
    "отправлено|дата|кому|тема|надіслано|gönderme tarihi|kime|konu|lähetetty|vastaanottaja|aihe|送信日時|宛先|件名|"
    "发送时间|收件人|主题|寄件日期|收件者|主旨|보낸 날짜|받는 사람|제목"
)
_SUBJECT = "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|konu|aihe|件名|主题|主旨|제목"
_DATE = (
    "sent|date|gesendet|datum|envoyé|enviado|enviado el|fecha|inviato|data|verzonden|skickat|sendt|dato|wysłano|"
    "отправлено|дата|gönderme tarihi|lähetetty|送信日時|发送时间|寄件日期|보낸 날짜"
)


def _field(names: str) -> re.Pattern[str]:
    return re.compile(rf"[>\s*_]{{0,12}}(?:{names})[*_]{{0,2}}\s{{0,3}}[:：][*_]{{0,2}}", re.IGNORECASE)


FROM_LINE, OTHER_LINE, SUBJECT_LINE, DATE_LINE = _field(_FROM), _field(_OTHERS), _field(_SUBJECT), _field(_DATE)

# "On … X wrote:". Some languages put the verb before the name, so it counts wherever it stands.
WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb|schreibt|a écrit|escribió|escribio|ha scritto|schreef|skrev|skriver|escreveu|kirjoitti|"
    r"napisała?|napsala?|pisze|a scris|írta|yazdı|пишет|написала?|пише|написав|έγραψε)\b|写道|寫道|のメール|작성",
    re.IGNORECASE,
)
SEPARATOR = re.compile(
    r"[-_=*]{2,20}\s?(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|"
    r"message d'origine|message original|mensaje original|mensagem original|messaggio originale|"
    r"oorspronkelijk bericht|oorspronkelijke bericht|ursprungligt meddelande|ursprungsmeddelande|"
    r"oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|původní zpráva|"
    r"исходное сообщение|orijinal mesaj|eredeti üzenet|forwarded message|forwarded by [^-\n]{1,100}|"
    r"weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato|doorgestuurd bericht|"
    r"原始邮件|元のメッセージ)\s?[-_=*]{2,20}",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message réexpédié|"
    r"début du message transféré|inicio del mensaje reenviado|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht|vidarebefordrat brev|start på videresendt besked)\s?[:：]",
    re.IGNORECASE,
)
ABOVE = re.compile(
    r"[-#=>\s]{0,10}(?:(?:please )?(?:type|write|add)? ?(?:your )?(?:reply|response|answer) above|"
    r"(?:bitte )?antworten sie (?:bitte )?oberhalb|répondez au-dessus|responda por encima|rispondi sopra)\b",
    re.IGNORECASE,
)
SENT_FROM = re.compile(
    r"(?:sent (?:from|via) (?:my |outlook|yahoo|mail|samsung|the )|get outlook for |von meinem \S{1,40} gesendet|"
    r"gesendet (?:von|mit|aus) |envoyé (?:de|depuis) |enviado (?:desde|do|de) |inviato (?:da|dal) |verzonden vanaf |"
    r"verstuurd vanaf |skickat från |sendt fra |lähetetty |wysłano z |отправлено с |发自我的|从我的|iPhoneから送信)"
    r"[^\n]{0,80}",
    re.IGNORECASE,
)
REPLY_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|sv|vs|antw|antwort|odp|r|rif|res|ref|ynt|回复|回覆|答复)\s?(?:\[\d{1,3}\])?\s?[:：])", re.I
)
FORWARD_PREFIX = re.compile(
    r"\s*(?:fwd?|wg|tr|rv|i|vs|vb|doorst|enc|pd|vl|ilt|továbbítás|转发|轉寄|転送)\s?(?:\[\d{1,3}\])?\s?[:：]|\s*\[fwd[:\]]",
    re.IGNORECASE,
)
AUTO_REPLY_SUBJECT = re.compile(
    r"\s*(?:automatic reply|auto(?:matic)?[- ]?reply|auto(?:matic)?[- ]response|out of (?:the )?office|"
    r"abwesenheitsnotiz|abwesenheit|automatische antwort|réponse automatique|absence du bureau|risposta automatica|"
    r"respuesta automática|resposta automática|automatisch antwoord|autosvar|automatiskt svar|"
    r"automaattinen vastaus|automatyczna odpowiedź|автоответ|自动回复|自動応答)",
    re.IGNORECASE,
)
BOUNCE_SUBJECT = re.compile(
    r"\s*(?:undeliver(?:ed|able)|delivery (?:status notification|failure|has failed)|returned mail|failure notice|"
    r"mail delivery (?:failed|failure|system)|message undeliverable|unzustellbar|nicht zustellbar|onbestelbaar|"
    r"non remis|no se puede entregar|mancato recapito|could not be delivered|warning: message .{1,60} delayed)",
    re.IGNORECASE,
)
