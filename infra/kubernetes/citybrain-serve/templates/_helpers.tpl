{{- define "citybrain.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "citybrain.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "citybrain.labels" -}}
{{ include "citybrain.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "citybrain.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "citybrain.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "citybrain.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- define "citybrain.claim" -}}
{{- .Values.home.existingClaim | default (printf "%s-home" (include "citybrain.name" .)) }}
{{- end }}

{{- /* What the pods of serve and verify share. Takes a list: the root context, and the volume source of the home. */ -}}
{{- define "citybrain.pod" -}}
{{- $home := index . 1 -}}
{{- with index . 0 -}}
serviceAccountName: {{ include "citybrain.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: home
    {{- toYaml $home | nindent 4 }}
  - name: cluster
    secret:
      secretName: {{ .Values.cluster.existingSecret }}
      defaultMode: 0440
      items:
        - key: {{ .Values.cluster.key }}
          path: cluster.json
        {{- with .Values.cluster.caKey }}
        - key: {{ . }}
          path: {{ . }}
        {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: 1Gi
{{- end }}
{{- end }}

{{- define "citybrain.container" -}}
image: {{ include "citybrain.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [citybrain]
envFrom:
  - configMapRef:
      name: {{ include "citybrain.name" . }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: home
    mountPath: /var/lib/citybrain
  - name: cluster
    mountPath: /etc/citybrain
    readOnly: true
  - name: tmp
    mountPath: /tmp
{{- end }}
