package main

import (
	"compress/gzip"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// journal makes turns that write down what they do.
type journal struct{ entries []string }

func (j *journal) turn(name string) turn {
	return turn{
		name:    name,
		prepare: func(context.Context) error { j.entries = append(j.entries, "prepare "+name); return nil },
		act:     func(context.Context) error { j.entries = append(j.entries, name); return nil },
		check:   func() error { j.entries = append(j.entries, "check "+name); return nil },
	}
}

func TestTurnsAreTakenRoundByRound(t *testing.T) {
	var j journal
	measured, err := inTurn(t.Context(), 4, time.Hour, j.turn("a"), j.turn("b"))
	if err != nil {
		t.Fatal(err)
	}
	round := []string{"prepare a", "a", "check a", "prepare b", "b", "check b"}
	if want := slices.Repeat(round, 5); !slices.Equal(j.entries, want) {
		t.Errorf("got %q, want one round that does not count and four that do", j.entries)
	}
	for _, f := range measured {
		if len(f.times) != 4 || !slices.IsSorted(f.times) {
			t.Errorf("times %v, want four, sorted", f.times)
		}
	}
}

func TestTurnsEndWhenTimeIsUp(t *testing.T) {
	var j journal
	measured, err := inTurn(t.Context(), 100, 0, j.turn("a"))
	if err != nil || len(measured[0].times) != leastRounds {
		t.Errorf("%d rounds, error %v; want %d rounds", len(measured[0].times), err, leastRounds)
	}
}

func TestWhatIsNotRightIsNotMeasured(t *testing.T) {
	var j journal
	bad := j.turn("bad")
	wrong := errors.New("not what it should show")
	bad.check = func() error { return wrong }
	if _, err := inTurn(t.Context(), 1, time.Hour, j.turn("good"), bad); !errors.Is(err, wrong) || !strings.Contains(err.Error(), "bad: ") {
		t.Errorf("error %v", err)
	}
}

func TestInventoryIsTheSameInEveryFormat(t *testing.T) {
	plain := zipped(t, "text/plain; version=0.0.4", `
# TYPE datadog_org_connection_info gauge
datadog_org_connection_info{connection_id="1",creator_kind="user"} 1
datadog_org_connection_info{connection_id="2",creator_kind="user"} 1
# TYPE datadog_org_info gauge
datadog_org_info{org_id="a",org_name="A \"B\" 東京"} 1
# TYPE datadog_org_connection_created_timestamp_seconds gauge
datadog_org_connection_created_timestamp_seconds{connection_id="1"} 1.7e+09
# TYPE datadog_org_observed gauge
datadog_org_observed{org_id="a"} 1
# TYPE datadog_org_connections_unexpected gauge
datadog_org_connections_unexpected{connection_type="logs"} 1
`)
	open := zipped(t, "application/openmetrics-text; version=1.0.0", `# TYPE datadog_org_info gauge
datadog_org_info{org_name="A \"B\" 東京",org_id="a"} 1.0
# TYPE datadog_org_connection_info gauge
datadog_org_connection_info{connection_id="2",creator_kind="user"} 1.0
datadog_org_connection_info{connection_id="1",creator_kind="user"} 1.0
# TYPE datadog_org_connection_created_timestamp_seconds gauge
datadog_org_connection_created_timestamp_seconds{connection_id="1"} 1700000000
# EOF
`)
	if len(plain) != 4 || plain.connections() != 2 {
		t.Errorf("%d series of %d connections: %v", len(plain), plain.connections(), plain)
	}
	if err := plain.same(open); err != nil {
		t.Error(err)
	}
}

func TestInventoriesThatDiffer(t *testing.T) {
	of := func(series string) inventory { return zipped(t, "text/plain; version=0.0.4", series) }
	whole := of("datadog_org_info{org_id=\"a\"} 1\ndatadog_org_info{org_id=\"b\"} 1\n")
	for name, other := range map[string]inventory{
		"value":   of("datadog_org_info{org_id=\"a\"} 1\ndatadog_org_info{org_id=\"b\"} 2\n"),
		"label":   of("datadog_org_info{org_id=\"a\"} 1\ndatadog_org_info{org_id=\"c\"} 1\n"),
		"missing": of("datadog_org_info{org_id=\"a\"} 1\n"),
	} {
		if whole.same(other) == nil || other.same(whole) == nil {
			t.Errorf("%s: no difference is told", name)
		}
	}
}

func zipped(t *testing.T, contentType, text string) inventory {
	t.Helper()
	a := &answer{contentType: contentType}
	zip := gzip.NewWriter(&a.body)
	_, err := zip.Write([]byte(text))
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	shown, err := a.inventory()
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestAddressIsFoundWhereverWritesEnd(t *testing.T) {
	o := &output{listens: make(chan string, 1)}
	for _, part := range []string{`level=info msg="Listening on" addr`, "ess=127.0.0.1:123", "45\n", "more\n"} {
		if _, err := o.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case address := <-o.listens:
		if address != "127.0.0.1:12345" {
			t.Errorf("got %q", address)
		}
	default:
		t.Error("no address")
	}
}

func TestTypicalCrowdHasTheFailuresOfAll(t *testing.T) {
	got := typical([]crowd{{scrapes: 20, failed: 3, peak: 9}, {scrapes: 20, peak: 1}, {scrapes: 20, failed: 1, peak: 5}})
	if want := (crowd{scrapes: 60, failed: 4, peak: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestGoals(t *testing.T) {
	one, two := quantity{1, duration}, quantity{2, duration}
	for name, test := range map[string]struct {
		goal goal
		met  bool
	}{
		"at the limit":        {atMost("", two, one, 2), true},
		"above it":            {atMost("", two, one, 1.9), false},
		"fast enough":         {faster("", one, two, 2), true},
		"not so":              {faster("", one, two, 2.1), false},
		"below, with failure": {atMost("", one, two, 1).withoutFailures(crowd{scrapes: 2, failed: 1}), false},
		"nobody is there":     {atMost("", memory(0), memory(0), 1), false},
	} {
		if test.goal.met != test.met {
			t.Errorf("%s: %+v", name, test.goal)
		}
	}
}

func TestNumbersAreReadByPeople(t *testing.T) {
	for n, want := range map[float64]string{0.01234: "0.0123", 2: "2", 15.26: "15.3", 99.96: "100", 494.4: "494", 1050: "1,050", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("%v is %s, want %s", n, got, want)
		}
	}
}
