// Package packaging tests the deployment files: Kubernetes manifests, Helm chart,
// compose file, systemd unit, releases. Rendered Kubernetes objects are decoded
// strictly, and references between them are checked.
//
// It is a module of its own because Helm and Kubernetes are large dependencies, which
// the exporter does not need.
//
//   - cluster_test.go decodes Kubernetes objects and checks them; kustomize_test.go and
//     helm_test.go render them;
//   - compose_test.go, release_test.go and systemd_test.go test the rest;
//   - sources_test.go and runbooks_test.go compare the copies of rules and dashboards
//     with their sources, and the links to runbooks with docs/runbooks.md;
//   - generate copies rules and dashboards into the Helm chart and the kustomize base;
//   - image builds the container image and runs it, where there is a Docker engine.
package packaging
