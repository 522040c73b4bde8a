// Command costs tells what operations and edges use of a circuit's tables, for benchmarks: it reads a job of the
// prover on standard input, and prints a list of what each operation uses, or with the name of a size what each edge
// uses.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"miletus/circuits/prover"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	job := new(prover.EdgesJob)
	if err := json.NewDecoder(os.Stdin).Decode(job); err != nil {
		return fmt.Errorf("costs: standard input is no job of edges: %w", err)
	}
	var list []*prover.Measured
	var err error
	if len(arguments) == 0 {
		list, err = prover.MeasureOperations(job)
	} else {
		list, err = prover.MeasureEdges(job, arguments[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(list)
}
