// Package circuits is the module of the proofs: a machine's tables and the gadgets they are made of, one package an
// idea. How they fit together is told in docs/concepts/circuit.md; constraint counts are in stats.csv.
package circuits
