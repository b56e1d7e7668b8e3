"""The connection test names what is at fault: token, gateway, projection, grant or company."""

from __future__ import annotations

import json
import logging
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from ifs_monday_sandbox.faults import Fault
from ifs_monday_sandbox.ifs.settings import IfsSettings
from ifs_monday_sandbox.server import Sandbox, SandboxSettings
from tap_ifs_cloud.diagnosis import diagnose
from tap_ifs_cloud.odata.errors import AuthFailed, AuthNotJson, RunStopper, TlsFailed
from tap_ifs_cloud.presets import PRESETS
from tap_ifs_cloud.settings import definitions
from tap_ifs_cloud.tap import TapIfsCloud
from tap_ifs_cloud.whereabouts import Whereabouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_ifs_cloud.odata.errors import IfsError

DENIED = frozenset({"VouchersHandling", "CustomerOrderHandling/CustomerOrderSet", "AccountEntity"})


@pytest.fixture(scope="module")
def sandbox() -> Any:
    """A tenant that grants the service user one of three companies and not everything."""
    settings = IfsSettings(denied=DENIED, companies=frozenset({"10"}))
    with Sandbox(SandboxSettings(size=10, ifs=settings)) as running:
        yield running


@pytest.fixture
def connection(sandbox: Sandbox) -> dict[str, Any]:
    """Settings that reach it."""
    return {
        "base_url": sandbox.ifs_url,
        "realm": "sandbox",
        "client_id": "sandbox",
        "client_secret": "s4ndb0x-1fs-cl0ud",
    }


@pytest.fixture
def check(caplog: pytest.LogCaptureFixture) -> Callable[..., dict[str, IfsError]]:
    """Runs the connection test with settings; what it tells is in `caplog`."""

    def run(config: dict[str, Any]) -> dict[str, IfsError]:
        caplog.set_level(logging.INFO)
        caplog.clear()
        tap = TapIfsCloud(config=config, setup_mapper=False)
        tap.session.sleep = lambda _: None
        streams = definitions(config)
        return diagnose(
            Whereabouts(tap.session, config["base_url"]),
            tap.config,
            streams or PRESETS,
            tap.logger,
            are_presets=not streams,
        )

    return run


@pytest.fixture
def verdict(check: Any, connection: dict[str, Any]) -> Callable[..., str]:
    """The error of a test of one stream, as it is told."""

    def of(**stream: str) -> str:
        [error] = check({**connection, "streams": [{"name": "one", **stream}]}).values()
        return str(error)

    return of


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("test.")]


# Streams


def test_each_step_and_each_stream_is_a_line(
    check: Any, connection: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """In the order of the settings."""
    streams = [
        {"entity_set": "SupplierSet", "projection": "SupplierHandling"},
        {"entity_set": "VoucherSet", "projection": "VouchersHandling"},
    ]

    failed = check({**connection, "streams": streams})

    assert list(failed) == ["voucher"]
    assert lines(caplog)[:-1] == [
        "test.token ok",
        "test.service stream=supplier ok",
        "test.columns stream=supplier ok",
        "test.rows stream=supplier ok",
        "test.stream stream=supplier ok",
    ]
    assert lines(caplog)[-1].startswith("test.stream stream=voucher failed GRANT_MISSING: ")


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (
            {"entity_set": "SupplierSet", "projection": "SupplierService"},
            "GATEWAY_WRONG: SupplierService * at int/projection: set `gateway: int`",
        ),
        (
            {"entity_set": "SupplierInfoGeneralSet", "projection": "SupplierInfoGeneralEntity"},
            "GATEWAY_WRONG: * at int/entity: set `service: entity` and `gateway: int`",
        ),
        (
            {
                "entity_set": "PurchaseOrderSet",
                "projection": "PurchaseOrderEntity.svc",
                "service": "entity",
            },
            "GATEWAY_WRONG: * at main/entity but at int/entity: set `gateway: int`",
        ),
        (
            {
                "entity_set": "PurchaseOrderSet",
                "projection": "PurchaseOrderHandling",
                "service": "entity",
                "gateway": "int",
            },
            "GATEWAY_WRONG: * at main/projection: set `service: projection` and `gateway: main`",
        ),
        (
            {"entity_set": "VoucherSet", "projection": "VouchersHandling"},
            "GRANT_MISSING: the tenant has a projection VouchersHandling, *",
        ),
        (
            {
                "entity_set": "AccountSet",
                "projection": "AccountEntity",
                "service": "entity",
                "gateway": "int",
            },
            "ENTITY_SERVICE_INACTIVE: the tenant has an entity service AccountEntity, *",
        ),
        (
            {"entity_set": "SupplierSet", "projection": "SuplierHandling"},
            "PROJECTION_UNKNOWN: * 'SuplierHandling'; the nearest names are SupplierHandling*",
        ),
        (
            {"entity_set": "CustomerOrderSet", "projection": "CustomerOrderHandling"},
            "ENTITY_SET_REFUSED: CustomerOrderSet: HTTP 403, * its set is not: *",
        ),
        (
            {"entity_set": "SuplierSet", "projection": "SupplierHandling"},
            "ENTITY_SET_MISSING: *",
        ),
        (
            {
                "entity_set": "SupplierSet",
                "projection": "SupplierHandling",
                "filter": "Nix eq 1",
            },
            "IFS_BAD_REQUEST: *",
        ),
        (
            {"entity_set": "X", "service_url": "/main/nothing"},
            "IFS_NOT_FOUND: *",
        ),
    ],
)
def test_the_fault_of_a_stream_is_named(verdict: Any, stream: dict[str, str], told: str) -> None:
    """IFS answers most of these with one and the same 404."""
    assert fnmatchcase(verdict(**stream), told)


