package steps

import "miletus/circuits/machine"

// Table is a kind of step: the rows of a circuit that make it are its table. Its name is that of the engine's step
// or transaction.
type Table struct {
	Name  string
	Phase int64
	// Kinds are the operations that a step of phase FETCH is for.
	Kinds  []int64
	Define func(*Step)
}

// Tables lists every kind of step. The machine's phases, and for FETCH the kinds of operations, are all there; each
// state of the machine has exactly one that can follow.
var Tables = []*Table{
	{Name: "skip", Phase: machine.PhaseFetch, Define: defineSkip},
	{Name: "deposit", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindDeposit}, Define: defineDeposit},
	{Name: "tick", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindTick}, Define: defineTick},
	{Name: "place_order", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindPlaceOrder}, Define: definePlaceOrder},
	{Name: "amend", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindAmend}, Define: defineAmend},
	{Name: "cancel", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindCancel}, Define: defineCancel},
	{Name: "set_key", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindSetKey}, Define: defineSetKey(machine.KindSetKey)},
	{Name: "set_key_inbox", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindSetKeyInbox}, Define: defineSetKey(machine.KindSetKeyInbox)},
	{Name: "quote_sheet", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindQuoteSheet}, Define: defineQuoteSheet},
	{Name: "propose_index_tick", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindIndexTick}, Define: defineProposal(machine.KindIndexTick)},
	{Name: "propose_flip", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindFlip}, Define: defineProposal(machine.KindFlip)},
	{Name: "propose_list", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindList}, Define: defineProposal(machine.KindList)},
	{Name: "sheet_entry", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindSheetEntry}, Define: defineSheetEntry},
	{Name: "approve", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindApprove}, Define: defineApprove},
	{Name: "index_tick", Phase: machine.PhaseIndexTick, Define: defineIndexTick},
	{Name: "flip", Phase: machine.PhaseFlip, Define: defineFlip},
	{Name: "list_instrument", Phase: machine.PhaseList, Define: defineList},
	{Name: "enter", Phase: machine.PhaseEnter, Define: defineEnter},
	{Name: "reenter", Phase: machine.PhaseReenter, Define: defineReenter},
	{Name: "ready", Phase: machine.PhaseReady, Define: defineReady},
	{Name: "rest", Phase: machine.PhaseRest, Define: defineRest},
	{Name: "link", Phase: machine.PhaseLink, Define: defineLink},
	{Name: "unlink", Phase: machine.PhaseUnlink, Define: defineUnlink},
	{Name: "scan", Phase: machine.PhaseScan, Define: defineScan},
	{Name: "clear", Phase: machine.PhaseClear, Define: defineClear},
	{Name: "match", Phase: machine.PhaseMatch, Define: defineMatch},
	{Name: "fill", Phase: machine.PhaseFill, Define: defineFill},
	{Name: "undo", Phase: machine.PhaseUndo, Define: defineUndo},
	{Name: "publish", Phase: machine.PhasePublish, Define: definePublish},
	{Name: "refresh", Phase: machine.PhaseRefresh, Define: defineRefresh},
	{Name: "take", Phase: machine.PhaseTake, Define: defineTake},
	{Name: "sweep", Phase: machine.PhaseSweep, Define: defineSweep},
	{Name: "finish", Phase: machine.PhaseFinish, Define: defineFinish},
	{Name: "withdraw", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindWithdraw}, Define: defineWithdraw},
	{Name: "transfer", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindTransfer}, Define: defineTransfer},
	{Name: "pay", Phase: machine.PhasePay, Define: definePay},
	{Name: "settle", Phase: machine.PhaseFetch, Kinds: []int64{machine.KindSettle}, Define: defineSettle},
	{Name: "done", Phase: machine.PhaseDone, Define: defineDone},
}

// FindTable gives the table of a name, nil if there is none.
func FindTable(name string) *Table {
	for _, t := range Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Choose gives the table whose step comes next: by phase, and for FETCH by the operation's kind, which is negative
// where the operation is to be skipped.
func Choose(phase, kind int64) *Table {
	for _, t := range Tables {
		if t.Phase != phase {
			continue
		}
		if phase != machine.PhaseFetch || (kind < 0 && t.Name == "skip") {
			return t
		}
		for _, k := range t.Kinds {
			if k == kind {
				return t
			}
		}
	}
	return nil
}
