package s3driver

import "github.com/dth-dev/dth/sdk/driver"

// replies say how the host reads the answers to each kind of exchange.
type replies struct {
	get, put, part *driver.Reply
}

func newReplies(profile Profile) replies {
	capture := []driver.Capture{
		{Field: driver.FieldETag, Name: "etag"},
		{Field: driver.FieldVersionID, Name: "x-amz-version-id"},
		{Field: driver.FieldStorageClass, Name: "x-amz-storage-class"},
		{Field: driver.FieldChecksumType, Name: "x-amz-checksum-type"},
	}
	for _, known := range checksums {
		capture = append(capture, driver.Capture{
			Field: driver.FieldChecksum, Name: known.header, Algorithm: known.algorithm, Encoding: driver.EncodingBase64,
		})
	}
	s3 := dialect(profile)
	reply := func(accept ...int) *driver.Reply {
		return &driver.Reply{
			Accept: accept, Capture: capture, MetadataPrefix: metadataPrefix, RequestID: s3.RequestID, Error: s3.Error,
			RequestIDAlways: s3.Always,
		}
	}
	get := reply(200, 206)
	get.StoredEncoding, get.NotCarried = profile.StoredEncoding, notCarried
	return replies{get: get, put: reply(200), part: reply(200)}
}
