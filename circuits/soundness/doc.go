// Package soundness holds no code but tests: for every function of the circuits that asserts something or takes a
// hint, witnesses that only a cheating prover would make, each refused, and each accepted once the constraints that
// it attacks are left out. So a refusal is known to come from where it should.
package soundness
