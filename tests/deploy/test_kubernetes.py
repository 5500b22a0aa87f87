"""`kubernetes/` is valid, and describes the processes of the Procfile, their queues and their users."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

import celeryconfig
from agentic_sales.runs.lanes import held_key
from tests.deploy.files import (
    DEPLOY,
    KNOWN_NAMES,
    PROCESSES,
    QUEUES,
    WORKER_OF,
    WORKERS,
    document,
    environment_file,
    make_secrets,
)

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION = document(FOLDER / "kustomization.yaml")
KEDA: dict[str, Any] = json.loads((Path(__file__).parent / "keda.json").read_text("utf-8"))
"""What KEDA's custom resources allow, as far as a trigger on Redis needs it."""
OLDEST, NEWEST = "1.30", "1.37"


def rendered(folder: Path) -> list[dict[str, Any]]:
    """Return the resources of a folder as `kubectl apply --kustomize` would apply them."""
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


if shutil.which("kubectl") is None:
    pytest.skip("kubectl is not on the PATH, and kustomize builds `deploy/kubernetes`", allow_module_level=True)
RESOURCES = rendered(FOLDER)


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a kind, by name."""
    return {resource["metadata"]["name"]: resource for resource in RESOURCES if resource["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")


def pod(name: str) -> dict[str, Any]:
    """Return what a deployment says of its pods."""
    spec: dict[str, Any] = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    """Return the one container of a deployment's pods."""
    [only] = pod(name)["containers"]
    return dict(only)


def environment(name: str) -> dict[str, str]:
    """Return what a process finds in its environment, secrets aside."""
    return {**environment_file(FOLDER / "fleet.env"), **{e["name"]: e["value"] for e in container(name)["env"]}}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: f"{r['kind']}-{r['metadata']['name']}")
def test_every_resource_is_what_its_schema_allows(resource: dict[str, Any], version: str) -> None:
    if resource["apiVersion"].startswith("keda.sh/"):
        assert resource["apiVersion"] == "keda.sh/v1alpha1"
        jsonschema_rs.validator_for(KEDA[resource["kind"]]).validate(resource["spec"])
    else:
        kubernetes_validate.validate(resource, version, strict=True)


def test_every_file_is_part_of_the_base() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    pools = {f"pools/{path.name}" for path in (FOLDER / "pools").iterdir()}
    assert files | pools == set(KUSTOMIZATION["resources"])


def test_nothing_is_left_for_a_pool_to_fill_in() -> None:
    assert "POOL" in (FOLDER / "pool" / "worker.yaml").read_text("utf-8")
    assert "POOL" not in json.dumps(RESOURCES)


def test_what_only_names_a_pool_is_not_applied() -> None:
    assert [name for name in of_kind("ConfigMap") if not name.startswith("fleet-")] == []


def test_every_process_of_the_procfile_is_a_deployment_of_its_name() -> None:
    assert {name: container(name)["args"] for name in DEPLOYMENTS} == {name: [name] for name in PROCESSES}
    for name, deployment in DEPLOYMENTS.items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert labels["app.kubernetes.io/name"] == name


def test_every_variable_is_one_that_something_reads() -> None:
    for name in DEPLOYMENTS:
        assert set(environment(name)) <= KNOWN_NAMES, f"{name}: {set(environment(name)) - KNOWN_NAMES}"


def test_every_secret_is_one_that_make_secrets_makes(tmp_path: Path) -> None:
    made = {path.stem: path for path in make_secrets(tmp_path, "redis:6379").glob("*.env")}
    for name in DEPLOYMENTS:
        referred = [source["secretRef"] for source in container(name)["envFrom"] if "secretRef" in source]
        assert [secret["name"] for secret in referred if not secret.get("optional")] == [name]
        assert "REDIS_URL" in environment_file(made[name])
    for reference in of_kind("TriggerAuthentication")["redis"]["spec"]["secretTargetRef"]:
        assert environment_file(made[reference["name"]])[reference["key"]]


