"""Settings: rules between them, names that outsiders rely on, and the streams they make."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError
from tap_ifs_cloud.definition import StreamDefinition, stream_name
from tap_ifs_cloud.odata.errors import IfsError
from tap_ifs_cloud.odata.query import expression_fault, one_line
from tap_ifs_cloud.presets import PRESETS
from tap_ifs_cloud.settings import SETTINGS, token_url
from tap_ifs_cloud.tap import TapIfsCloud

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "base_url": "http://127.0.0.1:1",
    "realm": "r",
    "client_id": "i",
    "client_secret": "s",
}


def faults(settings: dict[str, Any]) -> list[str]:
    """What the tap says about settings, before any request."""
    with pytest.raises(ConfigValidationError) as caught:
        TapIfsCloud(config=settings)
    return caught.value.errors


def test_all_faults_are_told_at_once() -> None:
    """Each in one sentence with a code and the name of the setting."""
    told = faults({"streams": [{"entity_set": "XSet"}]})

    assert [fault.partition(":")[0] for fault in told] == ["SETTING_MISSING"] * 5
    for name in ("base_url", "client_id", "client_secret", "realm", "projection"):
        assert any(f"`{name}`" in fault for fault in told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"base_url": ""}, "SETTING_MISSING: `base_url`", id="empty"),
        pytest.param({"base_url": "acme.ifs.cloud"}, "SETTING_INVALID: `base_url`", id="no-scheme"),
        pytest.param({"base_url": "https://u:p@h"}, "SETTING_INVALID: `base_url`", id="user"),
        pytest.param({"client_secret": ""}, "SETTING_MISSING: `client_secret`", id="half-given"),
        pytest.param({"realm": ""}, "SETTING_MISSING: set `realm`", id="no-realm"),
        pytest.param({"lookback": -1}, "SETTING_INVALID: ", id="type-has-a-code"),
        pytest.param({"ca_bundle": "/no/such.pem"}, "SETTING_INVALID: `ca_bundle`", id="bundle"),
        pytest.param({"start_date": "soon"}, "SETTING_INVALID: `start_date`", id="start-date"),
        pytest.param({"lookback": -1}, "-1 is less than the minimum", id="bound"),
        pytest.param(
            {"streams": [{"entity_set": "A", "projektion": "x"}]},
            "`streams[0].projektion` is not a setting. Did you mean `projection`?",
            id="typo",
        ),
        pytest.param(
            {"streams": [{"entity_set": "ASet", "projection": "P"}] * 2},
            "SETTING_DUPLICATE: several streams are called 'a'",
            id="same-name",
        ),
        pytest.param(
            {"streams": [{"entity_set": "A", "service_url": "http://elsewhere/x"}]},
            "SETTING_INVALID: stream 'a': `service_url` must lie below",
            id="foreign-service",
        ),
        pytest.param(
            {
                "streams": [
                    {
                        "entity_set": "A",
                        "projection": "P",
                        "replication": "full",
                        "replication_key": "K",
                    }
                ]
            },
            "SETTING_CONFLICT: stream 'a'",
            id="key-without-use",
        ),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], told: str) -> None:
    """The sentence says which one and what to do; the secret is in none."""
    said = faults(GOOD | change)

    assert any(told in fault for fault in said)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"headers": {"X-Key": "canary\n"}}, "`headers`: the value of", id="lf"),
        pytest.param({"headers": {"X-Key": "canary\u20ac"}}, "`headers`: the value", id="latin-1"),
        pytest.param({"headers": {"X-Key": " canary"}}, "`headers`: the value", id="blank"),
        pytest.param({"headers": {"X Key": "canary"}}, "`headers`: 'X Key' is no name", id="name"),
        pytest.param({"headers": {"X": ["canary"]}}, "`headers` has a value of another", id="list"),
        pytest.param({"client_secret": ["canary"]}, "`client_secret` has a value of", id="secret"),
        pytest.param({"base_url": "https://u:canary@h"}, "`base_url`: it holds a user", id="base"),
        pytest.param({"base_url": "u:canary@h"}, "`base_url`: it holds a user", id="no-scheme"),
        pytest.param({"token_url": "https://u:canary@h"}, "`token_url`: it holds", id="token"),
    ],
)
def test_a_fault_in_a_secret_does_not_show_it(change: dict[str, Any], told: str) -> None:
    """The setting is named, its value is not."""
    said = faults(GOOD | change)

    assert any(f"SETTING_INVALID: {told}" in fault for fault in said)
    assert "canary" not in str(said)


def stream(**more: Any) -> dict[str, Any]:
    """Settings with one stream."""
    return {"streams": [{"entity_set": "ASet", "projection": "P", **more}]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"base_url": "http://acme.example"}, "`base_url`: http://acme.example is plain http"),
        ({"base_url": "http://10.0.0.1"}, "`base_url`: http://10.0.0.1 is plain http"),
        ({"base_url": "http://localhost.evil.example"}, "`base_url`: http://localhost.evil"),
        ({"token_url": "http://sso.example/t"}, "`token_url`: http://sso.example is plain http"),
        ({"base_url": "https://acme.example/\nx"}, "`base_url`: it holds a blank"),
        ({"base_url": "https://acme.example/a b"}, "`base_url`: it holds a blank"),
        ({"base_url": "https://u%40h"}, "`base_url`: it holds a user"),
        ({"base_url": "https://h:port"}, "`base_url`: 'https://h:port' is not an http"),
        ({"base_url": "https://[::1"}, "`base_url`: 'https://[::1' is not an http"),
        ({"base_url": "https://h/a/../b"}, "`base_url`: 'https://h/a/../b' climbs"),
        ({"base_url": "https://h?canary=1"}, "`base_url`: 'https://h' is followed by a query"),
        ({"base_url": "https://h/main"}, "leave out what follows 'https://h'"),
        ({"base_url": "https://h/gw/main/ifsapplications/web/"}, "what follows 'https://h/gw'"),
        (
            {"base_url": "https://h:8/int/ifsapplications/entity/v1/X.svc"},
            "what follows 'https://h:8'",
        ),
        ({"realm": "../../tenantB"}, "`realm`: '../../tenantB' is not the name of a realm"),
        ({"realm": ".."}, "`realm`: '..' is not"),
        ({"realm": "r?x=1"}, "`realm`: 'r?x=1' is not"),
        (stream(projection="../../../../tenantB/p"), "`projection`: '../../../../tenantB/p' is"),
        (stream(projection=".."), "`projection`: '..' is not a name"),
        (stream(projection="a%2f..%2fb"), "`projection`: 'a%2f..%2fb' is not a name"),
        (stream(projection="P.svc/ASet"), "`projection`: 'P.svc/ASet' is not a name"),
        (stream(entity_set="../b/ASet"), "`entity_set`: '../b/ASet' is not a name"),
        (stream(entity_set="ASet?$top=1"), "`entity_set`: 'ASet?$top=1' is not a name"),
        (stream(entity_set="A(1)"), "`entity_set`: 'A(1)' is not a name"),
        (stream(service_url="../tenantB"), "climbs up its own path"),
        (stream(service_url="https://u:canary@127.0.0.1:1/x"), "`service_url`: it holds a user"),
        (stream(service_url="x?key=canary"), "followed by a query or fragment: leave it out"),
        (stream(filter="A eq 1 # only ours"), "`filter` holds a comment (`#`)"),
        (stream(filter="A eq 1 // only ours"), "`filter` holds a comment (`//`)"),
        (stream(filter="A eq 1 -- don't"), "`filter` holds a comment (`--`)"),
        (stream(filter="A eq 1 /* canary */"), "`filter` holds a comment (`/*`)"),
        (stream(filter="A eq\u200b 1"), "`filter` holds a character that cannot be seen (U+200B)"),
        (stream(filter="A eq 'x"), "`filter` holds a text without its closing"),
        (stream(filter="A eq 'it's'"), "`filter` holds a text without its closing"),
    ],
)
def test_what_leads_elsewhere_is_refused_before_the_first_request(
    change: dict[str, Any], told: str
) -> None:
    """Credentials in an address, an open line, names that are paths, filters that none can read."""
    said = faults(GOOD | change)

    assert [told in fault for fault in said] == [True]
    assert "canary" not in str(said)


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "http://localhost:1"},
        {"base_url": "http://ifs.localhost:1"},
        {"base_url": "http://[::1]:1"},
        {"base_url": "http://127.9.9.9:1"},
        {"base_url": "http://ifs.example", "allow_http": True},
        {"base_url": "https://ifs.example/\n"},
        {"base_url": " https://ifs.example/gw \t"},
        {"base_url": "https://main.example/mainframe"},
        {"base_url": "https://h/main", **stream(service_url="odata")},
        {"realm": "My-realm_1.x\n", "client_secret": "s\r\n"},
        stream(projection=" QueryProjectionX-1.svc/ "),
        stream(entity_set="Reference_CodeB"),
        stream(filter="A eq '# // -- /* it''s' and\n B gt -1\n"),
    ],
)
def test_what_is_meant_is_taken(change: dict[str, Any]) -> None:
    """Blanks and line breaks around a setting are nobody's wish."""
    made = TapIfsCloud(config=GOOD | change, setup_mapper=False)

    assert "\n" not in str([v for n, v in made.config.items() if n != "streams"])


