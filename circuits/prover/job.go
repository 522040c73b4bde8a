package prover

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
)

// Open reads a job: a JSON object whose "kind" is "edges", "outbox", "exit" or "silence". What else it has is told by
// the type of that kind: EdgesJob, OutboxJob, ExitJob, SilenceJob.
func Open(raw []byte) (Source, error) {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, refuse("it is no JSON object: %v", err)
	}
	var job interface{ open() (Source, error) }
	switch kind.Kind {
	case "edges":
		job = new(EdgesJob)
	case "outbox":
		job = new(OutboxJob)
	case "exit":
		job = new(ExitJob)
	case "silence":
		job = new(SilenceJob)
	default:
		return nil, refuse("there is no kind of job %q", kind.Kind)
	}
	if err := decode(raw, job); err != nil {
		return nil, err
	}
	return job.open()
}

// decode reads a job strictly: a name that is misspelt must not be taken for one that was left out.
func decode(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return refuse("%v", err)
	}
	return nil
}

// parseElement reads a field element: 0x and up to 64 digits.
func parseElement(what, text string) (element fr.Element, err error) {
	number, ok := new(big.Int).SetString(text, 0)
	if !ok || !strings.HasPrefix(text, "0x") || number.Cmp(fr.Modulus()) >= 0 {
		return element, refuse("%s, %q, is no field element in hexadecimal", what, text)
	}
	return *element.SetBigInt(number), nil
}

// parseAddress reads an L1 address: 0x and 40 digits.
func parseAddress(what, text string) (address [20]byte, err error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || len(raw) != len(address) || !strings.HasPrefix(text, "0x") {
		return address, refuse("%s, %q, is no L1 address", what, text)
	}
	return [20]byte(raw), nil
}

func parseBytes(what, text string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, refuse("%s is not base64: %v", what, err)
	}
	return raw, nil
}

func hexElement(element *fr.Element) string {
	raw := element.Bytes()
	return "0x" + hex.EncodeToString(raw[:])
}
