package datadog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Account is what credentials show of the account of their org: that org, and those that
// it manages. It is immutable.
type Account struct {
	// Current is the id of the org of the credentials.
	Current string
	// Orgs in the order of their ids, without duplicates: the current one, those that
	// it manages, and those that the API described besides. Orgs of other sites are
	// not listed.
	Orgs []Org

	// Credentials is a fingerprint as in [Listing].
	Credentials string
	// Warnings are about unusable key files, for the log.
	Warnings []string

	// Began is when the request was sent: later changes are not in the list.
	Began time.Time
	// Duration from Began to the end of the response, with all pauses.
	Duration time.Duration
}

// ListOrgs returns the org of the credentials, and the orgs that it manages, or an
// [Error]. It fails with [WrongOrg] if that is not [Options.OrgID].
//
// It needs the permission org_management or org_connections_write, which [Client.List]
// does not (https://docs.datadoghq.com/api/latest/organizations/). The API has no pages
// for it.
func (c *Client) ListOrgs(ctx context.Context) (*Account, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	began := time.Now()
	f := c.newFetcher(c.orgs)
	var account *Account
	err := f.fetch(ctx, nil, func(body io.Reader) (err error) {
		account, err = decodeAccount(body)
		return err
	})
	var failed *Error
	if errors.As(err, &failed) && failed.Reason == Forbidden {
		failed.Detail += "; listing orgs needs the permission org_management or org_connections_write"
	}
	if err != nil {
		return nil, err
	}
	if err := f.checkAccount(account); err != nil {
		return nil, err
	}
	account.Credentials = f.auth.fingerprint
	account.Warnings = f.auth.warnings()
	account.Began = began
	account.Duration = time.Since(began)
	return account, nil
}

// accountJSON is the response, as in the API reference. Data must have this shape.
type accountJSON struct {
	Data struct {
		Type          string `json:"type"`
		ID            string `json:"id"` // of the org of the credentials
		Relationships struct {
			Current relationshipJSON `json:"current_org"`
			Managed struct {
				Data list[referenceJSON] `json:"data"`
			} `json:"managed_orgs"`
		} `json:"relationships"`
	} `json:"data"`
	Included lenient[list[lenient[includedJSON]]] `json:"included"`
}

// decodeAccount decodes a response. Errors are those of decodeJSON.
func decodeAccount(body io.Reader) (*Account, error) {
	var decoded accountJSON
	if err := decodeJSON(body, &decoded); err != nil {
		return nil, err
	}
	data := &decoded.Data
	current, managed := data.Relationships.Current.Data.ID, data.Relationships.Managed.Data
	switch {
	case data.Type != "" && data.Type != "managed_orgs":
		return nil, fmt.Errorf("data has the type %q", data.Type)
	case data.ID == "":
		return nil, errors.New("data has no id")
	case current != "" && current != data.ID:
		return nil, fmt.Errorf("data has the id %q, but the current org is %q", data.ID, current)
	}
	known := orgs{}
	known.add(Org{ID: data.ID})
	for n := range managed {
		if managed[n].ID == "" {
			return nil, fmt.Errorf("data.relationships.managed_orgs.data[%d] has no id", n)
		}
		known.add(managed[n].org())
	}
	for _, included := range decoded.Included.value {
		if o := included.value.org(); o.ID != "" {
			known.add(o)
		}
	}
	return &Account{Current: data.ID, Orgs: known.sorted()}, nil
}
