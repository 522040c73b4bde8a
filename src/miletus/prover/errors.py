"""What can go wrong with a proof; every message is one line that says what to do.

ProverError
├── ProverMissing         the program is not built
├── ProverDied            the program ended in the middle: killed, or out of memory
├── JobRefused            the job contradicts itself or what it is said to be about
├── KeyProblem            a circuit's key
│   ├── KeyMissing        there is none
│   ├── KeyDamaged        it is not what was written
│   └── KeyOfAnother      it is of another circuit, or of another set-up
├── TooLittleMemory       the circuit does not fit
├── ProofStopped          stopped by whoever started it
└── ProverFault           the program's own fault
"""


class ProverError(Exception):
    """Base of this package's errors."""


class ProverMissing(ProverError):
    """The prover's program is not there, or is none."""


class ProverDied(ProverError):
    """The prover's program ended before it had answered."""


class JobRefused(ProverError):
    """A job that can't be proved as it is."""


class KeyProblem(ProverError):
    """Something about a circuit's key."""


class KeyMissing(KeyProblem):
    """There is no key."""


class KeyDamaged(KeyProblem):
    """A file of keys does not match its checksum."""


class KeyOfAnother(KeyProblem):
    """A key that belongs to another circuit."""


class TooLittleMemory(ProverError):
    """A circuit needs more memory than there is."""


class ProofStopped(ProverError):
    """The job was stopped."""


class ProverFault(ProverError):
    """A fault of the prover's program."""


KINDS: dict[str, type[ProverError]] = {
    "job": JobRefused,
    "missing": KeyMissing,
    "damaged": KeyDamaged,
    "other": KeyOfAnother,
    "memory": TooLittleMemory,
    "stopped": ProofStopped,
    "died": ProverDied,
    "fault": ProverFault,
}
"""The program's kinds of errors (`circuits/cmd/prover/serve.go`)."""
