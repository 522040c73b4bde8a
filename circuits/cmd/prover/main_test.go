package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"miletus/circuits/internal/tiny"
	"miletus/circuits/prover"
)

const beacon = "0x00112233445566778899aabbccddeeff"

// withTiny gives the program the tiny circuit under the outbox's name and its own.
func withTiny(t *testing.T) {
	t.Helper()
	before := known
	known = func() prover.Circuits {
		return prover.Circuits{"tiny": {Name: "tiny", New: tiny.New(8)}, "outbox": {Name: "outbox", New: tiny.New(8)}}
	}
	t.Cleanup(func() { known = before })
}

// call runs the program and gives its exit code and what it wrote.
func call(folder, in string, arguments ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append([]string{"-keys", folder}, arguments...), strings.NewReader(in), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestKeysByTheProgram(t *testing.T) {
	withTiny(t)
	folder := t.TempDir()
	if code, out, _ := call(folder, "", "circuits"); code != 0 || !strings.Contains(out, "run `prover setup tiny`") {
		t.Fatalf("%d %s", code, out)
	}
	if code, _, errs := call(folder, "", "export", "tiny"); code != exitFailed || strings.Count(errs, "\n") != 1 {
		t.Fatalf("%d %q", code, errs)
	}
	code, out, errs := call(folder, "", "setup", "tiny")
	var line circuitLine
	if code != 0 || json.Unmarshal([]byte(out), &line) != nil || line.Origin != "development" || line.KeyHash == "" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	code, out, _ = call(folder, "", "export", "tiny")
	var key struct {
		KeyHash string     `json:"key_hash"`
		K       [][]string `json:"k"`
	}
	if code != 0 || json.Unmarshal([]byte(out), &key) != nil || key.KeyHash != line.KeyHash || len(key.K) != 3 {
		t.Fatalf("%d %s", code, out)
	}
}

func TestACeremonyByTheProgram(t *testing.T) {
	withTiny(t)
	folder, parts := t.TempDir(), filepath.Join(t.TempDir(), "ceremony")
	for _, step := range [][]string{
		{"begin", parts, "9"}, {"powers", parts, "Thales"}, {"powers", parts, "Bias"}, {"finish-powers", parts, beacon},
		{"begin-circuit", parts, "tiny"}, {"circuit", parts, "tiny", "Thales"}, {"circuit", parts, "tiny", "Bias"},
		{"finish-circuit", parts, "tiny", beacon}, {"verify", parts, "tiny"},
	} {
		if code, out, errs := call(folder, "", append([]string{"ceremony"}, step...)...); code != 0 {
			t.Fatalf("%v: %d %s %s", step, code, out, errs)
		}
	}
	if code, out, _ := call(folder, "", "circuits"); code != 0 || !strings.Contains(out, `"origin":"ceremony `) {
		t.Fatalf("%d %s", code, out)
	}
	// development keys in the place of the ceremony's
	other := t.TempDir()
	if code, _, errs := call(other, "", "setup", "tiny"); code != 0 {
		t.Fatal(errs)
	}
	if code, _, errs := call(other, "", "ceremony", "verify", parts, "tiny"); code != exitFailed || !strings.Contains(errs, "the one here is") {
		t.Fatalf("%d %s", code, errs)
	}
}

func TestCommandLinesThatAreNone(t *testing.T) {
	withTiny(t)
	folder := t.TempDir()
	for _, arguments := range [][]string{
		{}, {"fly"}, {"setup"}, {"export"}, {"export", "a", "b"}, {"prove"}, {"prove", "-x", "job"}, {"verify"}, {"serve", "now"},
		{"circuits", "all"}, {"prove", "-side-by-side", "-1", "job"}, {"ceremony"}, {"ceremony", "dance"},
	} {
		if code, out, errs := call(folder, "", arguments...); code != exitUsage || out != "" || !strings.Contains(errs, "usage") {
			t.Errorf("%v: %d %q %q", arguments, code, out, errs)
		}
	}
}

func TestWhatIsWrongIsToldInOneLine(t *testing.T) {
	withTiny(t)
	folder := t.TempDir()
	for want, arguments := range map[string][]string{
		"no such file":                {"prove", filepath.Join(folder, "none")},
		"no JSON object":              {"prove", "-"},
		"no circuit":                  {"setup", "castle"},
		"0 of 0":                      {"verify", "-"},
		"holds no ceremony":           {"ceremony", "powers", folder, "Thales"},
		"usage: prover ceremony":      {"ceremony", "begin", folder},
		`the power "ten" is no`:       {"ceremony", "begin", folder, "ten"},
		"there is no circuit \"new\"": {"export", "new"},
	} {
		code, out, errs := call(folder, "", arguments...)
		if code != exitFailed || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: %d %q %q", arguments, code, out, errs)
		}
	}
	if code, out, errs := call(folder, `{"circuit": "tiny", "public_inputs": [], "proof": "0x"}`+"\n", "verify", "-"); code != exitFailed ||
		!strings.Contains(out, `"holds":false`) || !strings.Contains(errs, "1 of 1") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if err := os.WriteFile(filepath.Join(folder, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := call(filepath.Join(folder, "file"), "", "setup", "tiny"); code != exitFailed || !strings.Contains(errs, "not a directory") {
		t.Errorf("%d %q", code, errs)
	}
}

// answers gives what the service says to some lines, by id and then event.
func answers(t *testing.T, folder string, lines ...string) map[string]map[string]answer {
	t.Helper()
	code, out, errs := call(folder, strings.Join(lines, "\n"), "serve", "-setup")
	if code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	told := map[string]map[string]answer{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if told[a.ID] == nil {
			told[a.ID] = map[string]answer{}
		}
		told[a.ID][a.Event] = a
	}
	return told
}

func TestTheServiceAnswersEveryLine(t *testing.T) {
	withTiny(t)
	told := answers(t, t.TempDir(),
		`garbage`, `[]`, `{"do": "prove"}`, ``, `{"id": "1", "do": "setup", "circuit": "tiny"}`,
		`{"id": "2", "do": "export", "circuit": "tiny"}`, `{"id": "3", "do": "export", "circuit": "castle"}`,
		`{"id": "4", "do": "prove"}`, `{"id": "5", "do": "prove", "file": "/nowhere/at/all"}`, `{"id": "6", "do": "sing"}`,
		`{"id": "7", "do": "stop", "job_id": "8"}`, `{"id": "8", "do": "export", "circuit": "tiny"}`,
		// the outbox's circuit is another one here: a fault of the program is told, too
		`{"id": "9", "do": "prove", "job": {"kind": "outbox", "payee": "0x1212121212121212121212121212121212121212", "withdrawals": []}}`,
		`{"id": "10", "do": "export", "circuit": "tiny"}`)
	for id, want := range map[string]string{"1": "ready", "2": "exported", "7": "stopping", "10": "exported"} {
		if _, ok := told[id][want]; !ok {
			t.Errorf("%s: %v, not %s", id, told[id], want)
		}
	}
	for id, kind := range map[string]string{"": "job", "3": "job", "4": "job", "5": "job", "6": "job", "8": "stopped", "9": "fault"} {
		failed := told[id]["failed"]
		if failed.ErrorKind != kind || failed.Error == "" || strings.Contains(failed.Error, "\n") {
			t.Errorf("%q: %+v, not of kind %s", id, failed, kind)
		}
	}
	if told["1"]["ready"].About.KeyHash != told["10"]["exported"].Key.KeyHash {
		t.Error("two keys of one circuit")
	}
}

func TestTheServiceEndsWhenItIsTold(t *testing.T) {
	withTiny(t)
	ctx, stop := context.WithCancel(context.Background())
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	defer reader.Close()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"-keys", t.TempDir(), "serve"}, reader, &bytes.Buffer{}, &bytes.Buffer{})
	}()
	stop()
	select {
	case code := <-ended:
		if code != 0 {
			t.Fatal(code)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
}
