package report

import (
	"fmt"
	"time"
)

const (
	day   = 24 * time.Hour
	year  = 365 * day
	month = year / 12
)

// age tells how long ago a time is in one unit that there are two of at least: 3d,
// 5mo, 2y. What lies ahead, as clocks differ, is 0m.
func age(then, now time.Time) string {
	passed := max(0, now.Sub(then))
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"y", year}, {"mo", month}, {"d", day}, {"h", time.Hour}} {
		if passed >= 2*unit.size {
			return fmt.Sprintf("%d%s", passed/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%dm", passed/time.Minute)
}
