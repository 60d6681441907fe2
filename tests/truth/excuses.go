package truth

import (
	"github.com/dth-dev/dth/core/journal"
)

// What no copier can know is no violation. Other excuses lie where they are needed:
// damage of bytes happens only where a store states something of them (damagedAnswer,
// drawDamage), and a key that both its HEAD and its listing hide is absent for all that
// anybody can tell (checkDeletions, checkNamed).

// excused says whether dth could not know that a key is not equal. Where a listing tells no
// ETags, or where dth finds an object that it has no record of, the time decides, as the
// documentation says; it says nothing of an object that was written again in the same
// second, or by a clock that is behind.
func (p *play) excused(key string, t *told, when span) bool {
	before, known := t.before[key]
	silent := !p.history.Source.ListsETags && known && before.Outcome == journal.OutcomeDone
	foreign := !known && p.copied[key]
	if !silent && !foreign {
		return false
	}
	source, _, err := p.servers[Source].Get(p.buckets[Source], key)
	if err != nil {
		return true
	}
	destination, _, err := p.servers[Destination].Get(p.buckets[Destination], key)
	newer := err != nil || source.Modified.After(destination.Modified) || source.Size != destination.Size
	return !newer || len(p.source.during(key, when)) > 1
}

// cameLate says whether the destination holds an object, or none, because of a request
// that it had answered as failed and executed later.
func (p *play) cameLate(key, etag string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.landed[key][etag]
}
