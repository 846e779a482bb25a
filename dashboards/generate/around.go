package main

// variable is one that the reader chooses several values of, or all.
func variable(name, label, all, query, regex string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": prometheus,
		"query": object{"query": query, "refId": name}, "definition": query, "regex": regex,
		"multi": true, "includeAll": true, "allValue": all,
		"current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
		"options": []object{}, "refresh": 2, "sort": 5, "hide": 0, "skipUrlSync": false,
	}
}

// targets are the variables that every dashboard has: whom to ask, and of whom.
func targets() []object {
	return []object{
		{
			"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "",
			"multi": false, "includeAll": false, "current": object{}, "options": []object{}, "refresh": 1, "hide": 0, "skipUrlSync": false,
		},
		variable("job", "Job", ".+", `label_values(datadog_up, job)`, ""),
		variable("instance", "Instance", ".+", `label_values(datadog_up{job=~"$job"}, instance)`, ""),
	}
}

// event marks moments in which a query has a value, and times in which it goes on
// to have one.
func event(name, color, title, text, expr string) object {
	return object{
		"name": name, "enable": true, "hide": false, "iconColor": color, "datasource": prometheus,
		"expr": expr, "step": "1m", "titleFormat": title, "textFormat": text, "tagKeys": "", "useValueForTime": false,
	}
}

// events begin with what Grafana itself puts on every dashboard.
func events(ours ...object) list {
	return list{append([]object{{
		"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard", "enable": true, "hide": true,
		"datasource": object{"type": "grafana", "uid": "-- Grafana --"}, "iconColor": "rgba(0, 211, 255, 1)",
	}}, ours...)}
}

// doors lead to the other dashboard, with what was chosen here, and to the runbooks.
func doors(title, uid string) []link {
	return []link{
		{Title: title, Type: "link", URL: "/d/" + uid, Icon: "dashboard", Tooltip: "With the same time range and choice", KeepTime: true, IncludeVars: true},
		{Title: "Runbooks", Type: "link", URL: runbooks, Icon: "doc", Tooltip: "What to do about an alert", TargetBlank: true},
	}
}
