package main

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dth-dev/dth/tests/emulators/internal/bucket"
	"github.com/dth-dev/dth/tests/emulators/kodo/internal/qetag"
)

// blockLife is how long a block waits for its file. The documentation tells no
// number: every answer has an expired_at.
const blockLife = 24 * time.Hour

// blocks are the blocks of uploads in the first version of resumable uploads.
// They end with the command: their contexts then answer 701.
type blocks struct {
	mu   sync.Mutex
	byID map[string]*block
}

// block is a block of up to 4 MiB, uploaded in one or several pieces.
type block struct {
	id     string
	bucket string
	store  *bucket.Store
	size   int64 // declared
	pieces []*bucket.Blob
	expiry time.Time
}

// filled returns how many bytes the first n pieces have.
func (b *block) filled(n int) int64 {
	total := int64(0)
	for _, p := range b.pieces[:n] {
		total += p.Size
	}
	return total
}

// find returns a block and how many of its pieces a context stands for.
func (s *server) find(context string, policyBucket string) (b *block, pieces int, err error) {
	id, count, _ := strings.Cut(context, ".")
	b = s.blocks.byID[id]
	pieces, parsed := strconv.Atoi(count)
	if b == nil || parsed != nil || pieces < 1 || pieces > len(b.pieces) || b.bucket != policyBucket || s.desk.Now().After(b.expiry) {
		return nil, 0, errNoContext
	}
	return b, pieces, nil
}

// makeBlock begins a block: /mkblk/SIZE.
//
// Source: https://developer.qiniu.com/kodo/1286/mkblk.
func (s *server) makeBlock(w http.ResponseWriter, r *http.Request, segments []string) error {
	policy, store, err := s.granted(r, "", "", false)
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(strings.Join(segments, "/"), 10, 64)
	if err != nil || size < 1 || size > qetag.Block {
		return errArgument
	}
	b := &block{id: rand.Text(), bucket: policy.Bucket(), store: store, size: size, expiry: s.desk.Now().Add(blockLife)}
	piece, err := b.receive(r, size)
	if err != nil {
		return err
	}
	s.blocks.mu.Lock()
	defer s.blocks.mu.Unlock()
	s.sweep()
	b.pieces = []*bucket.Blob{piece}
	s.blocks.byID[b.id] = b
	return b.answer(w, r, piece)
}

// putInBlock adds a piece to a block: /bput/CONTEXT/OFFSET. A context may be used
// again, which replaces what came after it.
//
// Source: https://developer.qiniu.com/kodo/1251/bput.
func (s *server) putInBlock(w http.ResponseWriter, r *http.Request, segments []string) error {
	policy, store, err := s.granted(r, "", "", false)
	if err != nil {
		return err
	}
	if len(segments) != 2 {
		return errArgument
	}
	offset, err := strconv.ParseInt(segments[1], 10, 64)
	if err != nil {
		return errArgument
	}
	piece, err := (&block{store: store}).receive(r, qetag.Block)
	if err != nil {
		return err
	}
	s.blocks.mu.Lock()
	defer s.blocks.mu.Unlock()
	b, n, err := s.find(segments[0], policy.Bucket())
	if err == nil && (b.filled(n) != offset || offset+piece.Size > b.size) {
		err = errArgument
	}
	if err != nil {
		store.Discard(piece)
		return err
	}
	for _, replaced := range b.pieces[n:] {
		store.Discard(replaced)
	}
	b.pieces = append(b.pieces[:n:n], piece)
	return b.answer(w, r, piece)
}

// receive keeps a piece, which may have up to limit bytes and not none.
func (b *block) receive(r *http.Request, limit int64) (*bucket.Blob, error) {
	if r.ContentLength < 0 {
		return nil, errNoLength
	}
	piece, err := b.store.Receive(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, errBody
	}
	if piece.Size == 0 || piece.Size > limit {
		b.store.Discard(piece)
		return nil, errArgument
	}
	return piece, nil
}

func (b *block) answer(w http.ResponseWriter, r *http.Request, piece *bucket.Blob) error {
	body, err := b.store.Open(piece)
	if err != nil {
		return err
	}
	defer body.Close()
	sum := sha1.New()
	if _, err := io.Copy(sum, body); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{
		"ctx":        fmt.Sprintf("%s.%d", b.id, len(b.pieces)),
		"checksum":   base64.URLEncoding.EncodeToString(sum.Sum(nil)),
		"crc32":      piece.CRC32,
		"offset":     b.filled(len(b.pieces)),
		"host":       "http://" + r.Host,
		"expired_at": b.expiry.Unix(),
	})
	return nil
}

// sweep drops the blocks whose time is over.
func (s *server) sweep() {
	now := s.desk.Now()
	for id, b := range s.blocks.byID {
		if now.After(b.expiry) {
			for _, piece := range b.pieces {
				b.store.Discard(piece)
			}
			delete(s.blocks.byID, id)
		}
	}
}

// makeFile makes an object of blocks: /mkfile/SIZE[/key/KEY][/fname/NAME]
// [/mimeType/TYPE][/x-qn-meta-NAME/VALUE][/x:NAME/VALUE], with the blocks'
// contexts as its body.
//
// Source: https://developer.qiniu.com/kodo/1287/mkfile.
func (s *server) makeFile(w http.ResponseWriter, r *http.Request, segments []string) error {
	c := &creation{endures: true}
	if err := c.readPath(segments); err != nil {
		return err
	}
	var store *bucket.Store
	var err error
	if c.policy, store, err = s.granted(r, "", c.key, c.named); err != nil {
		return err
	}
	contexts, err := io.ReadAll(http.MaxBytesReader(w, r.Body, managementBody))
	if err != nil {
		return errBody
	}
	blob, err := s.joined(store, c.policy.Bucket(), string(contexts), c.size)
	if err != nil {
		return err
	}
	defer store.Discard(blob)
	if blob.Size != c.size {
		return errArgument
	}
	c.hash = qetag.Whole(blob.Blocks)
	if c.front, err = front(store, blob); err != nil {
		return err
	}
	return s.keep(w, store, c, blob)
}

// readPath reads what the path of a mkfile says of the object.
func (c *creation) readPath(segments []string) error {
	if len(segments)%2 == 0 {
		return errArgument
	}
	size, err := strconv.ParseInt(segments[0], 10, 64)
	if err != nil || size < 0 {
		return errArgument
	}
	c.size = size
	for name, encoded := range pairsOf(segments[1:]) {
		value, err := decode(encoded)
		if err != nil {
			return errArgument
		}
		switch name {
		case "key":
			c.key, c.named = value, true
		case "fname":
			c.fileName = value
		case "mimeType":
			c.mimeType = value
		default:
			if !c.set(name, value) {
				return errArgument
			}
		}
	}
	return nil
}

// joined returns the body that the blocks of some contexts make.
func (s *server) joined(store *bucket.Store, bucketName, contexts string, size int64) (*bucket.Blob, error) {
	if size == 0 && contexts == "" {
		return store.Receive(strings.NewReader(""))
	}
	s.blocks.mu.Lock()
	defer s.blocks.mu.Unlock()
	var pieces []*bucket.Blob
	list := strings.Split(contexts, ",")
	for i, context := range list {
		b, n, err := s.find(context, bucketName)
		if err != nil {
			return nil, err
		}
		if filled := b.filled(n); filled != b.size || i < len(list)-1 && filled != qetag.Block {
			return nil, errArgument
		}
		pieces = append(pieces, b.pieces[:n]...)
	}
	return concatenate(store, pieces)
}
