package steps

import (
	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
)

// defineProposal gives FETCH of an IndexTick, Flip or List: it goes on the stage, in the place of whatever is there
// (06-R01).
func defineProposal(kind int64) func(*Step) {
	return func(s *Step) {
		o := s.Fetch(kind)
		zero := integers.Constant(0)
		stage := s.OpenStage()
		stage.Set(layout.StagedKind, integers.Constant(kind))
		stage.Set(layout.Approvals, zero)
		stage.Set(layout.ApprovalCount, zero)
		stage.SetElement(layout.StagedPayload, o.Payload().Value)
		stage.SetElement(layout.StagedHash, s.fillingHash(o, kind))
		stage.Close()
		record := s.OpenStagedFields()
		for i := range layout.StagedCount {
			value := zero
			if i < len(o.table.Fields) {
				value = o.Field(o.table.Fields[i].Name)
			}
			record.Set(layout.StagedFields+i, value)
		}
		record.Close()
		s.Phase = integers.Constant(machine.PhaseDone)
	}
}

// fillingHash is what a Flip is approved with: the running hash of the sheet being filled. Others have none.
func (s *Step) fillingHash(o *Operation, kind int64) frontend.Variable {
	if kind != machine.KindFlip {
		return 0
	}
	underlying, known := s.KnownUnderlying(o.Field("underlying"))
	filling := s.OpenFilling(known, underlying)
	hash := filling.Element(layout.FillingHash)
	filling.Close()
	return hash
}
