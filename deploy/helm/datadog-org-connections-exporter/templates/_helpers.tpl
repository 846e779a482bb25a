{{- define "datadog-org-connections-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names of Services have 63 characters at most. */}}
{{- define "datadog-org-connections-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "datadog-org-connections-exporter.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "datadog-org-connections-exporter.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "datadog-org-connections-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "datadog-org-connections-exporter.selectorLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "datadog-org-connections-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "datadog-org-connections-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "datadog-org-connections-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "datadog-org-connections-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "datadog-org-connections-exporter.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Directory of configuration and keys in the pod. */}}
{{- define "datadog-org-connections-exporter.dir" -}}
/etc/datadog-org-connections-exporter
{{- end }}

{{/* true if there is a ConfigMap with the configuration or policy file. */}}
{{- define "datadog-org-connections-exporter.hasFiles" -}}
{{- if and (not .Values.demo) (or .Values.config .Values.policy) }}true{{ end }}
{{- end }}

{{/* The content of a file of rules or of a dashboard, with links to runbookUrl. */}}
{{- define "datadog-org-connections-exporter.linked" -}}
{{- $default := regexFind "runbook_url: .+#" (.root.Files.Get "files/rules/exporter.yml") | trimPrefix "runbook_url: " | trimSuffix "#" }}
{{- .content | replace $default (default $default .root.Values.runbookUrl) }}
{{- end }}

{{/* A probe: over HTTP, or with the command healthcheck where that may need a password
or a certificate. */}}
{{- define "datadog-org-connections-exporter.probe" -}}
{{- if .root.Values.web.existingSecret -}}
exec:
  command: [/bin/datadog_org_connections_exporter, healthcheck]
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
{{- end }}
{{- with .options }}
{{ toYaml . }}
{{- end }}
{{- end }}
