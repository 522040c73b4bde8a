package machine

// Phases that only the circuit has: parts of a step of the engine. They never stand at the end of a segment.
const ()
