package prover

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"miletus/circuits/keys"
)

// ErrMemory says that a proof would need more memory than there is.
var ErrMemory = errors.New("prover: too little memory")

// PeakBytes is the most memory that this process ever had (VmHWM), 0 if the system does not tell.
func PeakBytes() int64 { return readField("/proc/self/status", "VmHWM:") * 1024 }

// AvailableBytes is the memory that this process may still take: what the machine has left, or its control group.
func AvailableBytes() int64 {
	available := readField("/proc/meminfo", "MemAvailable:") * 1024
	for _, group := range []struct{ limit, usage string }{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		limit, usage := readNumber(group.limit), readNumber(group.usage)
		if limit > 0 && usage > 0 && (available == 0 || limit-usage < available) {
			available = limit - usage
		}
	}
	return available
}

// readField reads a number after a label at the beginning of a line.
func readField(path, label string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), label); found {
			number, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return number
		}
	}
	return 0
}

func readNumber(path string) int64 {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	number, _ := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	return number
}

// Memory that a circuit takes, in bytes a constraint: what stays while the prover has it (system and key), and what a
// proof takes besides. They are upper bounds of what was measured; docs/guides/prove.md has the figures.
const (
	loadedBytes  = 1000
	provingBytes = 1300
	spareBytes   = 32 << 20
)

// fileBytes is what a kept system's file has a constraint at most; 118 were measured.
const fileBytes = 130

// NeededBytes is how much a circuit takes to be kept and for `proofs` proofs at once.
func NeededBytes(system *keys.System, proofs int) int64 {
	return neededBytes(int64(system.Constraints.GetNbConstraints()), proofs)
}

func neededBytes(constraints int64, proofs int) int64 {
	return constraints*(loadedBytes+int64(proofs)*provingBytes) + spareBytes
}

// checkMemory refuses a circuit of so many constraints that would not fit into what is left.
func checkMemory(name string, constraints, available int64) error {
	if needed := neededBytes(constraints, 1); available > 0 && needed > available {
		return fmt.Errorf("%w: circuit %s needs about %d MiB and %d MiB are left: end other programs, or take a smaller size",
			ErrMemory, name, needed>>20, available>>20)
	}
	return nil
}
