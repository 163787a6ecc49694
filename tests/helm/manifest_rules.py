"""What has to hold of rendered manifests beside their structure.

Names that meet, and what every pod and container has.
"""

from collections.abc import Iterator

RUN_ONCE = ("Job", "Pod")
POD_OWNERS = ("Deployment", "StatefulSet", *RUN_ONCE)


def _name(manifest: dict) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _pod(manifest: dict) -> dict:
    return manifest if manifest["kind"] == "Pod" else manifest["spec"]["template"]


def _selects(selector: dict, manifest: dict) -> bool:
    labels = _pod(manifest)["metadata"]["labels"]
    return all(labels.get(name) == value for name, value in selector.items())


def _names(manifest: dict) -> Iterator[str]:
    name = manifest["metadata"]["name"]
    # A pod of a StatefulSet has the set's name and a digest in a label of 63 characters.
    if len(name) > (52 if manifest["kind"] == "StatefulSet" else 63):
        yield f"{_name(manifest)}: the name is too long"
    labels = manifest["metadata"].get("labels", {})
    for label in ("app.kubernetes.io/name", "app.kubernetes.io/instance", "helm.sh/chart"):
        if label not in labels:
            yield f"{_name(manifest)}: no label {label}"
    for value in labels.values():
        if len(value) > 63:
            yield f"{_name(manifest)}: the label's value {value} is too long"


def _pod_security(manifest: dict, user_is_given: bool) -> Iterator[str]:
    spec = _pod(manifest)["spec"]
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or (
        user_is_given and not security.get("runAsUser")
    ):
        yield "the pod may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "the pod gets a token of the cluster's"
    for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(forbidden):
            yield f"{forbidden} is on"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"the volume {volume['name']} is the node's"


def _container(container: dict, spec: dict, claims: list[dict]) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "privileges may be gained"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "the root file system is writable"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "capabilities are left"
    if security.get("privileged"):
        yield "it is privileged"
    resources = container.get("resources", {})
    for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if name not in resources.get(kind, {}):
            yield f"no {kind}.{name}"
    image = container["image"]
    if "@" not in image and (":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")):
        yield f"the image {image} is of no version"
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in claims}
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    for name in sorted(mounted - volumes):
        yield f"the volume {name} does not exist"
    for name in sorted(volumes - mounted):
        yield f"the volume {name} is not mounted"
    paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    if len(paths) != len(set(paths)):
        yield "two volumes on one path"
    variables = [variable["name"] for variable in container.get("env", [])]
    if len(variables) != len(set(variables)):
        yield "a variable is there twice"


def _serving(container: dict, spec: dict) -> Iterator[str]:
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        action = container.get(probe)
        if action is None:
            yield f"no {probe}"
        elif "httpGet" in action and action["httpGet"]["port"] not in ports:
            yield f"{probe} asks a port that is not there"
        elif "grpc" in action and action["grpc"]["port"] not in ports.values():
            yield f"{probe} asks a port that is not there"
    stop = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    if len(stop) != 2 or stop[0] != "sleep":
        yield "no time for Services to forget it"
    elif int(stop[1]) + 15 > spec["terminationGracePeriodSeconds"]:
        yield "it is killed before it has drained"
    writable = [mount for mount in container["volumeMounts"] if not mount.get("readOnly")]
    if {mount["mountPath"] for mount in writable} != {"/var/lib/quotaplane", "/tmp"}:
        yield "it can write elsewhere"


def _workload(manifest: dict, manifests: list[dict], user_is_given: bool) -> Iterator[str]:
    spec = _pod(manifest)["spec"]
    yield from _pod_security(manifest, user_is_given)
    for container in spec["containers"]:
        yield from _container(container, spec, manifest["spec"].get("volumeClaimTemplates", []))
        if manifest["kind"] not in RUN_ONCE:
            yield from _serving(container, spec)
    if manifest["kind"] in RUN_ONCE:
        return
    selector = manifest["spec"]["selector"]["matchLabels"]
    for other in manifests:
        if other["kind"] in POD_OWNERS and _selects(selector, other) != (other is manifest):
            yield f"its selector and the pods of {_name(other)} do not go together"
    for spread in spec.get("topologySpreadConstraints", []):
        if spread["labelSelector"]["matchLabels"] != selector:
            yield "other pods are spread than its own"
    account = spec.get("serviceAccountName")
    accounts = [m["metadata"]["name"] for m in manifests if m["kind"] == "ServiceAccount"]
    if accounts and account not in accounts:
        yield f"the service account {account} does not exist"
    if manifest["kind"] == "StatefulSet":
        services = [m["metadata"]["name"] for m in manifests if m["kind"] == "Service"]
        if manifest["spec"]["serviceName"] not in services:
            yield "its headless Service does not exist"


def _config(manifest: dict, manifests: list[dict], secrets: set[str]) -> Iterator[str]:
    """ConfigMaps are the chart's own, Secrets those that the values name."""
    maps = {m["metadata"]["name"] for m in manifests if m["kind"] == "ConfigMap"}
    spec = _pod(manifest)["spec"]
    used_maps, used_secrets = set(), set()
    for volume in spec.get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            used_maps |= {source["configMap"]["name"]} if "configMap" in source else set()
            if "secret" in source:
                used_secrets |= {source["secret"].get("secretName") or source["secret"].get("name")}
    for container in spec["containers"]:
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            used_secrets |= {reference["name"]} if reference else set()
    for name in sorted(used_maps - maps):
        yield f"the ConfigMap {name} does not exist"
    for name in sorted(used_secrets - secrets):
        yield f"the Secret {name} is none that the values name"


