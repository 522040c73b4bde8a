package machine

// Phases that only the circuit has: parts of a step of the engine. No segment ends in one.
const (
	// PhaseIndexTick, PhaseFlip and PhaseList carry out what was approved.
	PhaseIndexTick = 16
	PhaseFlip      = 17
	PhaseList      = 18
)
