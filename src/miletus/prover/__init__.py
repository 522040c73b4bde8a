"""Proofs of batches by the prover's program (`circuits/cmd/prover`): its jobs, proofs and keys.

What a batch is and where its data comes from belongs elsewhere: a job here is plain data. The program is a
process of its own and may die of too little memory; this client starts it again.
"""

from miletus.prover.errors import (
    JobRefused,
    KeyDamaged,
    KeyMissing,
    KeyOfAnother,
    KeyProblem,
    ProofStopped,
    ProverDied,
    ProverError,
    ProverFault,
    ProverMissing,
    TooLittleMemory,
)
from miletus.prover.jobs import EdgesJob, ExitJob, Job, OutboxJob, Pages, SegmentJob, SilenceJob
from miletus.prover.program import Prover, Run, find_keys, find_program
from miletus.prover.values import Circuit, Progress, Proof, VerifyingKey

__all__ = [
    "Circuit",
    "EdgesJob",
    "ExitJob",
    "Job",
    "JobRefused",
    "KeyDamaged",
    "KeyMissing",
    "KeyOfAnother",
    "KeyProblem",
    "OutboxJob",
    "Pages",
    "Progress",
    "Proof",
    "ProofStopped",
    "Prover",
    "ProverDied",
    "ProverError",
    "ProverFault",
    "ProverMissing",
    "Run",
    "SegmentJob",
    "SilenceJob",
    "TooLittleMemory",
    "VerifyingKey",
    "find_keys",
    "find_program",
]
