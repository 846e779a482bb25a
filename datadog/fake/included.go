package fake

import "time"

// resource is one element of "included": an org or a user, told apart by its type.
type resource struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Attributes any    `json:"attributes"`
}

type orgAttributes struct {
	PublicID    string  `json:"public_id"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Sharing     string  `json:"sharing"`
	URL         *string `json:"url"`
	Disabled    bool    `json:"disabled"`
	CreatedAt   string  `json:"created_at"`
	ModifiedAt  *string `json:"modified_at"`
}

type userAttributes struct {
	Name                string   `json:"name"`
	Handle              string   `json:"handle"`
	CreatedAt           string   `json:"created_at"`
	ModifiedAt          string   `json:"modified_at"`
	Email               string   `json:"email"`
	Icon                string   `json:"icon"`
	Title               *string  `json:"title"`
	Verified            bool     `json:"verified"`
	ServiceAccount      bool     `json:"service_account"`
	Disabled            bool     `json:"disabled"`
	AllowedLoginMethods []string `json:"allowed_login_methods"`
	Status              string   `json:"status"`
}

// included describes, once each, the orgs and after them the users that a page's rows refer to.
func (s *Server) included(rows []row) []any {
	var orgs, users []any
	seen := map[reference]bool{}
	see := func(r relationship) bool {
		if r.Data == nil {
			return false
		}
		key := reference{Type: r.Data.Type, ID: r.Data.ID}
		first := !seen[key]
		seen[key] = true
		return first
	}
	for _, row := range rows {
		for _, end := range []relationship{row.Relationships.SourceOrg, row.Relationships.SinkOrg} {
			if see(end) {
				orgs = appendOrg(orgs, s.orgs.get(end.Data.ID))
			}
		}
		if by := row.Relationships.CreatedBy; by != nil && see(*by) {
			users = appendUser(users, s.users.get(by.Data.ID))
		}
	}
	return append(orgs, users...)
}

func appendOrg(to []any, o *Org) []any {
	if o.NotIncluded {
		return to
	}
	return append(to, resource{typeOrgs, o.ID, orgAttributes{
		PublicID:   o.PublicID,
		Name:       o.Name,
		Sharing:    o.Sharing,
		Disabled:   o.Disabled,
		CreatedAt:  timestamp(o.CreatedAt),
		ModifiedAt: timestampOrNull(o.ModifiedAt),
	}})
}

func appendUser(to []any, u *User) []any {
	if u.NotIncluded {
		return to
	}
	status := "Active"
	if u.Disabled {
		status = "Disabled"
	}
	return append(to, resource{typeUsers, u.ID, userAttributes{
		Name:                u.Name,
		Handle:              u.Handle,
		CreatedAt:           timestamp(u.CreatedAt),
		ModifiedAt:          timestamp(u.ModifiedAt),
		Email:               u.Email,
		Icon:                "https://icons.example.com/" + u.ID,
		Verified:            true,
		ServiceAccount:      u.ServiceAccount,
		Disabled:            u.Disabled,
		AllowedLoginMethods: []string{},
		Status:              status,
	}})
}

func timestampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(timestamp(t))
}
