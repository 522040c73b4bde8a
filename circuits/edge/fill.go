package edge

import (
	"slices"

	"github.com/consensys/gnark/frontend"

	"miletus/circuits/steps"
	"miletus/circuits/tree"
)

// fill gives every input of the circuit its value.
func (r *Runner) fill(e *Edge, p *progress, last *steps.Registers) error {
	c, u, s := e.Circuit, r.World.used, r.Segment
	if err := r.fillTree(e, u); err != nil {
		return err
	}
	for i, t := range steps.Tables {
		rows := p.rows[t.Name]
		copy(c.Rows[i], rows)
		for j := len(rows); j < len(c.Rows[i]); j++ {
			c.Rows[i][j] = emptyRow(t)
		}
	}
	copy(c.Final, p.carried)
	r.fillWords(c, u)
	fillHashes(c, u)
	fillSignatures(c, u)
	c.Public = Public{
		RootBefore: e.Before, RootAfter: e.After, OutboxAfter: last.Outbox, Hash: s.Hash, Point: s.Point, Value: s.Value,
		Place: e.Place.Pack(), Times: PackTimes(s.TimeBoundMS, s.FloorMS), Domain: s.Domain, Payee: s.Payee,
	}
	parts := []int64{e.Place.Words, e.Place.CursorBefore, e.Place.CursorAfter, e.Place.Steps}
	for i, part := range parts {
		c.PlaceParts[i] = part
	}
	for i, flag := range e.Place.Flags.list() {
		c.PlaceParts[len(parts)+i] = flagElement(*flag)
	}
	c.TimeParts = [2]frontend.Variable{s.TimeBoundMS, s.FloorMS}
	return nil
}

// fillTree makes the rows of pages and nodes.
func (r *Runner) fillTree(e *Edge, u *used) error {
	var numbers []int64
	for number := range u.before {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	var touched []tree.Touched
	for _, number := range numbers {
		page := tree.Touched{Number: number, Before: u.before[number], After: u.before[number]}
		if after, changed := u.pages[number]; changed {
			page.After = after
		}
		for i := range int64(tuplesOfPage) {
			page.Last = append(page.Last, u.last[number*tuplesOfPage+i])
		}
		touched = append(touched, page)
	}
	rows, err := tree.Assign(r.Tree, touched, steps.TupleCells, r.Size.Pages, r.Size.ReadPages, r.Size.Nodes)
	if err != nil {
		return err
	}
	t := e.Circuit.Tables
	t.Pages, t.ReadPages, t.Nodes, e.After = rows.Pages, rows.ReadPages, rows.Nodes, rows.RootAfter
	return nil
}

func (r *Runner) fillWords(c *Circuit, u *used) {
	segment := &c.Tables.Segment
	for i := range segment.Words {
		segment.Words[i], segment.Steps[i], segment.Counts[i] = 0, 0, 0
		if i < len(r.Segment.Words) {
			segment.Words[i], segment.Steps[i] = r.Segment.Words[i], 1
			segment.Counts[i] = u.words[int64(i)]
		}
	}
}

func fillHashes(c *Circuit, u *used) {
	list := make([]*hashUse, 0, len(u.hashes))
	for _, use := range u.hashes {
		list = append(list, use)
	}
	slices.SortFunc(list, func(x, y *hashUse) int { return x.sequence - y.sequence })
	for i := range c.Tables.Hashes {
		row := &c.Tables.Hashes[i]
		row.Tag, row.Count = 0, 0
		for j := range row.Elements {
			row.Elements[j] = 0
		}
		if i < len(list) {
			row.Tag, row.Count = list[i].key.tag, list[i].count
			for j, e := range list[i].key.elements {
				row.Elements[j] = e
			}
		}
	}
}

func fillSignatures(c *Circuit, u *used) {
	list := make([]*signatureUse, 0, len(u.checks))
	for _, use := range u.checks {
		list = append(list, use)
	}
	slices.SortFunc(list, func(x, y *signatureUse) int { return x.sequence - y.sequence })
	for i := range c.Tables.Signatures {
		key, count := signatureKey{}, 0
		if i < len(list) {
			key, count = list[i].key, list[i].count
		}
		row := &c.Tables.Signatures[i]
		row.Message, row.KeyX, row.KeyY, row.RWord, row.SWord = key[0], key[1], key[2], key[3], key[4]
		row.RByte, row.SByte, row.Count = key[5], key[6], count
	}
}

// emptyRow is a row that is no step.
func emptyRow(t *steps.Table) (row Row) {
	row.Head.Enabled, row.Head.Number = 0, 0
	for i := range row.Head.Carried {
		row.Head.Carried[i] = 0
	}
	row.Inputs = make([]frontend.Variable, inputCount(t))
	for i := range row.Inputs {
		row.Inputs[i] = 0
	}
	return row
}
