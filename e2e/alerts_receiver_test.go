package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// receiver is who is told: the webhook at the end of everything.
type receiver struct {
	url string

	mu   sync.Mutex
	told []notification // each once, in the order in which they came
	seen map[sameNews]bool
}

// notification is what somebody is told of one alert.
type notification struct {
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"` // of the labels

	to string // the receiver in Alertmanager's configuration
}

// sameNews is what must not be told twice. Alertmanager repeats an alert where
// others of its group come and go: that is the same news.
type sameNews struct {
	to, fingerprint, status string
	startsAt                time.Time
}

const (
	firing   = "firing"
	resolved = "resolved"
)

func (n notification) String() string {
	return fmt.Sprintf("%s %s since %s to %s: %v", n.Labels["alertname"], n.Status, n.StartsAt.Format(time.StampMilli), n.to, n.Labels)
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{seen: map[sameNews]bool{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// ServeHTTP takes one webhook, which tells of a group of alerts.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	var group struct {
		Receiver string         `json:"receiver"`
		Alerts   []notification `json:"alerts"`
	}
	if err := json.NewDecoder(request.Body).Decode(&group); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range group.Alerts {
		n.to = group.Receiver
		news := sameNews{to: n.to, fingerprint: n.Fingerprint, status: n.Status, startsAt: n.StartsAt}
		if !r.seen[news] {
			r.seen[news] = true
			r.told = append(r.told, n)
		}
	}
}

// since gives what was told after the first n notifications.
func (r *receiver) since(n int) []notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told[n:])
}
