package transfer

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/core/exchange"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/core/observe"
	"github.com/dth-dev/dth/core/task"
	"github.com/dth-dev/dth/sdk/driver"
)

// stream reads a source body, counts it and computes its checksums.
type stream struct {
	source   io.Reader
	left     int64 // bytes to come
	hasher   *checksum.Hasher
	counters *observe.Counters
	failure  error // what the source's body failed with, if it did
	// last, where not nil, judges the checksums of the whole body before its last bytes are
	// given out: what it refuses never becomes an object.
	last func(sums []driver.Checksum) error
}

// newStream returns the stream of a body of so many bytes.
func (c *Copier) newStream(source io.Reader, size int64, algorithms []driver.Algorithm) *stream {
	return &stream{source: source, left: size, hasher: checksum.NewHasher(algorithms...), counters: c.Counters}
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.source.Read(p)
	ended := err == io.EOF       //nolint:errorlint // what wraps it is a failure
	_, _ = s.hasher.Write(p[:n]) // never fails
	s.counters.MovedBytes.Add(int64(n))
	s.left -= int64(n)
	if ended && s.left > 0 {
		err, ended = io.ErrUnexpectedEOF, false
	}
	if s.left == 0 && s.last != nil && (err == nil || ended) {
		if refusal := s.last(s.hasher.Sums()); refusal != nil {
			n, err, ended = 0, refusal, false
		}
		s.last = nil
	}
	if err != nil && !ended {
		s.failure = err
	}
	return n, err
}

// algorithms are the checksums to compute for a body: the best that the
// destination keeps, and one that the source stated. MD5 costs more than
// everything else together, so it is computed only where nothing else can be
// compared on the destination.
func (c *Copier) algorithms(stated []driver.Checksum) []driver.Algorithm {
	var chosen []driver.Algorithm
	rules := c.Destination.Session.Checksums
	for _, algorithm := range rules.Stored {
		if checksum.Computable(algorithm) {
			chosen = append(chosen, algorithm)
			break
		}
	}
	if len(chosen) == 0 && rules.ETagMD5 {
		chosen = append(chosen, driver.AlgorithmMD5)
	}
	for _, sum := range stated {
		if sum.Algorithm != driver.AlgorithmMD5 && checksum.OfBytes(sum) && checksum.Computable(sum.Algorithm) {
			return append(chosen, sum.Algorithm)
		}
	}
	return chosen
}

// partAlgorithms are the checksums to compute for a part: the best that the destination
// keeps, and, where the source keeps others, the best of those that parts say something
// of. Ranged answers state none, so the session tells.
func (c *Copier) partAlgorithms() []driver.Algorithm {
	chosen, stored := c.algorithms(nil), c.Source.Session.Checksums.Stored
	if len(chosen) > 0 && slices.Contains(stored, chosen[0]) {
		return chosen
	}
	for _, algorithm := range stored {
		if checksum.Joinable(algorithm) {
			return append(chosen, algorithm)
		}
	}
	return chosen
}

// bySide tells the checksum of a part that the destination can compare from the one
// that only the source can; zero where there is none.
func (c *Copier) bySide(sums []driver.Checksum) (destination, source driver.Checksum) {
	forDestination := c.algorithms(nil)
	for _, sum := range sums {
		if slices.Contains(forDestination, sum.Algorithm) {
			destination = sum
		} else {
			source = sum
		}
	}
	return destination, source
}

// stated returns the checksums of a whole body that the store stated in an
// answer, an ETag that is an MD5 included.
func (s *Side) stated(answer *exchange.Answer) []driver.Checksum {
	return s.withETag(answer.FullChecksums(), answer.ETag)
}

func (s *Side) withETag(sums []driver.Checksum, etag string) []driver.Checksum {
	if s.Session.Checksums.ETagMD5 && len(etag) == 32 {
		if raw, err := hex.DecodeString(etag); err == nil {
			sums = append(sums, driver.Checksum{Algorithm: driver.AlgorithmMD5, Value: string(raw)})
		}
	}
	return sums
}

