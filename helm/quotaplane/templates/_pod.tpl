{{/* What every pod of the chart has: nobody's rights, and nothing of the cluster's. */}}
{{- define "quotaplane.podSecurity" -}}
automountServiceAccountToken: false
# Variables such as QUOTAPLANE_PORT, made of Services' names, are nothing that the program asked for.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with .Values.user }}
  runAsUser: {{ . }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "quotaplane.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "quotaplane.databaseEnv" -}}
- name: QUOTAPLANE_LEDGER
  valueFrom:
    secretKeyRef: {name: {{ .Values.database.existingSecret | quote }}, key: {{ .Values.database.key | quote }}}
{{- end -}}

{{- define "quotaplane.serveArgs" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
- serve
- --roles={{ join "," .workload.roles }}
- --data-dir=/var/lib/quotaplane
# gRPC listens on [::] for both families. The metrics port has only IPv4.
- --listen=[::]:7411
- --metrics-listen=0.0.0.0:7412
{{- if and .workload.usesStore $values.config.policy }}
- --policy=/etc/quotaplane/config/policy.yaml
{{- end }}
{{- if and .workload.usesStore $values.config.prices }}
- --prices=/etc/quotaplane/config/prices.yaml
{{- end }}
{{- if and .workload.sendsAlerts $values.config.receivers }}
- --receivers=/etc/quotaplane/receivers/receivers.yaml
{{- end }}
{{- if $values.auth.existingSecret }}
- --auth=/etc/quotaplane/auth/auth.yaml
{{- end }}
{{- if $values.tls.existingSecret }}
- --tls-cert=/etc/quotaplane/tls/tls.crt
- --tls-key=/etc/quotaplane/tls/tls.key
{{- end }}
{{- if $values.tls.clientCaSecret }}
- --tls-client-ca=/etc/quotaplane/client-ca/ca.crt
{{- end }}
{{- if $values.insecure }}
- --insecure
{{- end }}
{{- range .workload.values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* [{volume, path, source}] as JSON: what a workload's container reads. */}}
{{- define "quotaplane.readVolumes" -}}
{{- $values := .root.Values -}}
{{- $fullname := include "quotaplane.fullname" .root -}}
{{- $all := list -}}
{{- if and .workload.usesStore (or $values.config.policy $values.config.prices) -}}
{{- $all = append $all (dict "volume" "config" "path" "config" "source" (dict "configMap" (dict "name" (printf "%s-config" $fullname)))) -}}
{{- end -}}
{{- if and .workload.sendsAlerts $values.config.receivers -}}
{{- $sources := list (dict "configMap" (dict "name" (printf "%s-receivers" $fullname))) -}}
{{- with $values.config.receiversSecret -}}
{{- $sources = append $sources (dict "secret" (dict "name" .)) -}}
{{- end -}}
{{- $all = append $all (dict "volume" "receivers" "path" "receivers" "source" (dict "projected" (dict "defaultMode" 288 "sources" $sources))) -}}
{{- end -}}
{{- $secrets := dict "auth" $values.auth.existingSecret "tls" $values.tls.existingSecret "client-ca" $values.tls.clientCaSecret -}}
{{- if .workload.usesStore -}}
{{- $_ := set $secrets "counter-store" $values.counterStore.filesSecret -}}
{{- end -}}
{{- if .workload.usesDatabase -}}
{{- $_ := set $secrets "database" $values.database.filesSecret -}}
{{- end -}}
{{- range $name := keys $secrets | sortAlpha -}}
{{- with index $secrets $name -}}
{{/* 0440 */}}
{{- $all = append $all (dict "volume" $name "path" $name "source" (dict "secret" (dict "secretName" . "defaultMode" 288))) -}}
{{- end -}}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end -}}

{{- define "quotaplane.podSpec" -}}
{{- $root := .root -}}
{{- $workload := .workload -}}
{{- $values := $workload.values -}}
{{- $read := (include "quotaplane.readVolumes" . | fromJson).all -}}
serviceAccountName: {{ include "quotaplane.serviceAccount" $root | quote }}
{{ include "quotaplane.podSecurity" $root }}
terminationGracePeriodSeconds: {{ $root.Values.shutdown.graceSeconds }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
containers:
  - name: quotaplane
    image: {{ include "quotaplane.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [/usr/local/bin/quotaplane]
    args:
      {{- include "quotaplane.serveArgs" . | nindent 6 }}
    {{- $store := and $workload.usesStore $root.Values.counterStore.existingSecret }}
    {{- $database := and $workload.usesDatabase $root.Values.database.existingSecret }}
    {{- if or $store $database $values.extraEnv }}
    env:
      {{- if $store }}
      - name: QUOTAPLANE_REDIS
        valueFrom:
          secretKeyRef: {name: {{ $store | quote }}, key: {{ $root.Values.counterStore.key | quote }}}
      {{- end }}
      {{- if $database }}
      {{- include "quotaplane.databaseEnv" $root | nindent 6 }}
      {{- end }}
      {{- with $values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- end }}
    ports:
      - {name: grpc, containerPort: 7411}
      - {name: metrics, containerPort: 7412}
    # A start waits for Redis, and fills new limits from the ledger.
    startupProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 2
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      {{- if $root.Values.tls.existingSecret }}
      # The kubelet's gRPC probe speaks no TLS.
      httpGet: {path: /readyz, port: metrics}
      {{- else }}
      grpc: {port: 7411}
      {{- end }}
      periodSeconds: 2
      timeoutSeconds: 2
      failureThreshold: 2
    # SIGTERM closes the door at once. Until then, Services and clients learn that this pod is ending.
    lifecycle:
      preStop:
        exec: {command: [sleep, {{ $root.Values.shutdown.delaySeconds | quote }}]}
    resources:
      {{- toYaml $values.resources | nindent 6 }}
    {{- include "quotaplane.containerSecurity" $root | nindent 4 }}
    volumeMounts:
      - {name: data, mountPath: /var/lib/quotaplane}
      - {name: tmp, mountPath: /tmp}
      {{- range $read }}
      - {name: {{ .volume }}, mountPath: /etc/quotaplane/{{ .path }}, readOnly: true}
      {{- end }}
volumes:
  {{- if not $values.persistence.enabled }}
  - name: data
    emptyDir: {}
  {{- end }}
  - name: tmp
    emptyDir: {}
  {{- range $read }}
  - name: {{ .volume }}
    {{- toYaml .source | nindent 4 }}
  {{- end }}
{{- with $values.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml . | nindent 4 }}
    labelSelector:
      matchLabels:
        {{- include "quotaplane.workloadSelector" (dict "root" $root "workload" $workload) | nindent 8 }}
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
