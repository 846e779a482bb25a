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

// receiver is the webhook that gets Alertmanager's notifications.
type receiver struct {
	url string

	mu            sync.Mutex
	notifications []notification // without repetitions, in the order of arrival
	seen          map[notificationKey]bool
}

// notification is one alert in a webhook.
type notification struct {
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"` // of the labels

	to string // the receiver in Alertmanager's configuration
}

// notificationKey identifies a notification. Alertmanager repeats an alert when others
// of its group change: that is the same notification.
type notificationKey struct {
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
	r := &receiver{seen: map[notificationKey]bool{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// ServeHTTP receives one webhook, with a group of alerts.
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
		key := notificationKey{to: n.to, fingerprint: n.Fingerprint, status: n.Status, startsAt: n.StartsAt}
		if !r.seen[key] {
			r.seen[key] = true
			r.notifications = append(r.notifications, n)
		}
	}
}

// since returns the notifications after the first n.
func (r *receiver) since(n int) []notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notifications[n:])
}