// compareSource fails when the bytes are not those that the source stated.
func (c *Copier) compareSource(key string, sums, stated []driver.Checksum) error {
	if checksum.Compare(sums, stated) != checksum.Different {
		return nil
	}
	return c.Source.failed(0, &driver.Error{
		Op: "GET", Key: c.Source.Prefix + key, Kind: driver.KindIntegrity,
		Message: "the bytes that arrived do not have the checksum that the store states of the object: they were damaged, or compressed or decompressed on the way",
	})
}

// prove compares the checksums of the streamed bytes with what both sides state
// and grades the evidence. What the source states is evidence of what was read; of what
// was written there is none unless the destination states it.
func (c *Copier) prove(t task.Task, etag string, sums, source, destination []driver.Checksum) (receipt, error) {
	got := receipt{destinationETag: etag, grade: journal.GradeSize}
	if len(sums) > 0 {
		got.checksum = sums[0]
	}
	switch checksum.CompareWritten(sums, destination) {
	case checksum.Different:
		return got, c.Destination.failed(0, &driver.Error{
			Op: "PUT", Key: c.Destination.Prefix + c.written(t.Key), Kind: driver.KindIntegrity,
			Message: "the store states another checksum than that of the bytes sent",
		})
	case checksum.Equal:
		got.grade = journal.GradeOne
		if checksum.Compare(sums, source) == checksum.Equal && !isWeak(t.ETag) {
			got.grade = journal.GradeBoth
		}
	}
	return got, nil
}

// statement returns what the destination states of a whole object that it took, whose
// bytes have these checksums. An answer alone proves nothing unless it states one of
// them: it may come from something else on the way, or say that only a part of the
// work was done. Otherwise the store is asked for the object.
func (c *Copier) statement(ctx context.Context, t task.Task, sums []driver.Checksum, answer *exchange.Answer) (string, []driver.Checksum, error) {
	stated := c.Destination.stated(answer)
	if checksum.CompareWritten(sums, stated) != checksum.Unknown {
		return answer.ETag, stated, nil
	}
	object, err := c.shown(ctx, t, answer.ETag, driver.Error{Op: "PUT", Status: answer.Status, RequestID: answer.RequestID})
	if err != nil {
		return "", nil, err
	}
	return object.ETag, c.Destination.withETag(fullObject(object.Checksums), object.ETag), nil
}

// shown returns the object that an answer says is stored under this ETag, as the destination
// shows it. It fails with the answer's particulars where the destination shows none, or
// another one: an older object may be there still.
func (c *Copier) shown(ctx context.Context, t task.Task, etag string, answer driver.Error) (driver.Object, error) {
	key := c.written(t.Key)
	object, err := c.Destination.Stat(ctx, key)
	if err != nil && driver.KindOf(err) != driver.KindNotFound {
		return object, err
	}
	problem := ""
	switch {
	case err != nil:
		problem = "the store does not have it"
	case object.Size != t.Size:
		problem = fmt.Sprintf("the store has it with %d bytes, not %d", object.Size, t.Size)
	case !sameETag(object.ETag, etag):
		problem = fmt.Sprintf("the store has it under the ETag %s, not %s", object.ETag, etag)
	default:
		return object, nil
	}
	answer.Key, answer.Kind = c.Destination.Prefix+key, driver.KindUnavailable
	answer.Message = "the answer says that the object is stored, but " + problem
	return object, c.Destination.failed(0, &answer)
}

// sameETag says whether two answers of one store may name one version. Where either names
// none there is nothing to compare. On the way, compression makes ETags weak
// (RFC 9110 section 8.8.1), and stores write hexadecimal digits in either case.
func sameETag(a, b string) bool {
	return a == "" || b == "" || strings.EqualFold(strings.TrimPrefix(a, "W/"), strings.TrimPrefix(b, "W/"))
}
