package journal

import "time"

// Binding is what a source told of the version of an object in the first answer with
// its bytes, to be told again in each that follows. Zero where that is not known.
type Binding struct {
	ETag     string // a weak one keeps its mark
	Modified time.Time
	Encoding string // Content-Encoding
}

// IsZero says that nothing is known.
func (b Binding) IsZero() bool { return b == Binding{} }

// Held is what a key of the destination held when it was looked at.
type Held struct {
	Looked    bool // false: nothing is known
	Exists    bool
	ETag      string
	VersionID string
}

// Begun is what is known of an upload that was begun, or may have been, to find and end it.
type Begun struct {
	Key      string // relative, at the destination
	ID       string // empty where Create's answer did not come
	Intended time.Time
	Listed   bool     // as in Upload
	Open     []string // as in Upload
}

// Begun returns what the upload is found by, without those of Left.
func (u Upload) Begun() Begun {
	return Begun{Key: u.DestinationKey(), ID: u.ID, Intended: u.Intended, Listed: u.Listed, Open: u.Open}
}

// All returns what the upload, where one was intended, and those of Left are found by.
func (u Upload) All() []Begun {
	if u.IsLeft() {
		return u.Left
	}
	return append([]Begun{u.Begun()}, u.Left...)
}

// IsLeft says that the record only remembers uploads that could not be ended: nothing is
// to be gone on with.
func (u Upload) IsLeft() bool { return u.ID == "" && u.Intended.IsZero() }

// DestinationKey returns the relative key that the upload is for at the destination.
func (u Upload) DestinationKey() string {
	if u.Written != "" {
		return u.Written
	}
	return u.Key
}
