"""What no diagnostic shows: secrets in any spelling, and characters that act."""

from __future__ import annotations

import html
import importlib
import io
import json
import logging
import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_monday import redaction
from target_monday.redaction import Redactor, address_secrets, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULES = ("target_monday.redaction", "tap_ifs_cloud.odata.redaction")

SECRETS = (
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c4n4ry",
    'client - c4n4ry "of" <the> client/&+%',
    "pässwörd-c4n4ry-密码",
    "literal%41c4n4ry\\u0041&amp;",
)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "repr": repr,
    "percent": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "every byte in percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "every unit in json": lambda text: "".join(
        f"\\u{unit:04X}" for unit in memoryview(text.encode("utf-16-le")).cast("H")
    ),
    "html": html.escape,
    "every character in html": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "hexadecimal html": lambda text: "".join(f"&#x{ord(each):x};" for each in text),
    "json in html": lambda text: html.escape(json.dumps(text)),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 behind a user": lambda text: b64encode(f"user:{text}".encode()).decode(),
    "base64 of addresses": lambda text: urlsafe_b64encode(f"me:{text}!".encode()).decode(),
    "folded": lambda text: "\n  ".join(re.findall(r"(?s).{1,7}", text)),
    "with marks in between": "\u200b".join,
    "its beginning": lambda text: text[: len(text) // 2],
    "its end": lambda text: text[len(text) // 2 :],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_in_any_spelling(secret: str, spelling: str) -> None:
    """Its neighbours stay as they are."""
    spelt = SPELLINGS[spelling](secret)

    shown = Redactor(lambda: [secret])(f"before {spelt} to the end")

    assert shown.startswith("before ")
    assert shown.endswith(" to the end")
    for each in windows(visible(spelt)):
        assert each not in shown or "c4n4ry" not in each


def windows(text: str) -> Iterator[str]:
    """Every eight characters in a row."""
    return (text[at : at + 8] for at in range(len(text) - 7))


@given(
    st.text(st.characters(codec="utf-8"), min_size=12, max_size=60),
    st.sampled_from(sorted(SPELLINGS)),
    st.text(max_size=20),
)
def test_no_eight_characters_of_a_secret_are_shown(secret: str, spelling: str, around: str) -> None:
    """Whatever it consists of; what it has in common with its neighbourhood may go, too."""
    text = SPELLINGS[spelling](secret)
    plain = " ".join(visible(secret).split())

    shown = Redactor(lambda: [secret])(f"{around} {text} {around}").replace("***", "\0")

    for each in windows(plain):
        tight = re.sub(r"[\s\ufffd+]", "", each)
        assert len(tight) < 8 or each not in shown


@given(st.text(), st.lists(st.text(), max_size=3))
def test_what_is_shown_is_one_line_that_acts_on_nothing(text: str, secrets: list[str]) -> None:
    """No control, no mark of direction, no line break; and once is as good as twice."""
    redact = Redactor(lambda: secrets)
    shown = redact(text)

    assert shown.isprintable()
    assert redact(shown).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\nc\u2028d\te", "a b  c d e"),
        ("\x1b]0;title\x07\x1b[31m", "�]0;title��[31m"),
        ("\x9b31m\x85", "�31m "),
        ("\u202eexe.\u2066x\u200f", "�exe.�x�"),
        ("Ærø, 東京, 🙂 and a\u00a0b", "Ærø, 東京, 🙂 and a b"),
    ],
)
def test_characters_that_act_are_made_visible(text: str, shown: str) -> None:
    """ESC, OSC, C1, writing direction, line breaks; letters of any script stay."""
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization: basic dXNlcjpw=", "authorization: basic ***"),
        ("http://u:p@ss/w@proxy:1 failed", "http://***@proxy:1 failed"),
        ("http://u:p@ss@proxy:1", "http://***@proxy:1"),
        ("http://tap:a/b@proxy:1/x", "http://***@proxy:1/x"),
        ("http://u:secret@[::1]:8080/x", "http://***@[::1]:8080/x"),
        ("(//u:p@h) and http://v:q@h2/a", "(//***@h) and http://***@h2/a"),
        ("https://s3/x?X-Amz-Signature=abc&y=1", "https://s3/x?X-Amz-Signature=***&y=1"),
        ("postgresql://h/db?password=abc", "postgresql://h/db?password=***"),
        ('{"access_token": "abc", "b": 1}', '{"access_token": "***", "b": 1}'),
        ("X: true is not 1", "X: true is not 1"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    """Without being known; short words of every text are left."""
    assert Redactor(lambda: ["true", "1", ""])(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        'https://acme.ifs.cloud/main/T.svc/XSet: HTTP 500, {"@odata.context":"x"}',
        'https://acme:8443/T.svc: {"url":"https://acme/x","@odata.nextLink":"https://acme/y"}',
        "http://[::1]:8080/T.svc/XSet?$filter=Mail eq 'a@b.example'&$skiptoken=7",
        "https://acme.ifs.cloud/T.svc/XSet,@odata.context=$metadata#XSet/@odata.count",
        "no answer from https://acme.ifs.cloud: write to support@acme.example",
        "// a comment, then https://acme/x and lines later: @odata.context",
        "https://one/a https://two/b, user@example.com",
        "Basic authentication is off, and a bearer token is needed.",
        "it holds a user or a password: leave them out",
    ],
)
def test_the_diagnosis_is_kept(text: str) -> None:
    """Only what an address itself holds before its host is a user."""
    assert Redactor(lambda: ["s4ndb0x-m0nd4y"])(text) == text


