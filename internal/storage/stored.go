package storage

import (
	"google.golang.org/protobuf/encoding/protowire"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// The fields of what is stored. A file is read by later versions: a number keeps its
// meaning for ever. New ones may come, which earlier versions of the program skip; where
// that would mislead them, version becomes another.

// version of what is stored.
const version = 1

func enum[T ~string](f *fields, number protowire.Number, value *T) {
	text := string(*value)
	f.string(number, &text)
	*value = T(text)
}

// connectionFields are those of a connection but its id.
func connectionFields(f *fields, c *datadog.Connection) {
	f.id(1, &c.SourceID)
	f.id(2, &c.SinkID)
	f.strings(3, &c.Types)
	f.time(4, &c.CreatedAt)
	f.id(5, &c.Creator.ID)
	enum(f, 6, &c.Creator.Kind)
	f.ternary(7, &c.Creator.Disabled)
}

// rememberedFields are those of what is remembered of a connection, but its id.
func rememberedFields(r *inventory.Remembered) func(*fields) {
	return func(f *fields) {
		connectionFields(f, &r.Connection)
		f.time(8, &r.Seen)
		f.string(9, &r.Credentials)
		if f.reads(10) {
			r.Missing = &inventory.Missing{}
		}
		if m := r.Missing; m != nil {
			f.message(10, func(f *fields) {
				f.string(1, &m.Credentials)
				f.time(2, &m.Began)
				f.time(3, &m.Ended)
			})
		}
	}
}

func filterFields(f *fields, number protowire.Number, filter *datadog.Filter) {
	if f.reading || *filter != (datadog.Filter{}) {
		f.message(number, func(f *fields) {
			f.id(1, &filter.SourceOrgID)
			f.id(2, &filter.SinkOrgID)
		})
	}
}

// listingFields are those of a listing but its connections, orgs, and when its process
// was allowed the next request.
func listingFields(l *inventory.StoredListing) func(*fields) {
	return func(f *fields) {
		of := &l.Listing
		f.id(1, &l.OrgID)
		f.bool(2, &of.Complete)
		filterFields(f, 3, &of.Filter)
		f.string(4, &of.Credentials)
		f.strings(5, &of.Warnings)
		f.time(6, &of.Began)
		f.int(7, (*int64)(&of.Duration))
		pages := int64(of.Pages)
		f.int(8, &pages)
		of.Pages = int(pages)
	}
}

// orgFields are those of an org but its id.
func orgFields(o *datadog.Org) func(*fields) {
	return func(f *fields) {
		f.string(1, &o.Name)
		f.string(2, &o.PublicID)
		f.string(3, &o.Sharing)
		f.ternary(4, &o.Disabled)
	}
}

func changeFields(c *inventory.Change) func(*fields) {
	return func(f *fields) {
		enum(f, 1, &c.Kind)
		f.time(2, &c.At)
		f.time(3, &c.Found)
		f.string(4, &c.Org)
		f.id(5, &c.Connection.ID)
		f.message(6, func(f *fields) { connectionFields(f, &c.Connection) })
		f.strings(7, &c.Types)
		f.string(8, &c.SourceName)
		f.string(9, &c.SinkName)
	}
}

// memoryFields are those of a memory but its names.
func memoryFields(m *inventory.Memory) func(*fields) {
	return func(f *fields) {
		f.time(1, &m.Start)
		looks := m.Looks
		if f.reads(2) {
			m.Looks = append(m.Looks, inventory.Look{})
			looks = m.Looks[len(m.Looks)-1:]
		}
		for i := range looks {
			f.message(2, func(f *fields) {
				f.id(1, &looks[i].OrgID)
				f.string(2, &looks[i].Credentials)
				filterFields(f, 3, &looks[i].Filter)
				f.time(4, &looks[i].Ended)
			})
		}
		totalsFields(f, m)
	}
}

func totalsFields(f *fields, m *inventory.Memory) {
	total := func(kind *inventory.ChangeKind, n *uint64) {
		f.message(3, func(f *fields) {
			enum(f, 1, kind)
			f.uint(2, n)
		})
	}
	if f.reads(3) {
		var kind inventory.ChangeKind
		var n uint64
		total(&kind, &n)
		if m.Totals == nil {
			m.Totals = map[inventory.ChangeKind]uint64{}
		}
		m.Totals[kind] = n
		return
	}
	if !f.reading {
		for kind, n := range m.Totals {
			total(&kind, &n)
		}
	}
}
