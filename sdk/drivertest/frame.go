package drivertest

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/dth-dev/dth/sdk/driver"
)

// frame lays object bytes into a request body.
func frame(framing driver.Framing, send Send) ([]byte, error) {
	switch framing.Kind {
	case driver.FramingRaw:
		return send.Body, nil
	case driver.FramingForm:
		return bytes.Join([][]byte{framing.Prefix, send.Body, framing.Suffix}, nil), nil
	case driver.FramingTrailer:
		return frameTrailer(framing, send)
	}
	return nil, fmt.Errorf("the exchange has the unknown framing %d", framing.Kind)
}

func frameTrailer(framing driver.Framing, send Send) ([]byte, error) {
	checksum, can := sum(framing.TrailerChecksum, send.Body)
	if !can {
		return nil, fmt.Errorf("the exchange wants a trailer with the checksum %s, which cannot be computed", framing.TrailerChecksum)
	}
	value := []byte(checksum.Value)
	if send.corrupt {
		value[0] ^= 1
	}
	size := framing.ChunkSize
	if size <= 0 {
		size = driver.DefaultChunkSize
	}
	var body bytes.Buffer
	for rest := send.Body; len(rest) > 0; {
		n := min(size, len(rest))
		fmt.Fprintf(&body, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	fmt.Fprintf(&body, "0\r\n%s:%s\r\n\r\n", framing.TrailerName, base64.StdEncoding.EncodeToString(value))
	return body.Bytes(), nil
}
