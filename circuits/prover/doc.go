// Package prover makes proofs of jobs: what comes from outside is read and checked here, cut into statements that a
// circuit can prove, proved with the circuit's keys within the memory that there is, and written as L1 takes it. What
// a circuit means is the circuit's business, and how a program talks to its user is circuits/cmd's.
package prover
