package datadog

import (
	"testing"
	"time"
)

func TestAShorterWaitDoesNotShortenALongerOne(t *testing.T) {
	g, now := newGate(), time.Now()
	g.close(now, time.Minute)
	g.close(now, time.Second)
	if opens := g.closedUntil(now); !opens.Equal(now.Add(time.Minute)) {
		t.Errorf("it opens after %v", opens.Sub(now))
	}
}
