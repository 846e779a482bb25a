package storage

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"datadog_org_connections_exporter/datadog"
	"datadog_org_connections_exporter/internal/inventory"
)

// content is what a file has.
type content struct {
	state inventory.State
	// version of the layout, 0 where the file is empty.
	version int
	// changes is the number of the next change.
	changes uint64
}

// load returns what a file has. Other processes may write to it meanwhile. The error wraps
// errBroken where it is the file's content, and errNewer where that is a later version's.
func load(path string) (*content, error) {
	data, m, err := readPages(path)
	if err != nil {
		return nil, err
	}
	c := &content{}
	empty, connections := true, 0
	err = walk(data, m, func(buckets []string, key, value []byte) (err error) {
		empty = false
		if len(buckets) == 1 && buckets[0] == connectionsBucket {
			connections++
		}
		if len(buckets) == 1 && buckets[0] == metaBucket && string(key) == versionKey {
			c.version, err = strconv.Atoi(string(value))
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case c.version > version:
		return nil, fmt.Errorf("%w: it has version %d, and this one reads up to %d", errNewer, c.version, version)
	case c.version <= 0 && !empty:
		return nil, broken("it has no version, and is another program's")
	}
	l := loader{content: c, shared: newSharedStrings(connections)}
	l.state.Connections = make(map[string]*inventory.Remembered, connections)
	l.state.Listings = map[string]*inventory.StoredListing{}
	l.state.Names = map[string]string{}
	if err := walk(data, m, l.visit); err != nil {
		return nil, err
	}
	for _, listing := range c.state.Listings { // those that are no UUID come last
		slices.SortFunc(listing.Listing.Orgs, func(a, b datadog.Org) int { return cmp.Compare(a.ID, b.ID) })
	}
	return c, nil
}

type loader struct {
	*content
	shared *sharedStrings
}

// visit is a visitor.
func (l *loader) visit(buckets []string, key, value []byte) error {
	if err := l.add(buckets, key, value); err != nil {
		return broken("%q of %q: %v", key, buckets, err) //nolint:errorlint // errBroken is what counts
	}
	return nil
}

func (l *loader) add(buckets []string, key, value []byte) error {
	switch {
	case len(buckets) == 1 && buckets[0] == connectionsBucket:
		r := &inventory.Remembered{}
		r.Connection.ID = l.shared.id(key)
		l.state.Connections[r.Connection.ID] = r
		return decode(value, l.shared, rememberedFields(r))
	case len(buckets) == 1 && buckets[0] == changesBucket:
		if len(key) != 8 {
			return fmt.Errorf("a key of %d bytes", len(key))
		}
		l.changes = binary.BigEndian.Uint64(key) + 1
		l.state.Changes = append(l.state.Changes, inventory.Change{})
		return decode(value, l.shared, changeFields(&l.state.Changes[len(l.state.Changes)-1]))
	case len(buckets) == 1 && buckets[0] == namesBucket:
		l.state.Names[l.shared.id(key)] = l.shared.text(value)
	case len(buckets) == 1 && buckets[0] == metaBucket && string(key) == memoryKey:
		return decode(value, l.shared, memoryFields(&l.state.Memory))
	case len(buckets) > 1 && buckets[0] == listingsBucket:
		return l.addToListing(l.listing(buckets[1]), buckets[2:], key, value)
	}
	return nil
}

func (l *loader) listing(org string) *inventory.StoredListing {
	if l.state.Listings[org] == nil {
		l.state.Listings[org] = &inventory.StoredListing{Connections: map[string]bool{}}
	}
	return l.state.Listings[org]
}

func (l *loader) addToListing(listing *inventory.StoredListing, buckets []string, key, value []byte) error {
	switch {
	case len(buckets) == 0 && string(key) == listingKey:
		return decode(value, l.shared, listingFields(listing))
	case len(buckets) == 1 && buckets[0] == connectionsBucket:
		listing.Connections[l.shared.id(key)] = true
	case len(buckets) == 1 && buckets[0] == orgsBucket:
		listing.Listing.Orgs = append(listing.Listing.Orgs, datadog.Org{ID: l.shared.id(key)})
		return decode(value, l.shared, orgFields(&listing.Listing.Orgs[len(listing.Listing.Orgs)-1]))
	}
	return nil
}
