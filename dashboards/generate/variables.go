package main

// queryVariable returns a query variable with multiple values and an All option,
// which stands for the regular expression allValue.
func queryVariable(name, label, allValue, query, regex string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": prometheus,
		"query": object{"query": query, "refId": name}, "definition": query, "regex": regex,
		"multi": true, "includeAll": true, "allValue": allValue,
		"current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
		"options": []object{}, "refresh": 2, "sort": 5, "hide": 0, "skipUrlSync": false,
	}
}

// targetVariables returns the variables of every dashboard: data source, job and
// instance.
func targetVariables() []object {
	return []object{
		{
			"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "",
			"multi": false, "includeAll": false, "current": object{}, "options": []object{}, "refresh": 1, "hide": 0, "skipUrlSync": false,
		},
		queryVariable("job", "Job", ".+", `label_values(datadog_up, job)`, ""),
		queryVariable("instance", "Instance", ".+", `label_values(datadog_up{job=~"$job"}, instance)`, ""),
	}
}

// annotation returns an annotation query, which marks the time for which expr has
// series, one region or point per series.
func annotation(name, color, title, text, expr string) object {
	return object{
		"name": name, "enable": true, "hide": false, "iconColor": color, "datasource": prometheus,
		"expr": expr, "step": "1m", "titleFormat": title, "textFormat": text, "tagKeys": "", "useValueForTime": false,
	}
}

// timestampAnnotation returns an annotation query that marks the Unix time which is
// the value of expr.
func timestampAnnotation(name, color, text, expr string) object {
	a := annotation(name, color, name, text, expr+" * 1000")
	a["useValueForTime"] = true
	return a
}

// annotations returns Grafana's built-in annotation query and these.
func annotations(queries ...object) list {
	return list{append([]object{{
		"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard", "enable": true, "hide": true,
		"datasource": object{"type": "grafana", "uid": "-- Grafana --"}, "iconColor": "rgba(0, 211, 255, 1)",
	}}, queries...)}
}

const runbooksTitle = "Runbooks"

// dashboardLinks returns a link to the other dashboard, with the time range and the
// variables, and one to the runbooks.
func dashboardLinks(title, uid string) []link {
	return []link{
		{Title: title, Type: "link", URL: "/d/" + uid, Icon: "dashboard", Tooltip: "With the same time range and variables", KeepTime: true, IncludeVars: true},
		{Title: runbooksTitle, Type: "link", Icon: "doc", Tooltip: "What to do about an alert", TargetBlank: true},
	}
}
