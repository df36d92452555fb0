"""The manifests for Kubernetes: its schemas, the restricted profile, settings that fit, and how keys are written."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from starlette.routing import Route

from sts.app import create_app
from sts.settings import SETTINGS, read_settings
from tests.deploy.places import DEPLOY, ROOT

FOLDER = DEPLOY / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
VERSIONS = ("1.31", "1.34", "1.37")
# What no manifest makes: docs/operating.md says how each is made.
BY_HAND = {"sts-addresses", "sts-keys", "kube-root-ca.crt"}
INNER = {"/livez", "/readyz", "/metrics"}


def _read(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


MANIFESTS = {
    f"{file.stem}-{manifest['kind']}-{place}": manifest for file in FILES for place, manifest in enumerate(_read(file))
}


def _find(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in MANIFESTS.values() if each["kind"] == kind and each["metadata"].get("name") == name]
    return found


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in MANIFESTS.values():
        spec = manifest.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template is not None:
            yield manifest["kind"], template


PODS = dict(_pods())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_each_manifest_is_of_the_schema_of_kubernetes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schema_refuses_what_is_misspelt() -> None:
    broken = json.loads(json.dumps(_find("Deployment", "sts")))
    broken["spec"]["template"]["spec"]["terminationGracePeriod"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_there_is_a_pod_of_each_kind() -> None:
    assert set(PODS) == {"Deployment", "CronJob", "Job"}


@pytest.mark.parametrize("template", PODS.values(), ids=PODS)
def test_each_pod_keeps_to_the_restricted_profile(template: dict[str, Any]) -> None:
    pod = template["spec"]
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == 10001
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("template", PODS.values(), ids=PODS)
def test_each_pod_mounts_what_there_is_and_no_secret_that_others_can_read(template: dict[str, Any]) -> None:
    pod = template["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    made = {m["metadata"]["name"] for m in MANIFESTS.values() if m["kind"] == "ConfigMap"} | BY_HAND
    mounted = [m for c in [*pod.get("initContainers", []), *pod["containers"]] for m in c["volumeMounts"]]
    assert {mount["name"] for mount in mounted} == set(volumes)
    for volume in volumes.values():
        if "secret" in volume:
            assert volume["secret"]["secretName"] in made
            assert volume["secret"]["defaultMode"] == 0o440
        elif "configMap" in volume:
            assert volume["configMap"]["name"] in made


@pytest.mark.parametrize("template", PODS.values(), ids=PODS)
def test_no_pod_is_given_variables_that_are_no_settings(template: dict[str, Any]) -> None:
    # A service named sts becomes STS_SERVICE_HOST in every pod that takes links, and an unknown setting ends the start.
    assert template["spec"]["enableServiceLinks"] is False
    names = {each["name"] for c in template["spec"]["containers"] for each in c.get("env", [])}
    known = {setting.name for setting in SETTINGS}
    assert {name for name in names if name.startswith("STS_")} <= known
    assert set(_find("ConfigMap", "sts")["data"]) <= known


def test_the_servers_take_their_settings_and_the_time_that_they_need_to_end(tmp_path: Path) -> None:
    environment = dict(_find("ConfigMap", "sts")["data"])
    for name, value in (("STS_DATABASE_URL_FILE", "postgresql://h/sts"), ("STS_CACHE_URL_FILE", "rediss://h/0")):
        (tmp_path / name).write_text(value, encoding="utf-8")
        (tmp_path / name).chmod(0o400)
        environment[name] = str(tmp_path / name)
    limits = read_settings(environment).limits
    grace = timedelta(seconds=PODS["Deployment"]["spec"]["terminationGracePeriodSeconds"])
    assert grace > limits.drain + limits.finish


def test_selectors_find_the_servers_and_no_job() -> None:
    labels = PODS["Deployment"]["metadata"]["labels"]
    selectors = [
        _find("Deployment", "sts")["spec"]["selector"]["matchLabels"],
        _find("Service", "sts")["spec"]["selector"],
        _find("Service", "sts-public-keys")["spec"]["selector"],
        _find("PodDisruptionBudget", "sts")["spec"]["selector"]["matchLabels"],
        _find("NetworkPolicy", "sts-server")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= PODS["CronJob"]["metadata"]["labels"].items()


def test_a_rolling_update_never_takes_a_server_away_first() -> None:
    spec = _find("Deployment", "sts")["spec"]
    assert spec["replicas"] >= 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    container = PODS["Deployment"]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/livez"


def test_only_the_writer_of_the_keys_has_rights_and_only_on_the_keys() -> None:
    (rule,) = _find("Role", "sts-keys")["rules"]
    assert rule == {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["sts-keys"],
        "verbs": ["get", "patch"],
    }
    for kind, template in PODS.items():
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == ("sts" if kind == "Deployment" else "sts-keys")
        holders = [c["image"] for c in [*pod.get("initContainers", []), *pod["containers"]]
                   if "token" in {mount["name"] for mount in c["volumeMounts"]}]  # fmt: skip
        assert all("kubectl" in image for image in holders)


def test_no_manifest_that_is_applied_holds_a_secret() -> None:
    assert [name for name, m in MANIFESTS.items() if m["kind"] == "Secret"] == ["secrets-Secret-0"]
    assert (FOLDER / "examples" / "secrets.yaml").is_file()
    for value in _find("Secret", "sts-addresses")["stringData"].values():
        assert ":PASSWORD@" in value


def test_the_ingress_leads_to_every_path_for_clients_and_to_no_other(home: Path) -> None:
    paths = _find("Ingress", "sts")["spec"]["rules"][0]["http"]["paths"]
    app = create_app(read_settings({"STS_HOME": str(home)}))
    routes = {route.path.partition("{")[0] for route in app.routes if isinstance(route, Route)}
    for path in routes:
        led = any(p["path"] == path or (p["pathType"] == "Prefix" and path.startswith(p["path"])) for p in paths)
        assert led == (path not in INNER), path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "with-keys.sh"
    file.write_text(_find("ConfigMap", "sts-keys-script")["data"]["with-keys.sh"], encoding="utf-8")
    return file


def _run(script: Path, mounted: Path, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    work = script.parent / "work"
    work.mkdir(exist_ok=True)
    places = {"MOUNTED": str(mounted), "WORK": str(work), "STS_HOME": str(script.parent)}
    return subprocess.run(
        ["sh", script, *command],
        env={**os.environ, **places, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def _apply(script: Path, mounted: Path) -> dict[str, bytes]:
    """Show in *mounted* what the script wrote, as the API of Kubernetes and the kubelet do; return it."""
    secret = json.loads((script.parent / "work" / "secret.json").read_text(encoding="utf-8"))
    kubernetes_validate.validate(secret, VERSIONS[-1], strict=True)
    data = {name: base64.b64decode(value, validate=True) for name, value in secret["data"].items()}
    present = mounted / f"..{len(list(mounted.iterdir()))}"
    present.mkdir(parents=True)
    for name, value in data.items():
        (present / name).write_bytes(value)
        (present / name).chmod(0o400)
        if not (mounted / name).is_symlink():
            (mounted / name).symlink_to(f"..data/{name}")
    (mounted / "..data").unlink(missing_ok=True)
    (mounted / "..data").symlink_to(present.name)
    return data


def test_keys_are_made_by_the_migration_and_written_back_and_a_rotation_adds_to_them(
    script: Path, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    sts = (sys.executable, "-m", "sts")
    first = _run(script, mounted, *sts, "migrate")
    assert first.returncode == 0, first.stderr
    made = _apply(script, mounted)
    assert len(made) == 8
    rotated = _run(script, mounted, *sts, "keys", "rotate", "--algorithm", "ES256")
    assert rotated.returncode == 0, rotated.stderr
    after = _apply(script, mounted)
    assert after.keys() - made.keys() == {"signing-ES256-2.json"}
    assert {name: after[name] for name in made} == made
    listed = subprocess.run(
        [*sts, "keys", "list", "--json"],
        env={**os.environ, "STS_HOME": str(tmp_path), "STS_KEYS_DIR": str(mounted)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(listed.stdout)) == 9


def test_a_command_that_fails_or_makes_no_key_writes_nothing_back(script: Path, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for command in ("false", "true"):
        assert _run(script, mounted, command).returncode != 0
        assert not (tmp_path / "work" / "secret.json").exists()
