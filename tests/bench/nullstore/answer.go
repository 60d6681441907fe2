package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// date is the value of the Date header, kept by tellTime.
var date atomic.Pointer[string]

// tellTime writes the Date header once a second, for all answers.
func tellTime() {
	for {
		now := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		date.Store(&now)
		<-time.After(time.Second)
	}
}

// head begins an answer: the status line and the headers that all share.
func (s *session) head(status string, length int64) []byte {
	out := append(s.out[:0], "HTTP/1.1 "...)
	out = append(out, status...)
	out = append(out, "\r\nx-amz-request-id: NULLSTORE\r\nDate: "...)
	if now := date.Load(); now != nil {
		out = append(out, *now...)
	}
	if length >= 0 {
		out = append(out, "\r\nContent-Length: "...)
		out = strconv.AppendInt(out, length, 10)
	}
	return append(out, "\r\n"...)
}

func field(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, ": "...)
	out = append(out, value...)
	return append(out, "\r\n"...)
}

// send ends the headers and writes the answer, with a body if there is one.
func (s *session) send(out []byte, body []byte) error {
	out = append(out, "\r\n"...)
	s.out = out[:0] // keep the space for the next answer
	if len(body) == 0 {
		_, err := s.conn.Write(out)
		return err
	}
	pieces := net.Buffers{out, body}
	_, err := pieces.WriteTo(s.conn)
	return err
}

// sendContent ends the headers and writes bytes first to last of a synthetic object.
func (s *session) sendContent(out []byte, first, last int64) error {
	period := int64(len(pattern))
	at := first % period
	piece := pattern[at:min(period, at+last-first+1)]
	if err := s.send(out, piece); err != nil {
		return err
	}
	for sent := first + int64(len(piece)); sent <= last; sent += int64(len(piece)) {
		piece = pattern[:min(period, last-sent+1)]
		if _, err := s.conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) sendXML(text string) error {
	body := []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + text)
	return s.send(field(s.head("200 OK", int64(len(body))), "Content-Type", "application/xml"), body)
}

// sendError answers with an S3 error; a HEAD gets the status alone.
func (s *session) sendError(r *request, status, code, message string) error {
	body := []byte(fmt.Sprintf("<Error><Code>%s</Code><Message>%s</Message><RequestId>NULLSTORE</RequestId></Error>", code, escape(message)))
	out := field(s.head(status, int64(len(body))), "Content-Type", "application/xml")
	if r.method == "HEAD" {
		body = nil
	}
	return s.send(out, body)
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace
