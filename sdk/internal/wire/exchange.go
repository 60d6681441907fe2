package wire

import (
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// maxReplies bounds what both ends of a stream remember. Drivers share replies,
// so that a handful is usual.
const maxReplies = 1024

// Signed is the outcome of one signing request.
type Signed struct {
	Exchange driver.Exchange
	Err      error
}

// ReplyWriter encodes the answers of one stream and numbers the replies that their
// exchanges share. It is not safe for concurrent use, and its messages must be sent
// in the order in which they were made.
type ReplyWriter struct {
	numbers map[*driver.Reply]uint32
}

// Response encodes the outcomes of one batch.
func (w *ReplyWriter) Response(batch uint64, outcomes []Signed) *storagepb.SignResponse {
	if w.numbers == nil || len(w.numbers)+len(outcomes) > maxReplies {
		// Numbers begin again; the reader replaces what it knew under them.
		w.numbers = make(map[*driver.Reply]uint32)
	}
	out := &storagepb.SignResponse{Batch: batch, Items: make([]*storagepb.SignedItem, len(outcomes))}
	slab := make([]signedSlab, len(outcomes))
	for i := range outcomes {
		out.Items[i] = &slab[i].item
		if err := outcomes[i].Err; err != nil {
			slab[i].item.Result = &storagepb.SignedItem_Error{Error: FromError(err)}
			continue
		}
		fromExchange(&slab[i], &outcomes[i].Exchange)
		if reply := outcomes[i].Exchange.Reply; reply != nil {
			slab[i].exchange.Reply = w.number(reply, out)
		}
	}
	return out
}

// signedSlab keeps the messages of one answer in one piece of memory.
type signedSlab struct {
	item     storagepb.SignedItem
	result   storagepb.SignedItem_Exchange
	exchange storagepb.Exchange
}

// number returns the reply's number and announces it when it is new.
func (w *ReplyWriter) number(reply *driver.Reply, out *storagepb.SignResponse) uint32 {
	number, known := w.numbers[reply]
	if !known {
		number = uint32(len(w.numbers)) + 1 //nolint:gosec // at most maxReplies
		w.numbers[reply] = number
		message := fromReply(reply)
		message.Id = number
		out.Replies = append(out.Replies, message)
	}
	return number
}

// ReplyReader decodes the answers of one stream, in the order of their arrival.
// It is not safe for concurrent use.
type ReplyReader struct {
	replies map[uint32]*driver.Reply
}

// Read decodes the outcomes of one batch. An exchange that names an unknown
// reply, or an empty item, is an error of that item alone.
func (r *ReplyReader) Read(response *storagepb.SignResponse) []Signed {
	for _, reply := range response.GetReplies() {
		if r.replies == nil {
			r.replies = make(map[uint32]*driver.Reply)
		}
		if len(r.replies) < 2*maxReplies || r.replies[reply.GetId()] != nil {
			r.replies[reply.GetId()] = toReply(reply)
		}
	}
	out := make([]Signed, len(response.GetItems()))
	for i, item := range response.GetItems() {
		switch result := item.GetResult().(type) {
		case *storagepb.SignedItem_Exchange:
			toExchange(&out[i].Exchange, result.Exchange)
			number := result.Exchange.GetReply()
			if out[i].Exchange.Reply = r.replies[number]; out[i].Exchange.Reply == nil && number != 0 {
				out[i] = Signed{Err: malformed(fmt.Sprintf("an exchange names the unknown reply %d", number))}
			}
		case *storagepb.SignedItem_Error:
			out[i].Err = ToError(result.Error)
		default:
			out[i].Err = malformed("an answer to a signing request is empty")
		}
	}
	return out
}

// malformed reports a plugin that breaks the contract.
func malformed(message string) error {
	return &driver.Error{Op: "Sign", Kind: driver.KindFatal, Code: "MalformedAnswer", Message: message}
}

// fromExchange fills the messages of one exchange, all but its reply.
func fromExchange(slab *signedSlab, x *driver.Exchange) {
	slab.item.Result = &slab.result
	slab.result.Exchange = &slab.exchange
	out := &slab.exchange
	out.Method = text(x.Method)
	out.Url = octets(x.URL)
	out.Expires = FromTime(x.Expires)
	if n := len(x.Header); n > 0 {
		headers := make([]storagepb.Header, n)
		out.Headers = make([]*storagepb.Header, n)
		for i, header := range x.Header {
			headers[i].Name = text(header.Name)
			headers[i].Value = octets(header.Value)
			out.Headers[i] = &headers[i]
		}
	}
	if body := &x.Body; body.Kind != driver.FramingRaw {
		out.Framing = &storagepb.Framing{
			Kind:            storagepb.FramingKind(int32Of(int(body.Kind))),
			Prefix:          body.Prefix,
			Suffix:          body.Suffix,
			TrailerName:     text(body.TrailerName),
			TrailerChecksum: storagepb.Algorithm(int32Of(int(body.TrailerChecksum))),
			ChunkSize:       int32Of(body.ChunkSize),
		}
	}
	if x.Dial != (driver.Dial{}) {
		out.Dial = &storagepb.Dial{Network: text(x.Dial.Network), Address: text(x.Dial.Address)}
	}
}

// toExchange reads one exchange, all but its reply.
func toExchange(out *driver.Exchange, x *storagepb.Exchange) {
	out.Method = x.GetMethod()
	out.URL = string(x.GetUrl())
	out.Expires = ToTime(x.GetExpires())
	if headers := x.GetHeaders(); len(headers) > 0 {
		out.Header = make([]driver.Header, len(headers))
		for i, header := range headers {
			out.Header[i] = driver.Header{Name: header.GetName(), Value: string(header.GetValue())}
		}
	}
	if body := x.GetFraming(); body != nil {
		out.Body = driver.Framing{
			Kind:            driver.FramingKind(body.GetKind()),
			Prefix:          body.GetPrefix(),
			Suffix:          body.GetSuffix(),
			TrailerName:     body.GetTrailerName(),
			TrailerChecksum: driver.Algorithm(body.GetTrailerChecksum()),
			ChunkSize:       int(body.GetChunkSize()),
		}
	}
	if dial := x.GetDial(); dial != nil {
		out.Dial = driver.Dial{Network: dial.GetNetwork(), Address: dial.GetAddress()}
	}
}

// fromReply converts to the wire, without the number.
func fromReply(r *driver.Reply) *storagepb.Reply {
	out := &storagepb.Reply{
		MetadataPrefix: text(r.MetadataPrefix),
		RequestId:      texts(r.RequestID),
		Error: &storagepb.ErrorReply{
			Source:  storagepb.Source(int32Of(int(r.Error.Source))),
			Code:    text(r.Error.Code),
			Message: text(r.Error.Message),
		},
	}
	for _, status := range r.Accept {
		out.Accept = append(out.Accept, int32Of(status))
	}
	for _, c := range r.Capture {
		out.Captures = append(out.Captures, &storagepb.Capture{
			Field:     storagepb.Field(int32Of(int(c.Field))),
			Source:    storagepb.Source(int32Of(int(c.Source))),
			Name:      text(c.Name),
			Algorithm: storagepb.Algorithm(int32Of(int(c.Algorithm))),
			Encoding:  storagepb.Encoding(int32Of(int(c.Encoding))),
		})
	}
	for _, rule := range r.Error.Rules {
		out.Error.Rules = append(out.Error.Rules, &storagepb.ErrorRule{
			Status: int32Of(rule.Status), Code: text(rule.Code), Kind: storagepb.Kind(int32Of(int(rule.Kind))), Message: text(rule.Message),
		})
	}
	return out
}

// toReply converts from the wire.
func toReply(r *storagepb.Reply) *driver.Reply {
	failure := r.GetError()
	out := &driver.Reply{
		MetadataPrefix: r.GetMetadataPrefix(),
		RequestID:      r.GetRequestId(),
		Error: driver.ErrorReply{
			Source: driver.Source(failure.GetSource()), Code: failure.GetCode(), Message: failure.GetMessage(),
		},
	}
	for _, status := range r.GetAccept() {
		out.Accept = append(out.Accept, int(status))
	}
	for _, c := range r.GetCaptures() {
		out.Capture = append(out.Capture, driver.Capture{
			Field: driver.Field(c.GetField()), Source: driver.Source(c.GetSource()), Name: c.GetName(),
			Algorithm: driver.Algorithm(c.GetAlgorithm()), Encoding: driver.Encoding(c.GetEncoding()),
		})
	}
	for _, rule := range failure.GetRules() {
		out.Error.Rules = append(out.Error.Rules, driver.ErrorRule{
			Status: int(rule.GetStatus()), Code: rule.GetCode(), Kind: driver.Kind(rule.GetKind()), Message: rule.GetMessage(),
		})
	}
	return out
}