@given(st.lists(st.sampled_from(["'", "''", " ", "\n", "\t", "\r\n", "A", "eq", "\u00a0"])))
def test_a_filter_is_one_line_with_its_texts_as_they_are(words: list[str]) -> None:
    """Between two quotation marks nothing changes, elsewhere only white space."""
    written = "".join(words)

    sent = one_line(written)

    assert one_line(sent) == sent
    assert "".join(sent.split()) == "".join(written.split())
    if expression_fault(written) is None:
        assert re.findall(r"'(?:[^']|'')*'", sent) == re.findall(r"'(?:[^']|'')*'", written)
        assert not re.search(r"[^\S ]|  ", re.sub(r"'(?:[^']|'')*'", "T", sent))


def test_a_misspelt_setting_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """By its name, and not as an error: Meltano may hand over more than the tap knows."""
    faults(GOOD | {"page_sise": 1, "lookback": -1})

    assert "setting.unknown setting=page_sise" in caplog.text


def test_names_that_outsiders_rely_on_exist() -> None:
    """Settings are added to, never renamed."""
    properties = SETTINGS["properties"]

    assert properties.keys() >= {
        *("base_url", "realm", "token_url", "client_id", "client_secret", "scope", "gateway"),
        *("streams", "start_date", "lookback", "page_size", "requests_per_minute", "ca_bundle"),
    }
    assert properties["streams"]["items"]["properties"].keys() >= {
        *("entity_set", "projection", "name", "service", "gateway", "replication"),
        *("replication_key", "filter", "select", "page_size", "paging"),
    }
    assert properties["client_secret"]["secret"] is True


