package report

// nodes are the orgs of a picture, each id once: those of the document, and then
// the ends of connections that are not among them.
func (d Document) nodes() []Party {
	var nodes []Party
	there := map[string]bool{}
	add := func(p Party) {
		if !there[p.ID] {
			there[p.ID] = true
			nodes = append(nodes, p)
		}
	}
	for _, o := range d.Orgs {
		add(Party{ID: o.ID, Name: o.Name})
	}
	for _, c := range d.Connections {
		add(c.Source)
		add(c.Sink)
	}
	return nodes
}
