package e2e

// alertPrefix is what the names of all alerts begin with.
const alertPrefix = "DatadogOrgConnection"

// Who is told, in deploy/alertmanager.
const (
	toOnCall   = "on-call"
	toAdmins   = "connections"
	toNewsRoom = "connections-happened" // is not told of ends
)

// kinds are the alerts: how severe each is, and who is told.
var kinds = map[string]struct{ severity, to string }{
	"New":               {"warning", toNewsRoom},
	"Widened":           {"warning", toNewsRoom},
	"Removed":           {"warning", toNewsRoom},
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
}

// ofTypes are alerts about types of telemetry that one org shares with another, one
// for each.
func (s *stack) ofTypes(alert, source, sink string, types ...string) (all []news) {
	for _, kind := range types {
		all = append(all, news{
			alert:  alert,
			labels: map[string]string{"source_org_id": source, "sink_org_id": sink, "connection_type": kind},
			says:   []string{s.nameOf(source), s.nameOf(sink), kind},
		})
	}
	return all
}

// ofConnection is an alert about a connection, whatever it shares.
func (s *stack) ofConnection(alert, id string) []news {
	c := s.connection(id)
	return []news{{
		alert:  alert,
		labels: map[string]string{"connection_id": id, "source_org_id": c.SourceID, "sink_org_id": c.SinkID},
		says:   append([]string{s.nameOf(c.SourceID), s.nameOf(c.SinkID)}, c.Types...),
	}}
}

// ofPair is an alert about two orgs, whatever connects them.
func (s *stack) ofPair(alert, source, sink string, says ...string) []news {
	return []news{{
		alert:  alert,
		labels: map[string]string{"source_org_id": source, "sink_org_id": sink},
		says:   append(says, s.nameOf(source), s.nameOf(sink)),
	}}
}

// ofSource is an alert about an org that shares.
func (s *stack) ofSource(alert, source string, says ...string) []news {
	return []news{{alert: alert, labels: map[string]string{"source_org_id": source}, says: append(says, s.nameOf(source))}}
}

// blindSpot is about an org whose keys nobody has.
func (s *stack) blindSpot(id string) []news {
	return blindSpotCalled(s.nameOf(id), id)
}

func blindSpotCalled(name, id string) []news {
	return []news{{alert: "BlindSpot", labels: map[string]string{"org_id": id}, says: []string{name}}}
}

// ofKeys are alerts about listing with the keys of orgs, one for each.
func (s *stack) ofKeys(alert string, orgs ...string) (all []news) {
	for _, id := range orgs {
		all = append(all, news{alert: alert, labels: map[string]string{"org": s.named[id]}, says: []string{s.named[id]}})
	}
	return all
}

// ofRule is an alert about a rule of the policy.
func ofRule(alert, rule string) []news {
	return []news{{alert: alert, labels: map[string]string{"rule": rule}, says: []string{rule}}}
}

// job is what deploy/ calls the account.
const job = "datadog_org_connections"

// ofJob is an alert about the account as a whole.
func ofJob(alert string) []news {
	return []news{{alert: alert, says: []string{job}}}
}

// ofNobody is an alert about an account of which nothing was ever heard.
func ofNobody(alert string) []news {
	return []news{{alert: alert, nobody: true, says: []string{"exporter"}}}
}

// missing is about a rule that requires logs.
func missing(rule string) []news {
	return []news{{alert: "Missing", labels: map[string]string{"rule": rule, "connection_type": "logs"}, says: []string{rule, "logs"}}}
}
