package fake

import (
	"errors"
	"net/url"
	"strconv"
)

// defaultLimit is the page size of a request that names none (Datadog's API reference).
const defaultLimit = 1000

// paging reads a query's offset and limit; what is invalid keeps its default.
func paging(query url.Values) (offset, limit int, err error) {
	offset, offsetErr := intParam(query, "offset", 0, 0)
	limit, limitErr := intParam(query, "limit", defaultLimit, 1)
	return offset, limit, errors.Join(offsetErr, limitErr)
}

// intParam reads an integer that is not below least.
func intParam(query url.Values, name string, byDefault, least int) (int, error) {
	if !query.Has(name) {
		return byDefault, nil
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < least {
		return byDefault, errors.New("invalid query parameter: " + name)
	}
	return n, nil
}

// matches reports whether a connection has the source and the sink that a query names.
func matches(query url.Values, c *Connection) bool {
	source, sink := query.Get("source_org_id"), query.Get("sink_org_id")
	return (source == "" || source == c.SourceID) && (sink == "" || sink == c.SinkID)
}
