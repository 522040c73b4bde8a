// Command prover makes keys and proofs: `prover help` lists what it does. It prints one line of JSON a result on
// standard output, and what takes time or goes wrong, a line each, on standard error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/consensys/gnark/logger"

	"miletus/circuits/keys"
	"miletus/circuits/prover"
)

// Exit codes: a job or a file that is of no use, and a line that can't be read as a command.
const (
	exitFailed = 1
	exitUsage  = 2
)

// environment is what commands work with.
type environment struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
	prover   *prover.Prover
	folder   string // of keys
}

// command is one of the program's.
type command struct {
	name, arguments, help string
	run                   func(e *environment, arguments []string) error
}

var commands = []command{
	{"circuits", "", "list the circuits, their constraints and keys", listCircuits},
	{"setup", "CIRCUIT...", "make development keys where there are none", setup},
	{"export", "CIRCUIT", "print the verifying key as L1 takes it", export},
	{"prove", "[-setup] [-side-by-side N] [-memory MIB] JOB", "prove a job (- for standard input) and print a line a proof", prove},
	{"verify", "FILE", "check proofs as `prove` prints them (- for standard input)", verify},
	{"serve", "[-setup] [-side-by-side N] [-memory MIB]", "take jobs as lines of JSON on standard input until it ends", serve},
	{"ceremony", "STEP FOLDER ...", "make keys by many parties: `prover ceremony help`", runCeremony},
}

func main() {
	logger.Disable() // it would write to standard output
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// known gives the circuits of this program; tests have smaller ones.
var known = prover.Known

// errUsage says that a command line is not one.
var errUsage = errors.New("usage")

func run(ctx context.Context, arguments []string, in io.Reader, out, err io.Writer) int {
	folder := os.Getenv("MILETUS_KEYS")
	if folder == "" {
		folder = "build/keys"
	}
	flags := newFlags()
	flags.StringVar(&folder, "keys", folder, "folder of compiled circuits and keys")
	if flags.Parse(arguments) != nil || flags.NArg() == 0 {
		return usage(err)
	}
	if flags.Arg(0) == "help" {
		usage(out)
		return 0
	}
	e := &environment{ctx: ctx, in: in, out: out, err: err, folder: folder}
	e.prover = &prover.Prover{Circuits: known(), Store: &keys.Store{Folder: folder, Say: e.say}}
	for i := range commands {
		if commands[i].name != flags.Arg(0) {
			continue
		}
		failure := commands[i].run(e, flags.Args()[1:])
		switch {
		case failure == nil:
			return 0
		case errors.Is(failure, errUsage):
			fmt.Fprintf(err, "usage: prover [-keys FOLDER] %s %s\n", commands[i].name, commands[i].arguments)
			return exitUsage
		}
		fmt.Fprintln(err, oneLine(failure))
		return exitFailed
	}
	return usage(err)
}

func newFlags() *flag.FlagSet {
	flags := flag.NewFlagSet("prover", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func usage(to io.Writer) int {
	fmt.Fprintln(to, "usage: prover [-keys FOLDER] COMMAND ...; the folder is $MILETUS_KEYS or build/keys")
	for _, c := range commands {
		fmt.Fprintf(to, "  %-12s %s\n", c.name, c.help)
	}
	return exitUsage
}

func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// say tells what takes time.
func (e *environment) say(line string) { fmt.Fprintln(e.err, line) }

// print writes a result.
func (e *environment) print(result any) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "%s\n", raw)
	return err
}

// read gives a file, or standard input for -.
func (e *environment) read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(e.in)
	}
	return os.ReadFile(path)
}
