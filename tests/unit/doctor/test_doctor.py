"""What the doctor says of broker settings, which a running fleet of this release cannot have wrong."""

from collections.abc import Iterator
from email.policy import EmailPolicy

import pytest

from agentic_sales.celery import app
from agentic_sales.control import ControlPlane, build_control_plane
from agentic_sales.doctor.deployment import examine_deployment
from agentic_sales.registry import GraphSpec
from agentic_sales.rules.findings import Finding
from agentic_sales.settings import Settings


@pytest.fixture
def control() -> ControlPlane:
    """The control plane of a fleet that nobody configured."""
    return build_control_plane(Settings.model_validate({}))


@pytest.fixture(autouse=True)
def _settings_as_they_were() -> Iterator[None]:
    late, options = app.conf.task_acks_late, dict(app.conf.broker_transport_options)
    yield
    app.conf.task_acks_late, app.conf.broker_transport_options = late, options


async def broker_settings(control: ControlPlane, **environment: str) -> Finding:
    """Return what is said of the broker settings."""
    findings = await examine_deployment(Settings.model_validate(environment), control)
    return next(finding for finding in findings if finding.check == "broker settings")


@pytest.mark.parametrize(
    ("visibility_timeout_s", "status", "told"),
    [(15, "ok", "15 s"), (3, "fail", "delivered again"), (3600, "fail", "stay away")],
)
async def test_a_visibility_timeout_loses_work_when_it_is_too_short_or_too_long(
    control: ControlPlane, visibility_timeout_s: int, status: str, told: str
) -> None:
    app.conf.broker_transport_options = {"visibility_timeout": visibility_timeout_s}
    finding = await broker_settings(control)
    assert (finding.status, told in finding.told) == (status, True)


async def test_early_acknowledgement_loses_work(control: ControlPlane) -> None:
    app.conf.task_acks_late = False
    assert (await broker_settings(control)).status == "fail"


@pytest.mark.parametrize(("time_limit_s", "status"), [(900.0, "ok"), (3600.0, "warn")])
async def test_on_rabbitmq_a_run_must_end_before_its_message_is_taken_away(time_limit_s: float, status: str) -> None:
    row = GraphSpec("slow", "acme.slow", time_limit_s=time_limit_s)
    control = ControlPlane({"slow": row}, (), "core", (), ())
    assert (await broker_settings(control, CELERY_BROKER_URL="amqp://127.0.0.1")).status == status


async def test_a_redis_that_nobody_named_is_not_looked_at(control: ControlPlane) -> None:
    findings = await examine_deployment(Settings.model_validate({}), control)
    [finding] = [finding for finding in findings if finding.check == "redis"]
    assert (finding.status, "REDIS_URL is not set" in finding.told) == ("warn", True)


@pytest.mark.parametrize("is_patched", [True, False])
async def test_a_python_whose_mail_library_lets_headers_end_early_is_told(
    control: ControlPlane, monkeypatch: pytest.MonkeyPatch, *, is_patched: bool
) -> None:
    if is_patched:
        monkeypatch.setattr(EmailPolicy, "verify_generated_headers", True, raising=False)
    else:
        monkeypatch.delattr(EmailPolicy, "verify_generated_headers", raising=False)
    [finding] = [one for one in await examine_deployment(Settings.model_validate({}), control) if one.check == "python"]
    assert ("lacks the patch of CVE-2024-6923" in finding.told) is not is_patched