@given(st.text("ab1:@/ ?#.-", max_size=12), st.text('ab @\n"', max_size=12))
def test_no_password_of_an_address_is_shown(path: str, around: str) -> None:
    """Whatever follows its host, and whatever text is around it."""
    shown = Redactor()(f"{around} https://user:c4n4ry@host/{path} {around}")

    assert "c4n4ry" not in shown
    assert "https://***@" in shown


def test_secrets_that_begin_alike_are_hidden_whole() -> None:
    """As two tokens do, which have one header; cut or not."""
    secrets = ["eyJhbGciOiJSUzI1NiJ9.first", "eyJhbGciOiJSUzI1NiJ9.other"]

    shown = Redactor(lambda: secrets)(f"{secrets[1]}, {secrets[0]}, {secrets[1][:-2]}")

    assert shown == "***, ***, ***"


def test_a_new_token_is_hidden_from_when_it_is_known() -> None:
    """A run gets tokens as it goes."""
    known = ["first-t0ken"]
    redact = Redactor(lambda: known)
    assert redact("first-t0ken other-t0ken") == "*** other-t0ken"

    known.append("other-t0ken")

    assert redact("first-t0ken other-t0ken") == "*** ***"


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("postgresql://me:p%40ss@db/x", {"p%40ss", "p@ss"}),
        ("postgresql://db/x?user=me&password=p%40ss&sslmode=require", {"p@ss"}),
        ("postgresql://db/x?user=me&sslpassword=p&options=-c%20a", {"p"}),
        ("http://me:pa/ss w@proxy:8080", {"pa/ss w"}),
        ("me:word@proxy:8080", {"word"}),
        ("sqlite:////home/me/ledger.db", set()),
    ],
)
def test_the_secrets_of_an_address_are_its_password(address: str, secrets: set[str]) -> None:
    """In front of the host or among its parameters; where it leads is no secret."""
    assert set(address_secrets(address)) == secrets


@pytest.mark.parametrize(
    ("setting", "texts"),
    [
        ("x", ["x"]),
        (["x", 7, None, True], ["x", "7"]),
        ({"Authorization": "Bearer abc"}, ["Bearer abc", "abc"]),
        (None, []),
    ],
)
def test_a_secret_of_any_type_is_known(setting: Any, texts: list[str]) -> None:
    """Also of one that it should not have."""
    assert [text for text in redaction.texts(setting) if text] == texts


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    """Gives what a handler of a redacted log writes."""
    before = logging.getLogRecordFactory()
    redaction.redact_logs(Redactor(lambda: ["c4n4ry-secret"]))
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("redacted")
    logger.propagate = False
    logger.addHandler(handler)
    yield written.getvalue
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_no_name_forges_a_line_of_the_log(log: Callable[[], str]) -> None:
    """Nor does a secret get into one."""
    logger = logging.getLogger("redacted")
    logger.warning("row.rejected stream=%s rows=%d", "s\n2026 | ERROR | forged", 3)
    logger.warning("token %r", ["c4n4ry-secret"])
    logger.warning("arguments that %d fit", "do not")

    assert log().splitlines() == [
        "row.rejected stream=s 2026 | ERROR | forged rows=3",
        "token ['***']",
        "arguments that %d fit",
    ]


def test_the_lines_of_a_traceback_are_no_lines_of_the_log(log: Callable[[], str]) -> None:
    """They are indented, and redacted as all others."""
    try:
        raise ValueError("c4n4ry-secret\nERROR forged")  # noqa: TRY301 - to be logged
    except ValueError:
        logging.getLogger("redacted").exception("failed")

    first, *others = log().splitlines()

    assert first == "failed"
    assert others[-1] == "  ERROR forged"
    assert all(line.startswith("  ") and "c4n4ry" not in line for line in others)


def test_both_packages_redact_alike() -> None:
    """Each stands alone, so each has its copy."""
    files = [Path(str(importlib.import_module(name).__file__)) for name in MODULES]

    assert len({file.read_bytes() for file in files}) == 1
