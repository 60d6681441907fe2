package wire

import (
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

// maxReplies bounds what both ends of a stream remember. Drivers share replies,
// so that a handful is usual.
const maxReplies = 1024

// ReplyWriter numbers the replies that the exchanges of one stream share. It is
// not safe for concurrent use, and the answers must be sent in the order in which they
// were prepared.
type ReplyWriter struct {
	numbers map[*driver.Reply]uint32
}

// Prepare makes an answer ready to be sent: it announces the replies that the
// other side does not know yet.
func (w *ReplyWriter) Prepare(answer *SignAnswer) {
	if w.numbers == nil || len(w.numbers)+len(answer.Outcomes) > maxReplies {
		// Numbers begin again; the reader replaces what it knew under them.
		w.numbers = make(map[*driver.Reply]uint32)
	}
	answer.numbers = make([]uint32, len(answer.Outcomes))
	for i := range answer.Outcomes {
		reply := answer.Outcomes[i].Exchange.Reply
		if reply == nil {
			continue
		}
		number, known := w.numbers[reply]
		if !known {
			number = uint32(len(w.numbers)) + 1 //nolint:gosec // at most maxReplies
			w.numbers[reply] = number
			message := fromReply(reply)
			message.Id = number
			answer.replies = append(answer.replies, message)
		}
		answer.numbers[i] = number
	}
}

// ReplyReader gives the exchanges of one stream their replies, answer by answer
// in the order of their arrival. It is not safe for concurrent use.
type ReplyReader struct {
	replies map[uint32]*driver.Reply
}

// Resolve completes a received answer. An exchange that names an unknown reply
// becomes an error.
func (r *ReplyReader) Resolve(answer *SignAnswer) {
	if r.replies == nil {
		r.replies = make(map[uint32]*driver.Reply)
	}
	for _, reply := range answer.replies {
		if id := reply.GetId(); len(r.replies) < 2*maxReplies || r.replies[id] != nil {
			r.replies[id] = toReply(reply)
		}
	}
	for i, number := range answer.numbers {
		if number == 0 || answer.Outcomes[i].Err != nil {
			continue
		}
		reply := r.replies[number]
		if reply == nil {
			answer.Outcomes[i] = Signed{Err: malformed(fmt.Sprintf("an exchange names the unknown reply %d", number))}
			continue
		}
		answer.Outcomes[i].Exchange.Reply = reply
	}
}

// malformed reports a plugin that breaks the contract.
func malformed(message string) error {
	return &driver.Error{Op: "Sign", Kind: driver.KindFatal, Code: "MalformedAnswer", Message: message}
}

// fromReply converts to the wire, without the number.
func fromReply(r *driver.Reply) *storagepb.Reply {
	out := &storagepb.Reply{
		MetadataPrefix: text(r.MetadataPrefix),
		RequestId:      texts(r.RequestID),
		Overridden:     text(r.Overridden),

		RequestIdAlways: r.RequestIDAlways,
		StoredEncoding:  text(r.StoredEncoding),
		NotCarried:      texts(r.NotCarried),

		Error: &storagepb.ErrorReply{
			Source:  storagepb.Source(Int32(int(r.Error.Source))),
			Code:    text(r.Error.Code),
			Message: text(r.Error.Message),
		},
	}
	for _, status := range r.Accept {
		out.Accept = append(out.Accept, Int32(status))
	}
	for _, c := range r.Capture {
		out.Captures = append(out.Captures, &storagepb.Capture{
			Field:     storagepb.Field(Int32(int(c.Field))),
			Source:    storagepb.Source(Int32(int(c.Source))),
			Name:      text(c.Name),
			Algorithm: storagepb.Algorithm(Int32(int(c.Algorithm))),
			Encoding:  storagepb.Encoding(Int32(int(c.Encoding))),
		})
	}
	for _, rule := range r.Error.Rules {
		out.Error.Rules = append(out.Error.Rules, &storagepb.ErrorRule{
			Status: Int32(rule.Status), Code: text(rule.Code), Kind: storagepb.Kind(Int32(int(rule.Kind))), Message: text(rule.Message),
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
		Overridden:     r.GetOverridden(),

		RequestIDAlways: r.GetRequestIdAlways(),
		StoredEncoding:  r.GetStoredEncoding(),
		NotCarried:      r.GetNotCarried(),

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