def _service(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    selected = [
        m
        for m in manifests
        if m["kind"] in POD_OWNERS and _selects(manifest["spec"]["selector"], m)
    ]
    if len(selected) != 1 or selected[0]["kind"] in RUN_ONCE:
        yield f"it selects {[_name(m) for m in selected]}"
        return
    ports = {port["name"] for port in _pod(selected[0])["spec"]["containers"][0]["ports"]}
    for port in manifest["spec"]["ports"]:
        if port["targetPort"] not in ports:
            yield f"the port {port['targetPort']} does not exist"


def _scaler(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    target = manifest["spec"]["scaleTargetRef"]
    found = [
        m
        for m in manifests
        if (m["apiVersion"], m["kind"], m["metadata"]["name"])
        == (target["apiVersion"], target["kind"], target["name"])
    ]
    if not found:
        yield f"there is no {target['kind']} {target['name']}"
    elif "replicas" in found[0]["spec"]:
        yield "an upgrade undoes what it has scaled"
    if manifest["spec"]["minReplicas"] > manifest["spec"]["maxReplicas"]:
        yield "the least is above the most"


def _budget(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    selector = manifest["spec"]["selector"]["matchLabels"]
    selected = [m for m in manifests if m["kind"] in POD_OWNERS and _selects(selector, m)]
    if len(selected) != 1:
        yield f"it selects {[_name(m) for m in selected]}"
    if manifest["spec"].get("maxUnavailable") != 1:
        yield "it may keep a node from being emptied"


def _network(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    selector = manifest["spec"]["podSelector"]["matchLabels"]
    owners = [m for m in manifests if m["kind"] in POD_OWNERS]
    for owner in owners:
        if not _selects(selector, owner):
            yield f"it leaves out {_name(owner)}"
    ports = {
        port["name"]
        for o in owners
        for c in _pod(o)["spec"]["containers"]
        for port in c.get("ports", [])
    }
    for rule in manifest["spec"]["ingress"]:
        if not rule.get("ports") or not rule.get("from"):
            yield "it lets everybody in"
        for port in rule.get("ports", []):
            if port["port"] not in ports:
                yield f"the port {port['port']} does not exist"


def _route(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    services = {m["metadata"]["name"]: m for m in manifests if m["kind"] == "Service"}
    routed = []
    for rule in manifest["spec"]["rules"]:
        routed += [match["method"]["service"] for match in rule["matches"]]
        for backend in rule["backendRefs"]:
            service = services.get(backend["name"])
            if service is None:
                yield f"there is no Service {backend['name']}"
            elif backend["port"] not in {port["port"] for port in service["spec"]["ports"]}:
                yield f"{_name(service)} has no port {backend['port']}"
    for name in sorted({name for name in routed if routed.count(name) > 1}):
        yield f"{name} goes two ways"


def _backend(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    for target in manifest["spec"]["targetRefs"]:
        names = [m["metadata"]["name"] for m in manifests if m["kind"] == target["kind"]]
        if target["name"] not in names:
            yield f"there is no {target['kind']} {target['name']}"
        elif not manifest["spec"]["validation"]["hostname"].startswith(f"{target['name']}."):
            yield "it expects the certificate of another Service"


def _monitor(manifest: dict, manifests: list[dict]) -> Iterator[str]:
    selector = manifest["spec"]["selector"]["matchLabels"]
    services = [
        m
        for m in manifests
        if m["kind"] == "Service" and selector.items() <= m["metadata"]["labels"].items()
    ]
    owners = [m for m in manifests if m["kind"] in ("Deployment", "StatefulSet")]
    for owner in owners:
        scraped = [s for s in services if _selects(s["spec"]["selector"], owner)]
        if len(scraped) != 1:
            yield f"{_name(owner)} is scraped {len(scraped)} times"
    for endpoint in manifest["spec"]["endpoints"]:
        for service in services:
            if endpoint["port"] not in {port["name"] for port in service["spec"]["ports"]}:
                yield f"{_name(service)} has no port {endpoint['port']}"


def _unique(manifests: list[dict]) -> Iterator[str]:
    seen = set()
    for manifest in manifests:
        if _name(manifest) in seen:
            yield f"{_name(manifest)} is there twice"
        seen.add(_name(manifest))


def problems(manifests: list[dict], secrets: set[str], user_is_given: bool = True) -> list[str]:
    """All that is wrong, each with its manifest. `secrets`: those that the values name."""
    found = list(_unique(manifests))
    checks = {
        "Service": _service,
        "HorizontalPodAutoscaler": _scaler,
        "PodDisruptionBudget": _budget,
        "NetworkPolicy": _network,
        "ServiceMonitor": _monitor,
        "GRPCRoute": _route,
        "BackendTLSPolicy": _backend,
    }
    for manifest in manifests:
        found += _names(manifest)
        here = []
        if manifest["kind"] in POD_OWNERS:
            here += _workload(manifest, manifests, user_is_given)
            here += _config(manifest, manifests, secrets)
        elif manifest["kind"] in checks:
            here += checks[manifest["kind"]](manifest, manifests)
        found += [f"{_name(manifest)}: {what}" for what in here]
    return found
