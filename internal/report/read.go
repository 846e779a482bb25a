package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// howTo ends every error about what is no document.
const howTo = "expected what list -o json writes: make the file anew with it"

// Read reads a document that [JSON] has written. Fields that it does not know are
// ignored; a document that lacks something is none, because all that it lacks would
// seem to be removed or added since.
func Read(r io.Reader) (Document, error) {
	var d Document
	decoder := json.NewDecoder(r)
	switch err := decoder.Decode(&d); {
	case errors.Is(err, io.EOF):
		return Document{}, fmt.Errorf("there is nothing to read; %s", howTo)
	case err != nil:
		return Document{}, fmt.Errorf("this is no document of connections: %w; %s", err, howTo)
	}
	if err := d.check(); err != nil {
		return Document{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Document{}, fmt.Errorf("something follows the document; %s", howTo)
	}
	return d, nil
}

// check finds what no document that was written by [JSON] has.
func (d Document) check() error {
	switch {
	case d.Version > Version:
		return fmt.Errorf("the document has version %d, and this program reads version %d; read it with the program that wrote it, or a newer one", d.Version, Version)
	case d.Version != Version:
		return fmt.Errorf("this is no document of connections: it says nothing of version %d; %s", Version, howTo)
	case d.Time.IsZero():
		return fmt.Errorf("the document lacks its time; %s", howTo)
	case d.Orgs == nil:
		return fmt.Errorf("the document lacks its orgs; %s", howTo)
	case d.Connections == nil:
		return fmt.Errorf("the document lacks its connections; %s", howTo)
	}
	there := map[string]bool{"": true} // an id that is empty is as bad as one that is there
	for _, c := range d.Connections {
		if there[c.ID] {
			return fmt.Errorf("the document has a connection twice, or one without an id (%q); %s", c.ID, howTo)
		}
		there[c.ID] = true
	}
	return nil
}
