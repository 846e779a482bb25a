package fake

import (
	"fmt"
	"math/rand/v2"
)

// RepeatPage answers every offset with the first page.
func RepeatPage() Fault {
	return Fault{name: "RepeatPage", bend: func(l *listing) { l.offset = 0 }}
}

// ShortPages gives no more than limit rows a page, whatever was asked for.
func ShortPages(limit int) Fault {
	return Fault{name: fmt.Sprintf("ShortPages(%d)", limit), bend: func(l *listing) { l.limit = min(l.limit, limit) }}
}

// ShuffledOrder lists the rows in another order for each request.
func ShuffledOrder() Fault {
	random := rand.New(rand.NewPCG(1, 0))
	return Fault{name: "ShuffledOrder", bend: func(l *listing) {
		random.Shuffle(len(l.rows), func(i, j int) { l.rows[i], l.rows[j] = l.rows[j], l.rows[i] })
	}}
}

// EmptyPage answers without rows, and with the true totals.
func EmptyPage() Fault {
	return Fault{name: "EmptyPage", redraw: func(d *document) {
		d.Data = []row{}
		d.Included = nil
	}}
}

// Total makes both totals say what says makes of the true ones; nil is sent as null.
func Total(says func(truth int) any) Fault {
	return Fault{name: "Total", redraw: func(d *document) {
		d.Meta = &meta{totals{TotalCount: says(d.total), TotalFilteredCount: says(d.filtered)}}
	}}
}

// NoMeta leaves out "meta", and the totals with it.
func NoMeta() Fault {
	return Fault{name: "NoMeta", redraw: func(d *document) { d.Meta = nil }}
}

// AfterPage calls then whenever a page is drawn and before the client can ask for the next, so that connections come,
// go and move between pages.
func AfterPage(then func(page Request)) Fault {
	return Fault{name: "AfterPage", answered: then}
}