def test_without_the_list_of_projections_the_causes_left_are_named(
    check: Any, connection: dict[str, Any], start_sandbox: Any
) -> None:
    """Not the gateway: all of them were asked."""
    settings = IfsSettings(denied=frozenset({"AllProjections", "VouchersHandling"}))
    tenant = start_sandbox(SandboxSettings(size=10, ifs=settings))
    streams = [{"entity_set": "VoucherSet", "projection": "VouchersHandling"}]

    failed = check({**connection, "base_url": tenant.ifs_url, "streams": streams})

    told = str(failed["voucher"])
    assert told.startswith("PROJECTION_UNREACHABLE: no gateway serves VouchersHandling")
    assert "misspelt" in told
    assert "no grant" in told
    assert "not activated" in told


def test_the_list_of_projections_is_read_once(
    check: Any, connection: dict[str, Any], sandbox: Sandbox
) -> None:
    """However many streams ask for it."""
    streams = [
        {"entity_set": "X", "projection": f"Nix{number}", "name": f"x{number}"}
        for number in range(8)
    ]
    seen: list[str] = []
    sandbox.ifs_faults.clear()

    def spy(request: Any) -> bool:
        seen.append(request.url.path)
        return False

    sandbox.ifs_faults.plan(Fault(matches=spy))  # it only looks
    failed = check({**connection, "streams": streams})
    sandbox.ifs_faults.clear()

    assert len(failed) == 8
    assert sum(path.endswith("AllProjections.svc/$metadata") for path in seen) == 1


# Rows


@pytest.mark.parametrize(
    ("company", "told"),
    [
        ("20", "NO_ROWS_FILTERED: PurchaseOrderSet has rows, but none that meets `filter`"),
        ("10", None),
    ],
)
def test_a_filter_that_leaves_nothing_is_told_from_a_missing_company(
    check: Any,
    connection: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    company: str,
    told: str | None,
) -> None:
    """It is a warning: a table may be empty."""
    stream = {
        "entity_set": "PurchaseOrderSet",
        "projection": "PurchaseOrderHandling",
        "filter": f"Company eq '{company}'",
    }

    failed = check({**connection, "streams": [stream]})

    assert failed == {}
    last = lines(caplog)[-1].removeprefix("test.stream stream=purchase_order ")
    assert last.startswith(f"empty {told}" if told else "ok")


@pytest.mark.parametrize("narrowed_by", [{}, {"filter": "Company eq '10'"}])
def test_a_set_without_rows_points_to_the_allowed_companies(
    check: Any,
    connection: dict[str, Any],
    start_sandbox: Any,
    caplog: pytest.LogCaptureFixture,
    narrowed_by: dict[str, str],
) -> None:
    """Also where a filter is set, but leaving it out makes no difference."""
    tenant = start_sandbox(SandboxSettings(size=10, ifs=IfsSettings(companies=frozenset())))
    stream = {"entity_set": "VoucherSet", "projection": "VouchersHandling", **narrowed_by}

    failed = check({**connection, "base_url": tenant.ifs_url, "streams": [stream]})

    assert failed == {}
    assert lines(caplog)[-1].startswith(
        "test.stream stream=voucher empty NO_ROWS: VoucherSet has no rows for this service user"
    )
    assert "Allowed Companies" in lines(caplog)[-1]
    assert caplog.records[-1].levelname == "WARNING"


# Presets


