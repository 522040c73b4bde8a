package keys

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Errors that a caller may tell apart; what wraps them names the file and says what to do.
var (
	// ErrMissing says that there is no such file.
	ErrMissing = errors.New("keys: missing")
	// ErrDamaged says that a file is not what was written.
	ErrDamaged = errors.New("keys: damaged")
	// ErrOther says that a file is whole and belongs to something else.
	ErrOther = errors.New("keys: of another circuit")
)

const (
	magic       = "miletus-keys-1"
	headerBytes = 1024
	bufferBytes = 1 << 20
)

// Header says what a file holds. It fills the first 1,024 bytes: the magic, the header as JSON and the checksum of
// that, a line each, then spaces.
type Header struct {
	Kind         string `json:"kind"`         // "system", "proving key", "verifying key", or a step of a ceremony
	Circuit      string `json:"circuit"`      // its name
	CircuitHash  string `json:"circuit_hash"` // of the constraint system; empty in what is made for no circuit
	Source       string `json:"source,omitempty"`
	Origin       string `json:"origin,omitempty"` // "development", or the hash of a ceremony's transcript
	VerifyingKey string `json:"verifying_key,omitempty"`
	PayloadBytes int64  `json:"payload_bytes"`
	PayloadHash  string `json:"payload_sha256"`
}

// encode writes a header in its fixed size.
func (h *Header) encode() ([]byte, error) {
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(line)
	raw := fmt.Appendf(nil, "%s\n%s\n%x\n", magic, line, sum)
	if len(raw) > headerBytes {
		return nil, fmt.Errorf("keys: a header of %d bytes: names must be shorter", len(raw))
	}
	padding := bytes.Repeat([]byte{' '}, headerBytes-len(raw))
	return append(raw, padding...), nil
}

func decodeHeader(raw []byte) (h Header, err error) {
	lines := bytes.SplitN(raw, []byte{'\n'}, 4)
	if len(lines) != 4 || string(lines[0]) != magic {
		return h, errors.New("it is no file of keys")
	}
	sum := sha256.Sum256(lines[1])
	if hex.EncodeToString(sum[:]) != string(lines[2]) {
		return h, errors.New("its header does not match its checksum")
	}
	return h, json.Unmarshal(lines[1], &h)
}

// meter hashes and counts what goes through it.
type meter struct {
	to    io.Writer
	hash  hash.Hash
	bytes int64
}

func (m *meter) Write(raw []byte) (int, error) {
	n, err := m.to.Write(raw)
	m.hash.Write(raw[:n])
	m.bytes += int64(n)
	return n, err
}

// WriteFile writes a payload under a header, whole or not at all. The sizes and hashes of the header are filled in.
func WriteFile(path string, header *Header, payload func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(make([]byte, headerBytes)); err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, bufferBytes)
	through := &meter{to: buffered, hash: sha256.New()}
	if err = payload(through); err != nil {
		return err
	}
	if err = buffered.Flush(); err != nil {
		return err
	}
	header.PayloadBytes, header.PayloadHash = through.bytes, hex.EncodeToString(through.hash.Sum(nil))
	raw, err := header.encode()
	if err != nil {
		return err
	}
	if _, err = file.WriteAt(raw, 0); err != nil {
		return err
	}
	if err = errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// ReadHeader reads what a file says of itself.
func ReadHeader(path string) (Header, error) {
	file, err := os.Open(path)
	if err != nil {
		return Header{}, missing(path, err)
	}
	defer file.Close()
	return readHeader(file)
}

func readHeader(file *os.File) (Header, error) {
	raw := make([]byte, headerBytes)
	if _, err := io.ReadFull(file, raw); err != nil {
		return Header{}, fmt.Errorf("%w: %s is shorter than a header: delete it and make it anew", ErrDamaged, file.Name())
	}
	header, err := decodeHeader(raw)
	if err != nil {
		return header, fmt.Errorf("%w: %s: %w: delete it and make it anew", ErrDamaged, file.Name(), err)
	}
	return header, nil
}

// ReadFile checks a file against its header and, if `accept` does not refuse that, reads the payload. The contents are
// hashed before they are decoded, because decoders of keys trust what they read.
func ReadFile(path string, accept func(*Header) error, payload func(io.Reader) error) (Header, error) {
	file, err := os.Open(path)
	if err != nil {
		return Header{}, missing(path, err)
	}
	defer file.Close()
	header, err := readHeader(file)
	if err != nil {
		return header, err
	}
	if err := accept(&header); err != nil {
		return header, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err != nil {
		return header, err
	}
	if size != header.PayloadBytes || hex.EncodeToString(sum.Sum(nil)) != header.PayloadHash {
		return header, fmt.Errorf("%w: %s: its contents do not match their checksum: delete it and make it anew", ErrDamaged, path)
	}
	if _, err := file.Seek(headerBytes, io.SeekStart); err != nil {
		return header, err
	}
	if err := decodePayload(&fullReader{bufio.NewReaderSize(file, bufferBytes)}, payload); err != nil {
		return header, fmt.Errorf("%w: %s: %w: delete it and make it anew", ErrDamaged, path, err)
	}
	return header, nil
}

// decodePayload makes errors of the panics of a decoder.
func decodePayload(from io.Reader, payload func(io.Reader) error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("can't be read: %v", caught)
		}
	}()
	return payload(from)
}

// fullReader never reads less than was asked while there is more: some decoders take one Read for all.
type fullReader struct{ from io.Reader }

func (f *fullReader) Read(into []byte) (int, error) {
	n, err := io.ReadFull(f.from, into)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

func missing(path string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s", ErrMissing, path)
	}
	return err
}
