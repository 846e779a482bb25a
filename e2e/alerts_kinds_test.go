package e2e

// alertPrefix begins the names of all alerts.
const alertPrefix = "DatadogOrgConnection"

// The receivers in deploy/alertmanager.
const (
	toOnCall  = "on-call"
	toAdmins  = "connections"
	toChanges = "connections-happened" // without resolved notifications
)

// alertKinds are all alerts, without alertPrefix, with their severity and receiver.
var alertKinds = map[string]struct{ severity, to string }{
	"New":               {"warning", toChanges},
	"Widened":           {"warning", toChanges},
	"Removed":           {"warning", toChanges},
	"Discovered":        {"info", toChanges},
	"Unexpected":        {"critical", toOnCall},
	"Missing":           {"critical", toOnCall},
	"CreatorDisabled":   {"critical", toOnCall},
	"CreatorIsPerson":   {"info", toAdmins},
	"SinkSharesMore":    {"warning", toAdmins},
	"NearSinkLimit":     {"info", toAdmins},
	"TypeUnknown":       {"warning", toAdmins},
	"BlindSpot":         {"info", toAdmins},
	"RuleExpiresSoon":   {"warning", toAdmins},
	"RuleExpired":       {"warning", toAdmins},
	"ExporterDown":      {"critical", toOnCall},
	"AllDataStale":      {"critical", toOnCall},
	"DataStale":         {"critical", toOnCall},
	"TargetDown":        {"warning", toAdmins},
	"KeysRejected":      {"warning", toAdmins},
	"PermissionDenied":  {"warning", toAdmins},
	"RateLimited":       {"warning", toAdmins},
	"ListingFailing":    {"warning", toAdmins},
	"ListingIncomplete": {"warning", toAdmins},
	"ReloadFailed":      {"warning", toAdmins},
	"HistoryNotWritten": {"warning", toAdmins},
}

// typeAlerts returns an alert for each type that source shares with sink.
func (s *stack) typeAlerts(alert, source, sink string, types ...string) (all []alertEvent) {
	for _, kind := range types {
		all = append(all, alertEvent{
			alert:    alert,
			labels:   map[string]string{"source_org_id": source, "sink_org_id": sink, "connection_type": kind},
			mentions: []string{s.nameOf(source), s.nameOf(sink), kind},
		})
	}
	return all
}

// connectionAlert returns an alert about a connection, whatever its types.
func (s *stack) connectionAlert(alert, id string) []alertEvent {
	c := s.connection(id)
	return []alertEvent{{
		alert:    alert,
		labels:   map[string]string{"connection_id": id, "source_org_id": c.SourceID, "sink_org_id": c.SinkID},
		mentions: append([]string{s.nameOf(c.SourceID), s.nameOf(c.SinkID)}, c.Types...),
	}}
}

// pairAlert returns an alert about a source and a sink.
func (s *stack) pairAlert(alert, source, sink string, mentions ...string) []alertEvent {
	return []alertEvent{{
		alert:    alert,
		labels:   map[string]string{"source_org_id": source, "sink_org_id": sink},
		mentions: append(mentions, s.nameOf(source), s.nameOf(sink)),
	}}
}

// sourceAlert returns an alert about a source org.
func (s *stack) sourceAlert(alert, source string, mentions ...string) []alertEvent {
	return []alertEvent{{alert: alert, labels: map[string]string{"source_org_id": source}, mentions: append(mentions, s.nameOf(source))}}
}

// blindSpotAlert returns the alert about an org whose keys are not configured.
func (s *stack) blindSpotAlert(id string) []alertEvent {
	return blindSpotAlertNamed(s.nameOf(id), id)
}

func blindSpotAlertNamed(name, id string) []alertEvent {
	return []alertEvent{{alert: "BlindSpot", labels: map[string]string{"org_id": id}, mentions: []string{name}}}
}

// orgAlerts returns an alert about the listing of each org.
func (s *stack) orgAlerts(alert string, orgs ...string) (all []alertEvent) {
	for _, id := range orgs {
		all = append(all, alertEvent{alert: alert, labels: map[string]string{"org": s.configNames[id]}, mentions: []string{s.configNames[id]}})
	}
	return all
}

// ruleAlert returns an alert about a rule of the policy.
func ruleAlert(alert, rule string) []alertEvent {
	return []alertEvent{{alert: alert, labels: map[string]string{"rule": rule}, mentions: []string{rule}}}
}

// job is the job label in deploy/prometheus.
const job = "datadog_org_connections"

// jobAlert returns an alert about the whole job.
func jobAlert(alert string) []alertEvent {
	return []alertEvent{{alert: alert, mentions: []string{job}}}
}

// alertWithoutJob returns an alert that fires before Prometheus has any series of the
// job.
func alertWithoutJob(alert string) []alertEvent {
	return []alertEvent{{alert: alert, noJob: true, mentions: []string{"exporter"}}}
}

// missingAlert returns the alert about a rule that requires logs.
func missingAlert(rule string) []alertEvent {
	return []alertEvent{{alert: "Missing", labels: map[string]string{"rule": rule, "connection_type": "logs"}, mentions: []string{rule, "logs"}}}
}
