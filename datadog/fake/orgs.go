package fake

import (
	"net/url"
	"strings"
)

// OrgsPath is where a [Server] lists orgs.
const OrgsPath = "/api/v2/org"

// accountDocument is the body of a list of orgs, as in the API reference.
type accountDocument struct {
	Data     managedOrgs `json:"data"`
	Included []resource  `json:"included,omitempty"`
}

type managedOrgs struct {
	Type          string               `json:"type"`
	ID            string               `json:"id"` // the current org's
	Relationships managedOrgsRelations `json:"relationships"`
}

type managedOrgsRelations struct {
	CurrentOrg  relationship `json:"current_org"`
	ManagedOrgs struct {
		Data []reference `json:"data"`
	} `json:"managed_orgs"`
}

// account returns the list of orgs for an org's credentials. The first org of the account is the parent, and manages
// all others; these manage none. A filter leaves out managed orgs whose names do not contain it.
func (s *Server) account(orgID string, query url.Values) accountDocument {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := accountDocument{Data: managedOrgs{Type: typeManagedOrgs, ID: orgID}}
	d.Data.Relationships.CurrentOrg.Data = &reference{Type: typeOrgs, ID: orgID}
	managed := []reference{}
	for _, o := range s.orgs.order {
		switch {
		case o.ID == orgID:
		case s.orgs.order[0].ID != orgID, !strings.Contains(o.Name, query.Get("filter[name]")):
			continue
		default:
			managed = append(managed, reference{Type: typeOrgs, ID: o.ID})
		}
		if !s.opts.OmitIncluded && !o.NotIncluded {
			d.Included = append(d.Included, o.accountResource())
		}
	}
	d.Data.Relationships.ManagedOrgs.Data = managed
	return d
}

// accountResource returns the org as a list of orgs describes it: unlike in a page of connections, nothing is null.
func (o *Org) accountResource() resource {
	a := o.attributes()
	a.Description, a.URL = new(""), new("")
	if a.ModifiedAt == nil {
		a.ModifiedAt = &a.CreatedAt
	}
	return resource{typeOrgs, o.ID, a}
}
