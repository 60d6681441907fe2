package truth

import (
	"github.com/dth-dev/dth/core/journal"
)

// What no copier can know is no violation. Other excuses lie where they are needed:
// damage of bytes happens only where a store states something of them (damagedAnswer,
// drawer.damages), and a key that both its HEAD and its listing hide is absent for all that
// anybody can tell (hidden).

// excused says whether dth could not know that a key is not equal.
func (p *play) excused(key string, t *told, when span) bool {
	source, _, err := p.servers[Source].Get(p.buckets[Source], key)
	if err != nil || len(p.source.during(key, when)) > 1 {
		return !p.history.Source.ListsETags // it changed behind the listing
	}
	destination, data, err := p.servers[Destination].Get(p.buckets[Destination], key)
	if err != nil || source.Size != destination.Size {
		return false
	}
	if before, known := t.before[key]; known {
		// A listing without ETags does not tell an object from one of the same size that was
		// written in the same second.
		return !p.history.Source.ListsETags && before.Outcome == journal.OutcomeDone && p.source.seconds(key, data)[source.Modified.Unix()]
	}
	// Of what dth copied under another state it has no record. Then the time decides, as the
	// documentation says, and it may mislead.
	return p.copied[key] && !source.Modified.After(destination.Modified)
}

// cameLate says whether the destination holds an object, or none, because of a request
// that it had answered as failed and executed later.
func (p *play) cameLate(key, etag string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.landed[key][etag]
}

// hidden says whether the source was made to leave a key out of its listing and to call it
// absent as well.
func (p *play) hidden(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.omitted[key] && p.lied[key]
}
