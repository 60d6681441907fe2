package journal

// Counted is what a key counted by a record that another message of the same run replaced.
type Counted struct {
	Message string // empty where it is not known any more
	Counts  Counts
}

// countedKept is how many of them a record keeps.
const countedKept = 4

// counting returns what next, which replaces the record, keeps of what its run counted.
func (r Record) counting(next Record) []Counted {
	switch {
	case r.Outcome == "" || r.Run != next.Run:
		return nil
	case r.Message == next.Message:
		return r.Counted
	}
	kept := append(r.Counted[:len(r.Counted):len(r.Counted)], Counted{r.Message, r.Counts()})
	if len(kept) > countedKept {
		kept = kept[1:]
		kept[0].Message = "" // what it took off is forgotten
	}
	return kept
}

// CountsOf returns what a message of the record's run counts for the key: its records, less
// those that they replaced. So the counts of all messages add up to those of the record,
// whichever of them is worked on again.
func (r Record) CountsOf(message string) (counts Counts) {
	var last Counts
	for _, each := range append(r.Counted[:len(r.Counted):len(r.Counted)], Counted{r.Message, r.Counts()}) {
		if each.Message == message {
			counts.Add(each.Counts)
			counts.Sub(last)
		}
		last = each.Counts
	}
	return counts
}
