// Package packaging tests what people run the exporter with: the manifests for
// Kubernetes, the Helm chart, the compose file, the unit of systemd, releases. What is
// rendered is read as strictly as the API of Kubernetes reads it, and looked at as a
// whole: whether names lead to what is there.
//
// It is a module of its own, since what these tests need, of Helm and of Kubernetes,
// takes minutes to build the first time, and is no dependency of the exporter.
//
// What is where:
//
//   - cluster_test.go reads objects of Kubernetes and says what must hold for all of
//     them; kustomize_test.go and helm_test.go make them;
//   - compose_test.go, release_test.go and systemd_test.go are about the rest;
//   - generate brings rules and dashboards to where these tools want them;
//   - image builds the container image and runs it, where there is a Docker engine.
package packaging