def test_no_secret_is_in_the_repository() -> None:
    assert not of_kind("Secret")
    assert not [
        n for n in environment_file(FOLDER / "fleet.env") if n.endswith(("_TOKEN", "_KEY", "_PASSWORD", "_AUTH"))
    ]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_pod_runs_as_nobody_writes_nowhere_but_to_its_own_and_has_bounds(name: str) -> None:
    spec, process = pod(name), container(name)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert process["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for bound in ("requests", "limits"):
        assert set(process["resources"][bound]) == {"cpu", "memory"}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_pool_is_scaled_by_what_waits_in_every_lane_and_never_to_none(queue: str) -> None:
    name = WORKER_OF[queue]
    scaled = of_kind("ScaledObject")[name]["spec"]
    triggers = {trigger["name"]: trigger for trigger in scaled["triggers"]}
    prefix = celeryconfig.broker_transport_options["global_keyprefix"]
    assert scaled["scaleTargetRef"]["name"] == name
    assert {name: trigger["metadata"]["listName"] for name, trigger in triggers.items()} == {
        "queue": f"{prefix}{queue}",
        "batch": held_key(queue, {"priority": "batch"}),
    }
    assert {trigger["authenticationRef"]["name"] for trigger in triggers.values()} <= of_kind(
        "TriggerAuthentication"
    ).keys()
    modifiers = scaled["advanced"]["scalingModifiers"]
    assert modifiers["formula"] == "queue + batch"
    assert modifiers["target"] == environment(name)["AGENTIC_SALES_WORKER_CONCURRENCY"]
    assert 1 <= scaled["minReplicaCount"] < scaled["maxReplicaCount"]
    assert "replicas" not in DEPLOYMENTS[name]["spec"], "KEDA owns their number"


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_the_time_to_hand_its_runs_back_and_shows_that_it_consumes(name: str) -> None:
    assert environment(name)["REMAP_SIGTERM"] == "SIGQUIT"
    assert pod(name)["terminationGracePeriodSeconds"] > 2 * celeryconfig.worker_soft_shutdown_timeout
    probes = [container(name)[f"{kind}Probe"]["exec"]["command"][2] for kind in ("startup", "readiness", "liveness")]
    assert all(environment(name)["AGENTIC_SALES_CONSUMING_FILE"] in probe for probe in probes)


def test_the_workers_are_alike_but_for_their_pool_and_their_size() -> None:
    def template(name: str) -> str:
        spec = {**container(name), "resources": None, "env": sorted(e["name"] for e in container(name)["env"])}
        return json.dumps({**pod(name), "containers": [spec]}).replace(name, "POOL")

    assert len({template(name) for name in WORKERS}) == 1


def test_the_facade_is_asked_whether_it_is_ready_and_one_dark_pool_does_not_close_it() -> None:
    assert container("web")["readinessProbe"]["httpGet"]["path"] == "/ready?pools=any"
    assert container("web")["livenessProbe"]["httpGet"]["path"] == "/health"
    assert DEPLOYMENTS["web"]["spec"]["replicas"] >= 2


def test_what_has_more_than_one_pod_keeps_some_when_a_machine_is_drained() -> None:
    budgets = of_kind("PodDisruptionBudget")
    several = {name for name, deployment in DEPLOYMENTS.items() if deployment["spec"].get("replicas", 2) > 1}
    assert set(budgets) == several == {"web", "beat", *WORKERS}
    for name, budget in budgets.items():
        assert budget["spec"]["selector"]["matchLabels"] == DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"]


class TestNetworkPolicies:
    def test_nothing_is_allowed_that_no_policy_allows(self) -> None:
        denied = of_kind("NetworkPolicy")["default-deny"]["spec"]
        assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def test_only_the_facade_hears_callers(self) -> None:
        open_to_all = [
            policy["spec"]["podSelector"]["matchLabels"]
            for policy in of_kind("NetworkPolicy").values()
            for rule in policy["spec"].get("ingress", [])
            if "from" not in rule
        ]
        assert open_to_all == [{"app.kubernetes.io/name": "web"}]

    def test_no_worker_reaches_a_private_address(self) -> None:
        blocks = [
            target["ipBlock"]
            for policy in of_kind("NetworkPolicy").values()
            for rule in policy["spec"].get("egress", [])
            for target in rule.get("to", [])
        ]
        assert blocks
        for block in blocks:
            assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(block["except"])

    def test_the_pool_that_reads_the_web_cannot_reach_a_mail_server(self) -> None:
        mail = {25, 465, 587, 993}
        senders = [
            policy["spec"]["podSelector"]["matchLabels"]
            for policy in of_kind("NetworkPolicy").values()
            for rule in policy["spec"].get("egress", [])
            if mail & {port["port"] for port in rule["ports"]}
        ]
        assert senders == [{"app.kubernetes.io/name": "worker-core"}]
