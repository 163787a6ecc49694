{{/*
The workloads of a release, as JSON {"all": [...]}: each with its component (the label), its name, its roles, its values
(`workload`, and over it what `workloads` says), and what it needs. Passwords go only where they are used: of the roles,
`quota` has no use for the database, `reports` none for Redis, and only `alerts` sends messages.
*/}}
{{- define "quotaplane.workloads" -}}
{{- $every := list "quota" "ledger" "reports" "admin" "alerts" -}}
{{- $kinds := list (dict "key" "single" "component" "server" "suffix" "" "roles" $every) -}}
{{- if eq .Values.layout "per-role" -}}
{{- $kinds = list -}}
{{- range $every -}}
{{- $kinds = append $kinds (dict "key" . "component" . "suffix" (printf "-%s" .) "roles" (list .)) -}}
{{- end -}}
{{- end -}}
{{- $all := list -}}
{{- range $kinds -}}
{{- $values := mergeOverwrite (deepCopy $.Values.workload) (deepCopy (index $.Values.workloads .key)) -}}
{{- $most := ternary $values.autoscaling.maxReplicas $values.replicas $values.autoscaling.enabled -}}
{{- $all = append $all (dict
      "key" .key
      "component" .component
      "name" (printf "%s%s" (include "quotaplane.fullname" $) .suffix)
      "roles" .roles
      "values" $values
      "mostReplicas" (int $most)
      "usesStore" (ne (join "," .roles) "reports")
      "usesDatabase" (ne (join "," .roles) "quota")
      "sendsAlerts" (has "alerts" .roles)) -}}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end -}}

{{/* What a role answers. */}}
{{- define "quotaplane.grpcService" -}}
{{- get (dict "quota" "QuotaService" "ledger" "LedgerService" "reports" "ReportService" "admin" "AdminService" "alerts" "AlertService") . -}}
{{- end -}}

{{- define "quotaplane.workloadSelector" -}}
{{ include "quotaplane.selector" .root }}
app.kubernetes.io/component: {{ .workload.component }}
{{- end -}}

{{- define "quotaplane.workloadLabels" -}}
{{ include "quotaplane.labels" .root }}
app.kubernetes.io/component: {{ .workload.component }}
{{- end -}}

{{/* What the schema cannot say: values that do not go together. All that is wrong at once. */}}
{{- define "quotaplane.validate" -}}
{{- $wrong := list -}}
{{- $embedded := not .Values.counterStore.existingSecret -}}
{{- if not .Values.image.repository -}}
{{- $wrong = append $wrong "image.repository: needed; docs/kubernetes.md says how to build the image" -}}
{{- end -}}
{{- if not .Values.insecure -}}
{{- if not .Values.tls.existingSecret -}}
{{- $wrong = append $wrong "tls.existingSecret: needed, unless insecure: true says that connections are meant to be plain" -}}
{{- end -}}
{{- if not .Values.auth.existingSecret -}}
{{- $wrong = append $wrong "auth.existingSecret: needed, unless insecure: true says that everybody may do everything" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.tls.clientCaSecret (not (and .Values.tls.existingSecret .Values.auth.existingSecret)) -}}
{{- $wrong = append $wrong "tls.clientCaSecret: needs tls.existingSecret and auth.existingSecret" -}}
{{- end -}}
{{- if and $embedded (eq .Values.layout "per-role") -}}
{{- $wrong = append $wrong "layout: per-role needs counterStore.existingSecret, since an embedded Redis has one process" -}}
{{- end -}}
{{- if and $embedded .Values.counterStore.filesSecret -}}
{{- $wrong = append $wrong "counterStore.filesSecret: needs counterStore.existingSecret" -}}
{{- end -}}
{{- if and (not $embedded) (not .Values.database.existingSecret) -}}
{{- $wrong = append $wrong "database.existingSecret: needed with counterStore.existingSecret, since replicas share one ledger" -}}
{{- end -}}
{{- if and .Values.database.filesSecret (not .Values.database.existingSecret) -}}
{{- $wrong = append $wrong "database.filesSecret: needs database.existingSecret" -}}
{{- end -}}
{{- if and .Values.config.receiversSecret (not .Values.config.receivers) -}}
{{- $wrong = append $wrong "config.receiversSecret: needs config.receivers" -}}
{{- end -}}
{{- if and .Values.test.caSecret (not .Values.tls.existingSecret) -}}
{{- $wrong = append $wrong "test.caSecret: needs tls.existingSecret" -}}
{{- end -}}
{{- if and .Values.grpcRoute.enabled (not .Values.grpcRoute.parentRefs) -}}
{{- $wrong = append $wrong "grpcRoute.parentRefs: needed, the Gateways that the route belongs to" -}}
{{- end -}}
{{- if and .Values.grpcRoute.enabled .Values.tls.existingSecret (not .Values.grpcRoute.caConfigMap) -}}
{{- $wrong = append $wrong "grpcRoute.caConfigMap: needed with tls.existingSecret, since Gateways speak TLS to the pods then" -}}
{{- end -}}
{{- range (include "quotaplane.workloads" . | fromJson).all -}}
{{- if and $embedded (gt (int .mostReplicas) 1) -}}
{{- $wrong = append $wrong (printf "workloads.%s: %d replicas need counterStore.existingSecret, since an embedded Redis has one process" .key (int .mostReplicas)) -}}
{{- end -}}
{{- if and $embedded (not .values.persistence.enabled) -}}
{{- $wrong = append $wrong (printf "workloads.%s.persistence.enabled: an embedded Redis needs a volume" .key) -}}
{{- end -}}
{{- if and .values.autoscaling.enabled (gt (int .values.autoscaling.minReplicas) (int .values.autoscaling.maxReplicas)) -}}
{{- $wrong = append $wrong (printf "workloads.%s.autoscaling: minReplicas is above maxReplicas" .key) -}}
{{- end -}}
{{- end -}}
{{/* The server's drain takes 3 s, an embedded Redis 10 s at most. */}}
{{- if lt (int .Values.shutdown.graceSeconds) (add (int .Values.shutdown.delaySeconds) 15) -}}
{{- $wrong = append $wrong "shutdown.graceSeconds: has to be at least 15 above shutdown.delaySeconds, for what the server does after that" -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\nThese values do not go together:\n  - %s\n" (join "\n  - " $wrong)) -}}
{{- end -}}
{{- end -}}
