// Package exit is the circuits that a frozen rollup needs: what an account is worth in a state (spec 08-R33), and that
// the oracle was silent for an underlying that somebody holds (08-R34). They only read: each page is shown by its own
// path to the root, so neither memory nor tables are needed, and keys stay small.
package exit