def test_a_preset_that_the_tenant_lacks_is_no_fault(
    check: Any, connection: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A run leaves it out. One whose rows are refused would fail the run."""
    failed = check(connection)

    assert list(failed) == ["customer_order"]
    [missing] = [line for line in lines(caplog) if " missing " in line]
    assert missing == "test.stream stream=voucher missing GRANT_MISSING"


def test_the_presets_that_are_offered_are_told_in_one_line(
    connection: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Those that are not are proposals that do not fit."""
    tap = TapIfsCloud(config=connection, setup_mapper=False)

    assert "voucher" not in tap.streams

    [line] = [record for record in caplog.messages if "preset" in record]
    assert line.startswith("preset.missing 7 of 8 presets are offered: supplier, account, code_")
    assert "Not offered: voucher (GRANT_MISSING). `tap-ifs-cloud-explore` shows" in line
    assert "stream.missing" not in caplog.text


def test_a_tenant_without_any_of_the_presets_is_at_fault(
    check: Any, connection: dict[str, Any]
) -> None:
    """Each of them is told."""
    failed = check({**connection, "gateway": "b2b"})

    assert {"supplier", "voucher", "customer_order"} <= failed.keys()
    assert str(failed["supplier"]).startswith("GATEWAY_WRONG: ")


# Token and connection


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"realm": "nix"}, "There is no token endpoint at that address: check `realm`"),
        ({"client_id": "Sandbox"}, "Unknown client or wrong secret: check `client_id` (case"),
        ({"client_secret": "not-this-one"}, "Unknown client or wrong secret"),
    ],
)
def test_a_refused_token_ends_the_test(
    check: Any,
    connection: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, str],
    told: str,
) -> None:
    """What to look at follows from the answer; the secret is not shown."""
    with pytest.raises(AuthFailed) as refused:
        check({**connection, **settings})

    assert told in str(refused.value)
    assert "not-this-one" not in str(refused.value)
    assert lines(caplog) == ["test.token failed AUTH_IFS"]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (
            401,
            ("unauthorized_client", "Invalid client or Invalid client credentials"),
            "The client is known: check `client_secret`",
        ),
        (
            401,
            ("unauthorized_client", "Client not enabled to retrieve service account"),
            "Switch on service accounts",
        ),
        (400, ("invalid_scope", "Invalid scopes: x"), "Check `scope`"),
        (400, ("unknown", ""), "Check `client_id` (case counts), `client_secret`, `realm`"),
    ],
)
def test_what_keycloak_says_is_understood(
    check: Any,
    config: dict[str, Any],
    ifs: Any,
    answer: Any,
    status: int,
    body: tuple[str, str],
    told: str,
) -> None:
    """By the error's code and its words."""
    reply = json.dumps({"error": body[0], "error_description": body[1]})
    ifs.plan(answer(status, reply.encode(), part="token"))

    with pytest.raises(AuthFailed, match=r"no token for client 'ID'") as refused:
        check(config)

    assert told in str(refused.value)


def test_a_login_page_is_no_token(
    check: Any, config: dict[str, Any], ifs: Any, answer: Any
) -> None:
    """A proxy before IFS may put one in the way."""
    ifs.plan(answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}, part="token"))

    with pytest.raises(AuthNotJson, match="Sign in"):
        check(config)


def test_an_unknown_host_is_told_as_such(
    check: Any, connection: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """By one code, in the line of the step and at the end."""
    with pytest.raises(RunStopper, match=r"^IFS_HOST_UNKNOWN: .*`base_url`"):
        check({**connection, "base_url": "https://no-such-host.invalid"})

    assert lines(caplog) == ["test.token failed IFS_HOST_UNKNOWN"]


def test_a_connection_without_tls_is_told_as_such(check: Any, connection: dict[str, Any]) -> None:
    """`https` where the server speaks none."""
    url = connection["base_url"].replace("http:", "https:")

    with pytest.raises(TlsFailed, match="IFS_TLS"):
        check({**connection, "base_url": url})


def test_a_token_that_ifs_refuses_ends_the_test(
    check: Any, config: dict[str, Any], ifs: Any
) -> None:
    """No stream would fare better."""
    ifs.token_uses = -1

    with pytest.raises(AuthFailed, match="refuses the credentials"):
        check(config)


def test_headers_alone_need_no_token(
    check: Any, ifs: Any, orders: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """As behind an API gateway."""
    ifs.sets["OrderSet"], ifs.tokens = orders(1), 1
    streams = [{"entity_set": "OrderSet", "projection": "Test"}]
    headers = {"Authorization": "Bearer t1"}

    failed = check({"base_url": ifs.url, "headers": headers, "streams": streams})

    assert failed == {}
    assert lines(caplog)[0].startswith("test.token skipped")
