package datadog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"datadog_org_connections_exporter/internal/boundedfile"
)

// Secret is a key or a token: a fixed value, or the content of a file. Printing it never
// shows its value.
type Secret struct {
	name string // for errors
	path string // empty if the value is fixed

	mu   sync.Mutex
	last secretFunc // returns the last valid value
}

// secretFunc returns a secret. It is a function since package fmt, with the right verb,
// prints every other kind of value, even in unexported fields.
type secretFunc func() string

func newSecretFunc(value string) secretFunc { return func() string { return value } }

// visibleASCII matches Datadog's keys and tokens, and more. Anything else is a mistake in
// a file, and an error of net/http.
var visibleASCII = regexp.MustCompile(`^[\x21-\x7e]+$`)

// NewSecret returns a secret with a fixed value. White space around it is removed.
// Errors begin with name, the source of the value.
func NewSecret(name, value string) (*Secret, error) {
	value, err := trimSecret(value)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return &Secret{name: name, last: newSecretFunc(value)}, nil
}

// maxSecretFile is the most bytes that a file with a secret may have.
const maxSecretFile = 64 << 10

// NewSecretFile returns a secret whose value is the content of a file, or what a pipe
// delivers within 5 s: 64 KiB at most. White space around it is removed. The file is read now and again for every listing, so that a
// rotated key is used without a restart.
func NewSecretFile(name, path string) (*Secret, error) {
	s := &Secret{name: name, path: path}
	value, err := s.readFile()
	if err != nil {
		return nil, err
	}
	s.last = newSecretFunc(value)
	return s, nil
}

// Format implements [fmt.Formatter]. It prints [secret] with every verb.
func (s *Secret) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "[secret]")
}

// load returns the current value. If the file is unusable it returns both the last valid
// value and the error: a broken file must not look like revoked keys.
func (s *Secret) load() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return s.last(), nil
	}
	value, err := s.readFile()
	if err == nil {
		s.last = newSecretFunc(value)
	}
	return s.last(), err
}

func (s *Secret) readFile() (string, error) {
	content, err := boundedfile.Read(s.path, maxSecretFile)
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
	case !visibleASCII.MatchString(value):
		return "", errors.New("contains spaces, line breaks or other characters that no key has; it must contain the key alone")
	}
	return value, nil
}

// Credentials are an API key and an application key of an org, or an access token
// (OAuth, service access token or personal access token).
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

// Validate returns [ErrNoCredentials] if the credentials lack a key, and
// [ErrDoubleCredentials] if they have both a pair of keys and a token. An API key beside
// a token is valid, and not sent.
func (c Credentials) Validate() error {
	switch {
	case c.AccessToken != nil && c.APIKey != nil && c.AppKey != nil:
		return fmt.Errorf("%w: both an access token and a pair of keys", ErrDoubleCredentials)
	case c.AccessToken != nil:
		return nil
	case c.APIKey == nil && c.AppKey == nil:
		return ErrNoCredentials
	case c.APIKey == nil:
		return fmt.Errorf("%w: an application key, but no API key", ErrNoCredentials)
	case c.AppKey == nil:
		return fmt.Errorf("%w: an API key, but no application key", ErrNoCredentials)
	}
	return nil
}

// auth authenticates the requests of one listing, every page alike.
type auth struct {
	header      http.Header
	secrets     *regexp.Regexp // matches every credential in the header
	fingerprint string         // see Listing.Credentials
	fileErr     error          // why the last valid value is used in place of a file's content
}

// load returns the current secrets. It reads files again.
func (c Credentials) load() auth {
	a := auth{header: http.Header{}}
	var secrets []string
	add := func(header, prefix string, s *Secret) {
		value, err := s.load()
		a.header.Set(header, prefix+value)
		secrets = append(secrets, value)
		a.fileErr = errors.Join(a.fileErr, err)
	}
	if c.AccessToken != nil {
		add("Authorization", "Bearer ", c.AccessToken)
	} else {
		add("DD-API-KEY", "", c.APIKey)
		add("DD-APPLICATION-KEY", "", c.AppKey)
	}
	a.fingerprint = fingerprint(secrets[0])
	a.secrets = secretPattern(secrets)
	return a
}

// fingerprint returns half of the SHA-256 of a key, in hex. A key of Datadog's cannot be
// found from it: an API key is 128 random bits, and a token has more. The stand-ins of
// tests can, so that it is not printed. It is the same in every version of the program.
func fingerprint(key string) string {
	sum := sha256.Sum256([]byte("datadog_org_connections_exporter credentials " + key))
	return hex.EncodeToString(sum[:sha256.Size/2])
}

// warnings returns what to log about the secrets.
func (a auth) warnings() []string {
	if a.fileErr == nil {
		return nil
	}
	return []string{fmt.Sprintf("using the last valid key, since the key file is unusable: %v", a.fileErr)}
}

// minKeyLength is the length below which a secret is not a key of Datadog's, which have
// 32 characters and more, but a stand-in of a test or for a proxy, such as "app".
const minKeyLength = 8

// secretPattern returns a pattern that matches each of the secrets, the longest first.
// One that is shorter than minKeyLength matches as a whole word only: redacted inside
// of "application/json", it would show itself.
func secretPattern(secrets []string) *regexp.Regexp {
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	patterns := make([]string, len(secrets))
	for n, secret := range secrets {
		patterns[n] = regexp.QuoteMeta(secret)
		if len(secret) < minKeyLength {
			patterns[n] = wordStart.ReplaceAllString(wordEnd.ReplaceAllString(patterns[n], `$0\b`), `\b$0`)
		}
	}
	return regexp.MustCompile(strings.Join(patterns, "|"))
}

var wordStart, wordEnd = regexp.MustCompile(`^\w`), regexp.MustCompile(`\w$`)

// emailAddress matches what looks like one. Datadog's responses have those of users.
var emailAddress = regexp.MustCompile(`[^\s"'<>(),;:]+@[^\s"'<>(),;:]+`)

// redact replaces credentials and e-mail addresses in a text from a response. The text
// must be complete: of a secret that was cut in half, the first half stays.
func (a auth) redact(text string) string {
	return emailAddress.ReplaceAllString(a.secrets.ReplaceAllString(text, "[secret]"), "[address]")
}
