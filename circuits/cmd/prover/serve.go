package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"

	"miletus/circuits/keys"
	"miletus/circuits/prover"
)

// maxLineBytes is the longest request: the pages of a state are in it.
const maxLineBytes = 2 << 30

// request is a line of what a client asks. Answers and events carry its id.
//
//	{"id": "1", "do": "prove", "job": {...}}       events "queued", "loading", "proving", "proved", then "done"
//	{"id": "2", "do": "prove", "file": "job.json"} the same, the job from a file
//	{"id": "3", "do": "export", "circuit": "edge-small"}  "exported", with the verifying key
//	{"id": "4", "do": "setup", "circuit": "edge-small"}   "ready", with the circuit
//	{"id": "5", "do": "stop", "job_id": "1"}       ends a job after the proofs in progress
//
// Whatever goes wrong is answered by "failed" with an error and its kind, one of: job, missing, damaged, other,
// memory, stopped, fault.
type request struct {
	ID      string          `json:"id"`
	Do      string          `json:"do"`
	Job     json.RawMessage `json:"job,omitempty"`
	File    string          `json:"file,omitempty"`
	Circuit string          `json:"circuit,omitempty"`
	JobID   string          `json:"job_id,omitempty"`
}

// answer is a line of what a client is told.
type answer struct {
	ID        string         `json:"id"`
	Event     string         `json:"event"`
	Happened  *prover.Event  `json:"happened,omitempty"` // of "loading", "proving" and "proved"
	Key       *keys.Exported `json:"key,omitempty"`
	About     *circuitLine   `json:"about,omitempty"`
	Count     int            `json:"count,omitempty"` // of proofs, when all are done
	PeakBytes int64          `json:"peak_bytes,omitempty"`
	Error     string         `json:"error,omitempty"`
	ErrorKind string         `json:"error_kind,omitempty"`
}

// service carries out requests in their order; stopping is done at once.
type service struct {
	*environment
	sideBySide int

	writing sync.Mutex
	mutex   sync.Mutex
	stops   map[string]context.CancelFunc
	stopped map[string]bool // before they began
}

func serve(e *environment, arguments []string) error {
	rest, flags, err := e.parseProving(arguments)
	if err != nil || len(rest) != 0 {
		return errUsage
	}
	s := &service{environment: e, sideBySide: flags.sideBySide, stops: map[string]context.CancelFunc{}, stopped: map[string]bool{}}
	queue := make(chan *request, 1024)
	var group sync.WaitGroup
	group.Go(func() {
		for request := range queue {
			s.carryOut(request)
		}
	})
	err = s.readAll(queue)
	close(queue)
	group.Wait()
	return err
}

// readAll takes requests until the input ends or the program is told to.
func (s *service) readAll(queue chan<- *request) error {
	lines := make(chan []byte)
	failed := make(chan error, 1)
	go func() {
		defer close(lines)
		reader := bufio.NewReaderSize(s.in, 1<<16)
		for {
			line, err := readLine(reader)
			if len(bytes.TrimSpace(line)) > 0 {
				lines <- line
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					failed <- err
				}
				return
			}
		}
	}()
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				select {
				case err := <-failed:
					return err
				default:
					return nil
				}
			}
			s.take(line, queue)
		}
	}
}

// readLine reads a line of at most maxLineBytes.
func readLine(reader *bufio.Reader) (line []byte, err error) {
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLineBytes {
			return nil, errors.New("prover: a request is longer than 2 GiB: give the job by a file")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// take reads a request and queues it.
func (s *service) take(line []byte, queue chan<- *request) {
	r := new(request)
	if err := json.Unmarshal(line, r); err != nil || r.ID == "" {
		s.fail(r.ID, prover.ErrJob, "a request is a JSON object with an id")
		return
	}
	if r.Do == "stop" {
		s.stop(r)
		return
	}
	select {
	case queue <- r:
		s.tell(&answer{ID: r.ID, Event: "queued"})
	default:
		s.fail(r.ID, prover.ErrJob, "the queue is full: wait for earlier jobs")
	}
}

func (s *service) stop(r *request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if stop := s.stops[r.JobID]; stop != nil {
		stop()
	} else {
		s.stopped[r.JobID] = true
	}
	s.tell(&answer{ID: r.ID, Event: "stopping"})
}

// begin gives a job's context, ended already if the job was stopped before.
func (s *service) begin(id string) (context.Context, func()) {
	ctx, stop := context.WithCancel(s.ctx)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.stops[id] = stop
	if s.stopped[id] {
		stop()
	}
	return ctx, func() {
		stop()
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.stops, id)
		delete(s.stopped, id)
	}
}

func (s *service) carryOut(r *request) {
	ctx, end := s.begin(r.ID)
	defer end()
	if err := s.answer(ctx, r); err != nil {
		s.fail(r.ID, err, oneLine(err))
	}
}

func (s *service) answer(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		return prover.ErrStopped
	}
	switch r.Do {
	case "prove":
		return s.prove(ctx, r)
	case "export":
		key, err := s.export(r.Circuit)
		if err != nil {
			return err
		}
		s.tell(&answer{ID: r.ID, Event: "exported", Key: key})
		return nil
	case "setup":
		system, err := s.system(r.Circuit)
		if err != nil {
			return err
		}
		pair, err := s.prover.Store.Setup(system)
		if err != nil {
			return err
		}
		line, err := describe(system, pair)
		if err != nil {
			return err
		}
		s.tell(&answer{ID: r.ID, Event: "ready", About: line})
		return nil
	}
	return errors.Join(prover.ErrJob, errors.New("there is no request "+r.Do))
}

func (s *service) prove(ctx context.Context, r *request) error {
	raw := []byte(r.Job)
	if r.File != "" {
		read, err := os.ReadFile(r.File)
		if err != nil {
			return errors.Join(prover.ErrJob, err)
		}
		raw = read
	}
	source, err := prover.Open(raw)
	if err != nil {
		return err
	}
	proofs, err := s.prover.Run(ctx, source, s.sideBySide, func(event prover.Event) {
		s.tell(&answer{ID: r.ID, Event: event.Kind, Happened: &event})
	})
	if err != nil {
		return err
	}
	s.tell(&answer{ID: r.ID, Event: "done", Count: len(proofs), PeakBytes: prover.PeakBytes()})
	return nil
}

// fail tells what went wrong, and of which kind it is.
func (s *service) fail(id string, kind error, message string) {
	s.tell(&answer{ID: id, Event: "failed", Error: message, ErrorKind: kindOf(kind)})
}

func kindOf(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{prover.ErrJob, "job"}, {keys.ErrMissing, "missing"}, {keys.ErrDamaged, "damaged"}, {keys.ErrOther, "other"},
		{prover.ErrMemory, "memory"}, {prover.ErrStopped, "stopped"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return "fault"
}

// tell writes a line; whoever does not read them any more is not worth an error.
func (s *service) tell(a *answer) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.print(a)
}
