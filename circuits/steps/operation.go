package steps

import (
	"fmt"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/integers"
	"miletus/circuits/layout"
	"miletus/circuits/machine"
	"miletus/circuits/signatures"
	"miletus/circuits/words"
	"miletus/native/poseidon"
	table "miletus/native/words"
)

// signatureWords is the number of words of a signature.
const signatureWords = 2

// Operation is the operation that a step of phase FETCH takes: its words without the signature's, taken apart.
type Operation struct {
	step    *Step
	table   *table.Operation
	words   []words.Bytes
	raw     []frontend.Variable
	signed  Integer // 1 if it has a signature, on the chain or off it
	carried Integer // 1 if the segment has the signature's words
	first   Integer // place of its first word
}

// Fetch takes the next operation, which has to be of this kind, of a source that may bring it, and complete
// (03-R01 to 03-R03). It clears the registers; what the operation has not is 0.
func (s *Step) Fetch(kind int64) *Operation {
	o := &Operation{step: s, table: findOperation(kind), first: s.Cursor}
	inbox := isInboxKind(kind)
	switch {
	case kind < machine.KindPlaceOrder && kind != machine.KindPadding:
		s.Require(s.Inbox)
	case !inbox:
		s.Require(s.Not(s.Inbox))
	}
	own := o.table.Words
	o.signed, o.carried = integers.Constant(0), integers.Constant(0)
	if o.table.Signature {
		own -= signatureWords
		o.signed = integers.Constant(1)
		if inbox && kind != machine.KindApprove {
			o.signed = s.Not(s.Inbox)
		}
		o.carried = s.And(o.signed, s.Not(s.OffChain))
	}
	count := s.Add(integers.Constant(int64(own)), s.Mul(o.carried, integers.Constant(signatureWords)))
	s.Require(s.IsAtMost(s.Add(s.Cursor, count), s.Words))
	for i := range own {
		word := s.word(integers.Constant(1), s.Add(s.Cursor, integers.Constant(int64(i))))
		o.raw = append(o.raw, word)
		o.words = append(o.words, words.Cut(s.Shared.Bus, word))
	}
	s.Require(s.Is(o.words[0][0], kind))
	entry := s.Inbox
	if kind == machine.KindApprove {
		entry = integers.Constant(0) // it belongs to the entry of the tick before it
	}
	s.take(count, entry)
	s.Kind = integers.Constant(kind)
	return o
}

// take begins an operation of so many words; `entry` is 1 if it is the next entry of the inbox.
func (s *Step) take(count, entry Integer) {
	s.ClearOperation()
	s.InboxCursor = s.narrow(s.Add(s.InboxCursor, entry), headerBits(layout.InboxCursor))
	s.Cursor = s.narrow(s.Add(s.Cursor, count), cursorBits)
}

// narrow holds a sum, whose bounds are wider than it ever is, in its width.
func (s *Step) narrow(x Integer, bits int) Integer { return s.Unsigned(x.Value, bits) }

// isInboxKind tells if an inbox segment may bring the kind (03-R03).
func isInboxKind(kind int64) bool {
	return kind <= machine.KindSetKeyInbox || (kind >= machine.KindPlaceOrder && kind <= machine.KindTransfer) ||
		kind == machine.KindIndexTick || kind == machine.KindApprove
}

// findOperation gives the words and fields of a kind.
func findOperation(kind int64) *table.Operation {
	for i := range table.Table {
		if int64(table.Table[i].Kind) == kind {
			return &table.Table[i]
		}
	}
	panic(fmt.Sprintf("steps: there is no operation of kind %d", kind))
}

// Field decodes a field of at most 31 bytes.
func (o *Operation) Field(name string) Integer {
	return words.Decode(o.step.Arithmetic, o.find(name), o.words)
}

// ElementOf decodes a field of 32 bytes, taken modulo r.
func (o *Operation) ElementOf(name string) frontend.Variable {
	element, _ := words.DecodeElement(o.step.Arithmetic, o.find(name), o.words)
	return element
}

// Raw gives word i of the operation.
func (o *Operation) Raw(i int) frontend.Variable { return o.raw[i] }

// Payload is bytes 0 to 28 of the first word as a number.
func (o *Operation) Payload() Integer { return o.words[0].Payload(o.step.Arithmetic) }

func (o *Operation) find(name string) *table.Field {
	for i := range o.table.Fields {
		if o.table.Fields[i].Name == name {
			return &o.table.Fields[i]
		}
	}
	panic(fmt.Sprintf("steps: %s has no field %s", o.table.Name, name))
}

// Verify looks up if the operation's signature is one of the key over the message. Where the words of signatures
// are not on L1, a signature that is not valid can't be proved: the sequencer has answered for it.
func (o *Operation) Verify(enabled Integer, payload, x, y, keyX, keyY frontend.Variable) Integer {
	s := o.step
	enabled = s.And(enabled, o.signed)
	row := &signatures.Row{KeyX: keyX, KeyY: keyY, RByte: o.words[0][29].Value, SByte: o.words[0][30].Value}
	row.RWord, row.SWord = o.signatureWords(enabled)
	row.Message = s.Hash(enabled, poseidon.TagMessage, s.Domain, payload, x, y)
	valid := s.Signature(enabled, row)
	s.Require(s.Not(s.And(enabled, s.OffChain, s.Not(valid))))
	return valid
}

// signatureWords gives the signature's words, from the segment or from elsewhere.
func (o *Operation) signatureWords(enabled Integer) (r, sWord frontend.Variable) {
	s, own := o.step, int64(len(o.words))
	on := s.And(enabled, o.carried)
	r = s.word(on, s.Add(o.first, integers.Constant(own)))
	sWord = s.word(on, s.Add(o.first, integers.Constant(own+1)))
	off := s.And(enabled, s.OffChain)
	offR, offS := s.source.OffChain(s.And(s.Enabled, off).Value, o.first.Value)
	return s.SelectElement(off, offR, r), s.SelectElement(off, offS, sWord)
}

// LookupReceipt is the events accumulator after the operation's receipt (10-R07).
func (s *Step) receipt(reason, filled, notional, detail Integer) frontend.Variable {
	return s.Hash(integers.Constant(1), poseidon.TagReceipt,
		s.Events, reason.Value, filled.Value, notional.Value, detail.Value)
}
