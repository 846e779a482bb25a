package packaging

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unit = "datadog-org-connections-exporter.service"

// systemdAnalyze returns the output of systemd-analyze, and skips the test where there
// is none.
func systemdAnalyze(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("systemd-analyze", append(args, "--no-pager")...)
	cmd.Dir = filepath.Join(repository, "deploy/systemd")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs systemd-analyze")
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// The exposure level is 0 for a service that can do nothing, 10 for one without
// restrictions.
func TestSystemdUnit_IsSandboxed(t *testing.T) {
	report := systemdAnalyze(t, "security", "--offline=true", "./"+unit)
	found := regexp.MustCompile(`Overall exposure level for \S+: ([\d.]+)`).FindStringSubmatch(report)
	if found == nil {
		t.Fatalf("systemd-analyze reports no exposure level:\n%s", report)
	}
	if level, err := strconv.ParseFloat(found[1], 64); err != nil || level >= 2 {
		t.Errorf("its exposure level is %s, want one below 2:\n%s", found[1], report)
	}
}

func TestSystemdUnit_KeepsState(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(repository, "deploy/systemd", unit))
	if err != nil {
		t.Fatal(err)
	}
	_, dir, _ := strings.Cut(string(content), "\nStateDirectory=")
	dir, _, _ = strings.Cut(dir, "\n")
	if dir == "" || !strings.Contains(string(content), " serve --storage.path=%S/"+dir+"\n") {
		t.Errorf("the exporter does not use the StateDirectory %q", dir)
	}
}

// The unit agrees with sysusers.conf and the drop-ins.
func TestSystemdUnit_MatchesUserAndCredentials(t *testing.T) {
	service := text(t, "deploy/systemd/"+unit)
	for _, want := range []string{
		"\nUser=org-connections-exporter\n", "\nLoadCredential=api-key:", "\nLoadCredential=app-key:",
		"DD_API_KEY_FILE=%d/api-key", "DD_APP_KEY_FILE=%d/app-key",
	} {
		if !strings.Contains(service, want) {
			t.Errorf("the service has no %q", want)
		}
	}
	if user := text(t, "deploy/systemd/sysusers.conf"); !strings.Contains(user, "\nu org-connections-exporter - ") {
		t.Errorf("there is no such user: %s", user)
	}
	// A drop-in for other keys must first reset these.
	for _, name := range []string{"access-token.conf", "several-orgs.conf"} {
		if dropIn := text(t, "deploy/systemd/"+name); !strings.Contains(dropIn, "[Service]\nLoadCredential=\nLoadCredential=") {
			t.Errorf("%s does not reset LoadCredential", name)
		}
	}
}
