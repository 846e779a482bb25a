# The image holds the exporter and the roots of trust that HTTPS needs: no shell, no
# libraries, nobody to log in as.
#
#   docker build -t datadog_org_connections_exporter .
#   docker buildx build --platform=linux/amd64,linux/arm64 .
#
# The version comes from outside, since the sources alone have no history:
#
#   --build-arg VERSION=1.2.3 --build-arg REVISION="$(git rev-parse HEAD)"

ARG GO_VERSION=1.26.8
# Where the binary comes from: "compiled" here, or "prebuilt", which lies in the
# build context under its platform already. A release ships one binary that way, in
# its archives and in its image.
ARG BINARY=compiled

# Go compiles for every platform on the builder's own: nothing is emulated.
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS toolchain

FROM toolchain AS compiled
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev REVISION BRANCH BUILD_DATE
# make takes VERSION and the rest from these arguments, which are variables here.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH make build && \
    mkdir /out && mv datadog_org_connections_exporter /out/

FROM scratch AS prebuilt
ARG TARGETPLATFORM
COPY ${TARGETPLATFORM}/datadog_org_connections_exporter /out/

FROM ${BINARY} AS binary

FROM toolchain AS state
RUN mkdir /state

FROM scratch
ARG VERSION=dev REVISION BUILD_DATE
LABEL org.opencontainers.image.title="datadog_org_connections_exporter" \
      org.opencontainers.image.description="Prometheus exporter for Datadog's org connections: who shares telemetry with whom" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${BUILD_DATE}"
# Another bundle, of a proxy that opens TLS, say: mount it and name it in SSL_CERT_FILE.
COPY --from=toolchain /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=binary /out/datadog_org_connections_exporter /bin/
# For --storage.path: a volume that is mounted here belongs to the user.
COPY --from=state --chown=65532:65532 /state /var/lib/datadog-org-connections-exporter
# A number, so that Kubernetes sees that it is not root. That user owns nothing else here.
USER 65532:65532
EXPOSE 10187
# For Docker; Kubernetes asks over HTTP. It follows the environment variable of
# --web.listen-address, not the flag.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["/bin/datadog_org_connections_exporter", "healthcheck"]
ENTRYPOINT ["/bin/datadog_org_connections_exporter"]
