package layout

// NativeTable is the packing in the form that the native library takes: the number of kinds; for each the number
// of cells; for each of those the number of slots; for each of those field, bits, and 1 if signed.
func NativeTable() []int64 {
	table := []int64{int64(len(Packing))}
	for _, cells := range Packing {
		table = append(table, int64(len(cells)))
		for _, slots := range cells {
			table = append(table, int64(len(slots)))
			for _, slot := range slots {
				signed := int64(0)
				if slot.Signed {
					signed = 1
				}
				table = append(table, int64(slot.Field), int64(slot.Bits), signed)
			}
		}
	}
	return table
}

// PageKind is the kind of the page with this number (spec 02-R01), KindNone where nothing can lie.
func PageKind(number int64) int64 {
	switch {
	case number < 0:
		return KindNone
	case number < InstrumentRegion:
		return accountPageKind(number % AccountPages)
	case number < InstrumentRegion+8192:
		return KindInstrument + number%2
	case number < MachineRegion:
		return KindNone
	}
	return machinePageKind(number - MachineRegion)
}

func accountPageKind(offset int64) int64 {
	switch {
	case offset == AccountHeader:
		return KindAccount
	case offset < AccountKeys:
		return KindRisk
	case offset == AccountKeys:
		return KindKeys
	case offset%AccountGroup == AccountPositions:
		return KindPositions
	case offset%AccountGroup == AccountOrders && offset < AccountGroup*OrderPages:
		return KindOrders
	}
	return KindNone
}

func machinePageKind(offset int64) int64 {
	switch {
	case offset == MachineHeader:
		return KindMachine
	case offset == MachineRegisters:
		return KindRegisters
	case offset == MachineStage || offset == MachineInboxStage:
		return KindStage
	case offset < MachineSigners+2:
		return KindSigners
	case offset >= MachineUnderlyings && offset < MachineUnderlyings+4:
		return KindUnderlying
	case offset >= MachineReadings && offset < MachineJournal:
		return KindReadings
	case offset >= MachineJournal && offset < MachinePages:
		return KindJournal
	}
	return KindNone
}
