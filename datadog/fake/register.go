package fake

import (
	"fmt"
	"slices"
)

// register keeps things by id and in the order in which they were added.
type register[T any] struct {
	kind  string // for panics
	byID  map[string]*T
	order []*T
}

func newRegister[T any](kind string) register[T] {
	return register[T]{kind: kind, byID: map[string]*T{}}
}

func (r *register[T]) has(id string) bool {
	return r.byID[id] != nil
}

func (r *register[T]) add(id string, thing T) {
	if r.has(id) {
		panic(fmt.Sprintf("fake: %s %q is there already", r.kind, id))
	}
	r.byID[id] = &thing
	r.order = append(r.order, &thing)
}

func (r *register[T]) get(id string) *T {
	if !r.has(id) {
		panic(fmt.Sprintf("fake: no %s %q", r.kind, id))
	}
	return r.byID[id]
}

func (r *register[T]) remove(id string) {
	i := slices.Index(r.order, r.get(id))
	r.order = slices.Delete(r.order, i, i+1)
	delete(r.byID, id)
}

func (r *register[T]) move(id string, position int) {
	thing := r.get(id)
	i := slices.Index(r.order, thing)
	r.order = slices.Insert(slices.Delete(r.order, i, i+1), position, thing)
}