def test_every_setting_is_described() -> None:
    """The documentation is made from these sentences."""
    for properties in (
        SETTINGS["properties"],
        SETTINGS["properties"]["streams"]["items"]["properties"],
    ):
        assert all(len(setting["description"]) > 20 for setting in properties.values())


@pytest.mark.parametrize(
    ("entity_set", "name"),
    [
        ("PurchaseOrderSet", "purchase_order"),
        ("Set", "set"),
        ("Reference_CodeB", "reference_code_b"),
        ("SATAccountSet", "sat_account"),
        ("Order2Set", "order2"),
    ],
)
def test_streams_are_named_after_their_set(entity_set: str, name: str) -> None:
    """Without `Set`, in snake case."""
    assert stream_name(entity_set) == name


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ({"projection": "P"}, "https://h/gw/main/ifsapplications/projection/v1/P.svc/"),
        (
            {"projection": "P.svc", "gateway": "b2b"},
            "https://h/gw/b2b/ifsapplications/projection/v1/P.svc/",
        ),
        (
            {"projection": "XEntity", "service": "entity", "gateway": "int"},
            "https://h/gw/int/ifsapplications/entity/v1/XEntity.svc/",
        ),
        ({"service_url": "odata/v4/"}, "https://h/gw/odata/v4/"),
        ({"service_url": "https://h/gw/x"}, "https://h/gw/x/"),
        ({"service_url": "/"}, "https://h/gw/"),
    ],
)
def test_services_are_found_below_the_base(entry: dict[str, str], url: str) -> None:
    """IFS's own paths, or any other below `base_url`."""
    definition = StreamDefinition.of({"entity_set": "ASet", **entry})

    assert definition.url("https://h/gw/", "main") == url


def test_the_token_address_comes_from_the_realm_or_is_given() -> None:
    """`token_url` wins."""
    assert token_url(GOOD) == "http://127.0.0.1:1/auth/realms/r/protocol/openid-connect/token"
    assert token_url(GOOD | {"token_url": "https://t/x"}) == "https://t/x"


def test_presets_begin_with_reference_data() -> None:
    """What documents point at is read before them."""
    names = [preset.name for preset in PRESETS]

    assert names == [
        *("supplier", "account", "code_part_value", "purchase_order"),
        *("posting_proposal_head", "voucher", "voucher_row", "customer_order"),
    ]
    assert all(stream_name(preset.entity_set) == preset.name for preset in PRESETS)


def all_codes() -> set[str]:
    """The codes of all errors that can be raised."""
    import_module("tap_ifs_cloud.explore")  # which the tap itself does not import

    def below(kind: type[IfsError]) -> set[type[IfsError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    codes = {kind.code for kind in below(IfsError)} - {IfsError.code}
    return {code for code in codes if not code.startswith("SETTING_")}


def test_every_error_code_is_documented(project_root: Path) -> None:
    """The table in the README has each code, and no other."""
    table = (project_root / "tap-ifs-cloud" / "README.md").read_text().partition("| code |")[2]

    told = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", table))

    assert {code for code in told if not code.startswith("SETTING_")} == all_codes()


def test_the_presets_are_documented(project_root: Path) -> None:
    """The table in the README has each preset in its order."""
    readme = (project_root / "tap-ifs-cloud" / "README.md").read_text()

    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \|", readme, re.MULTILINE)

    assert rows == [(p.name, p.projection, p.entity_set) for p in PRESETS]
