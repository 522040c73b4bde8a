package prover

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Event is what happens while a job is proved. Kinds: "loading" before a circuit and its keys are read, "proving"
// before a proof, "proved" with the proof.
type Event struct {
	Kind      string  `json:"event"`
	Index     int     `json:"index"`           // of the statement
	Total     int     `json:"total,omitempty"` // number of statements, if it is known
	Circuit   string  `json:"circuit,omitempty"`
	Proof     *Proof  `json:"proof,omitempty"`
	PeakBytes int64   `json:"peak_bytes"`
	Seconds   float64 `json:"seconds"` // since the job began
}

// Run proves a job's statements, `sideBySide` at once (0 for as many as fit), and gives the proofs in their order. It
// stops at the first error, and after the proofs in progress when the context ends.
func (p *Prover) Run(ctx context.Context, source Source, sideBySide int, tell func(Event)) ([]*Proof, error) {
	r := &run{prover: p, source: source, tell: tell, start: time.Now()}
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	statements := make(chan numbered)
	go func() {
		defer close(statements)
		r.feed(ctx, statements)
	}()
	first, more := <-statements
	if more {
		if sideBySide < 1 {
			r.say(Event{Kind: "loading", Circuit: first.Circuit})
			fits, err := p.SideBySide(first.Circuit)
			if err != nil {
				return nil, err
			}
			sideBySide = fits
		}
		r.workers(ctx, first, statements, sideBySide)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		return nil, ErrStopped
	case cause != nil:
		return nil, cause
	}
	return r.proofs, nil
}

// numbered is a statement and its place in the job.
type numbered struct {
	*Statement
	index int
}

type run struct {
	prover *Prover
	source Source
	tell   func(Event)
	start  time.Time
	stop   context.CancelCauseFunc

	mutex  sync.Mutex
	proofs []*Proof
}

func (r *run) say(e Event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	e.PeakBytes, e.Seconds = PeakBytes(), time.Since(r.start).Seconds()
	if r.tell != nil {
		r.tell(e)
	}
}

// feed makes statements while others are proved, one ahead.
func (r *run) feed(ctx context.Context, into chan<- numbered) {
	for i := 0; ; i++ {
		statement, err := r.next()
		if err != nil {
			r.stop(err)
			return
		}
		if statement == nil {
			return
		}
		select {
		case into <- numbered{statement, i}:
		case <-ctx.Done():
			return
		}
	}
}

// next makes errors of panics: a job must not end the program.
func (r *run) next() (statement *Statement, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("prover: a statement can't be made: %v", caught)
		}
	}()
	return r.source.Next()
}

// workers proves what comes, `count` at once.
func (r *run) workers(ctx context.Context, first numbered, rest <-chan numbered, count int) {
	var group sync.WaitGroup
	free := make(chan struct{}, count)
	for next, more := first, true; more; next, more = <-rest {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-free }()
			r.prove(next)
		})
	}
	group.Wait()
	for range rest { // let the feeder end
	}
}

func (r *run) prove(s numbered) {
	r.say(Event{Kind: "proving", Index: s.index, Total: r.source.Total(), Circuit: s.Circuit})
	proof, err := r.attempt(s)
	if err != nil {
		r.stop(err)
		return
	}
	r.mutex.Lock()
	for len(r.proofs) <= s.index {
		r.proofs = append(r.proofs, nil)
	}
	r.proofs[s.index] = proof
	r.mutex.Unlock()
	r.say(Event{Kind: "proved", Index: s.index, Total: r.source.Total(), Circuit: s.Circuit, Proof: proof})
}

func (r *run) attempt(s numbered) (proof *Proof, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("prover: %s: %v", s.Circuit, caught)
		}
	}()
	return r.prover.Prove(s.Statement)
}
