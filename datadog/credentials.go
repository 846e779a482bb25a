package datadog

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
)

// Secret is a key or a token: a fixed value, or what a file holds at the
// moment. It never shows its value, however it is printed.
type Secret struct {
	name string // for errors: what a person would look for
	path string // empty: the value is fixed

	mu   sync.Mutex
	last hidden // the last good value
}

// hidden is a function because package fmt, given the right verb, prints every
// other kind of value that it can reach, unexported fields included.
type hidden func() string

func hide(value string) hidden { return func() string { return value } }

// headerSafe is what Datadog's keys and tokens are made of, and more: visible
// ASCII. Anything else is a mistake in a file, and net/http would refuse it.
var headerSafe = regexp.MustCompile(`^[\x21-\x7e]+$`)

// NewSecret is a secret with a fixed value. White space around it is removed.
// name says where the value came from, for errors.
func NewSecret(name, value string) (*Secret, error) {
	value, err := trimSecret(value)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return &Secret{name: name, last: hide(value)}, nil
}

// NewSecretFile is a secret that a file holds. White space around it, such as
// the newline that editors leave at the end, is removed. The file is read now,
// and again for every listing, so that a rotated key is used without a restart.
func NewSecretFile(name, path string) (*Secret, error) {
	s := &Secret{name: name, path: path}
	value, err := s.readFile()
	if err != nil {
		return nil, err
	}
	s.last = hide(value)
	return s, nil
}

// Format replaces the value in whatever is printed with a verb of package fmt.
func (s *Secret) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "[secret]")
}

// load gives the value as it is now. Where the file has become unusable it gives
// the last good value, with the error: a moment's mistake with a file must not
// look like revoked keys.
func (s *Secret) load() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return s.last(), nil
	}
	value, err := s.readFile()
	if err == nil {
		s.last = hide(value)
	}
	return s.last(), err
}

func (s *Secret) readFile() (string, error) {
	content, err := os.ReadFile(s.path)
	if err != nil {
		return "", fmt.Errorf("read the %s: %w", s.name, err)
	}
	value, err := trimSecret(string(content))
	if err != nil {
		return "", fmt.Errorf("the %s in %s %w", s.name, s.path, err)
	}
	return value, nil
}

func trimSecret(value string) (string, error) {
	value = strings.TrimSpace(strings.TrimPrefix(value, "\ufeff"))
	switch {
	case value == "":
		return "", errors.New("is empty")
	case !headerSafe.MatchString(value):
		return "", errors.New("holds spaces, line breaks or other characters that no key has: it should be the key and nothing else")
	}
	return value, nil
}

// Credentials identify an org to the API: an API key and an application key, or
// an access token alone (OAuth, service access token or personal access token).
// See https://docs.datadoghq.com/api/latest/authentication/.
type Credentials struct {
	APIKey, AppKey *Secret
	AccessToken    *Secret
}

// Errors of [Credentials.Validate].
var (
	ErrNoCredentials     = errors.New("no credentials")
	ErrDoubleCredentials = errors.New("two kinds of credentials")
)

// Validate tells whether the credentials are of one kind, and whole.
func (c Credentials) Validate() error {
	switch {
	case c.AccessToken != nil && c.APIKey != nil && c.AppKey != nil:
		return fmt.Errorf("%w: both an access token and a pair of keys are given; give one of them", ErrDoubleCredentials)
	case c.AccessToken != nil:
		return nil
	case c.APIKey == nil && c.AppKey == nil:
		return ErrNoCredentials
	case c.APIKey == nil:
		return fmt.Errorf("%w: there is an application key but no API key", ErrNoCredentials)
	case c.AppKey == nil:
		return fmt.Errorf("%w: there is an API key but no application key", ErrNoCredentials)
	}
	return nil
}

// login is what one listing authenticates with: the same on every page.
type login struct {
	header  http.Header
	secrets []string
	stale   error // why a file's last good value is used in place of its content
}

// load reads what is in files again.
func (c Credentials) load() login {
	l := login{header: http.Header{}}
	add := func(header, prefix string, s *Secret) {
		value, err := s.load()
		l.header.Set(header, prefix+value)
		l.secrets = append(l.secrets, value)
		l.stale = errors.Join(l.stale, err)
	}
	if c.AccessToken != nil {
		add("Authorization", "Bearer ", c.AccessToken)
		return l
	}
	add("DD-API-KEY", "", c.APIKey)
	add("DD-APPLICATION-KEY", "", c.AppKey)
	return l
}

// emailAddress finds what looks like one. Datadog's answers name users by it.
var emailAddress = regexp.MustCompile(`[^\s"'<>(),;:]+@[^\s"'<>(),;:]+`)

// redact removes from a text that came back from elsewhere what must not be
// shown: the credentials, should somebody echo them, and e-mail addresses.
func (l login) redact(text string) string {
	for _, secret := range l.secrets {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return emailAddress.ReplaceAllString(text, "[address]")
}
