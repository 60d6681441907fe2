package exchange

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"

	"github.com/dth-dev/dth/core/checksum"
	"github.com/dth-dev/dth/sdk/driver"
)

// setBody lays the object's bytes into the message as the framing says.
func (m *message) setBody(framing driver.Framing, request Request) error {
	switch framing.Kind {
	case driver.FramingRaw:
		m.body = request.Body
	case driver.FramingForm:
		m.body = io.MultiReader(bytes.NewReader(framing.Prefix), request.Body, bytes.NewReader(framing.Suffix))
	case driver.FramingTrailer:
		if !checksum.Computable(framing.TrailerChecksum) {
			return &driver.Error{Op: m.method, Kind: driver.KindFatal, Message: "the plugin asked for a trailer that cannot be computed"}
		}
		if framing.ChunkSize <= 0 {
			framing.ChunkSize = driver.DefaultChunkSize
		}
		m.body = newTrailerReader(request, framing)
	default:
		return &driver.Error{Op: m.method, Kind: driver.KindFatal, Message: fmt.Sprintf("the plugin asked for the unknown body framing %d", framing.Kind)}
	}
	m.length = framing.Length(request.Size)
	return nil
}

// trailerReader encodes aws-chunked with an unsigned trailer. Source: Amazon S3
// API reference, "Signature calculations for trailing headers".
type trailerReader struct {
	source  io.Reader
	framing driver.Framing
	hasher  *checksum.Hasher // fed by source
	rest    int64            // bytes of the object not yet announced in a chunk
	inChunk int64            // bytes of the current chunk still to send
	pending []byte           // framing bytes to send before anything else
	ended   bool             // the trailer is in pending or sent
}

func newTrailerReader(request Request, framing driver.Framing) *trailerReader {
	r := &trailerReader{source: request.Body, framing: framing, hasher: request.Hasher, rest: request.Size}
	if r.hasher == nil || checksum.Find(r.hasher.Sums(), framing.TrailerChecksum).IsZero() {
		r.hasher = checksum.NewHasher(framing.TrailerChecksum)
		r.source = io.TeeReader(r.source, r.hasher)
	}
	return r
}

func (r *trailerReader) Read(p []byte) (int, error) {
	if len(r.pending) == 0 && r.inChunk == 0 {
		if r.ended {
			return 0, io.EOF
		}
		r.announce()
	}
	if len(r.pending) > 0 {
		n := copy(p, r.pending)
		r.pending = r.pending[n:]
		return n, nil
	}
	if int64(len(p)) > r.inChunk {
		p = p[:r.inChunk]
	}
	n, err := r.source.Read(p)
	r.inChunk -= int64(n)
	if r.inChunk == 0 {
		r.pending = []byte("\r\n")
	} else if err == io.EOF {
		return n, io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// announce puts the header of the next chunk, or the end of the body, into
// pending.
func (r *trailerReader) announce() {
	if r.rest == 0 {
		sum := checksum.Find(r.hasher.Sums(), r.framing.TrailerChecksum)
		r.pending = []byte("0\r\n" + r.framing.TrailerName + ":" + base64.StdEncoding.EncodeToString([]byte(sum.Value)) + "\r\n\r\n")
		r.ended = true
		return
	}
	r.inChunk = min(r.rest, int64(r.framing.ChunkSize))
	r.rest -= r.inChunk
	r.pending = append(strconv.AppendInt(nil, r.inChunk, 16), '\r', '\n')
}
