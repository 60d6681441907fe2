package bucket

// Open returns the body of a blob: one that [Store.Receive] returned and that was
// not discarded yet, or one of a part. It stays readable until it is closed.
func (s *Store) Open(b *Blob) (*Body, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.spool.hold(b); err != nil {
		return nil, err
	}
	return &Body{store: s, blob: b}, nil
}
