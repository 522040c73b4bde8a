package machine

// Phases that only the circuit has: parts of a step of the engine. No segment ends in one.
const (
	// PhaseIndexTick, PhaseFlip and PhaseList carry out what was approved.
	PhaseIndexTick = 16
	PhaseFlip      = 17
	PhaseList      = 18
	// PhaseFill judges and carries out a fill against the head that MATCH found.
	PhaseFill = 25
	// PhaseTake, PhaseSweep and PhaseFinish are a refresh once its underlying is begun.
	PhaseTake   = 26
	PhaseSweep  = 27
	PhaseFinish = 28

	// PhaseLink puts an order that may rest into its book.
	PhaseLink = 24
)
