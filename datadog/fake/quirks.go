package fake

// Quirks are oddities of a connection's row that a client must live with. The zero value bends nothing.
type Quirks struct {
	Names       Names  // what the relationships say for names
	NullSource  bool   // source_org: {"data": null}
	NullSink    bool   // sink_org: {"data": null}
	NullCreator bool   // created_by: {"data": null}
	NoCreator   bool   // no created_by
	NoCreatedAt bool   // no created_at
	CreatedAt   string // sent in place of the time, e.g. "yesterday"
	NullTypes   bool   // connection_types: null
}

// Names says what stands for names in a row's relationships.
type Names int

// What stands for a name.
const (
	RealNames  Names = iota // the names
	NullNames               // null
	NoNames                 // nothing: the field is missing
	EmptyNames              // the empty string
)

// bend makes a row as odd as the quirks say.
func (q Quirks) bend(r *row) {
	q.bendNames(r)
	q.bendRelationships(&r.Relationships)
	if q.CreatedAt != "" {
		r.Attributes.CreatedAt = q.CreatedAt
	}
	if q.NoCreatedAt {
		r.Attributes.CreatedAt = ""
	}
	if q.NullTypes {
		r.Attributes.ConnectionTypes = nil
	}
}

func (q Quirks) bendNames(r *row) {
	if q.Names == RealNames {
		return
	}
	name := map[Names]any{NullNames: null, NoNames: nil, EmptyNames: ""}[q.Names]
	r.Relationships.SourceOrg.Data.Name = name
	r.Relationships.SinkOrg.Data.Name = name
	r.Relationships.CreatedBy.Data.Name = name
}

func (q Quirks) bendRelationships(r *relationships) {
	if q.NullSource {
		r.SourceOrg.Data = nil
	}
	if q.NullSink {
		r.SinkOrg.Data = nil
	}
	if q.NullCreator {
		r.CreatedBy.Data = nil
	}
	if q.NoCreator {
		r.CreatedBy = nil
	}
}
