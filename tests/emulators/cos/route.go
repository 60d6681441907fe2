package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is one of the vendor's, by its name in the documentation.
type operation struct {
	name string
	do   func(*call) error
}

// The operations, by method and the parameter that the query begins with: the
// vendor decides by the first one, whatever follows it.
var (
	onService = map[string]operation{
		"GET": {"GetService", (*call).getService},
	}
	onBucket = map[string]operation{
		"GET":            {"GetBucket", (*call).getBucket},
		"GET uploads":    {"ListMultipartUploads", (*call).listUploads},
		"GET location":   {"GetBucketLocation", (*call).getLocation},
		"GET versioning": {"GetBucketVersioning", (*call).getVersioning},
		"GET acl":        {"GetBucketACL", (*call).getBucketACL},
		"PUT acl":        {"PutBucketACL", (*call).putBucketACL},
		"HEAD":           {"HeadBucket", (*call).headBucket},
		"POST delete":    {"DeleteMultipleObjects", (*call).deleteMultiple},
	}
	onObject = map[string]operation{
		"GET":             {"GetObject", (*call).getObject},
		"GET uploadId":    {"ListParts", (*call).listParts},
		"GET acl":         {"GetObjectACL", (*call).getObjectACL},
		"GET tagging":     {"GetObjectTagging", (*call).getTagging},
		"HEAD":            {"HeadObject", (*call).headObject},
		"PUT":             {"PutObject", (*call).putObject},
		"PUT partNumber":  {"UploadPart", (*call).uploadPart},
		"PUT uploadId":    {"UploadPart", (*call).uploadPart},
		"PUT acl":         {"PutObjectACL", (*call).putObjectACL},
		"PUT tagging":     {"PutObjectTagging", (*call).putTagging},
		"POST uploads":    {"InitiateMultipartUpload", (*call).initiateUpload},
		"POST uploadId":   {"CompleteMultipartUpload", (*call).completeUpload},
		"POST restore":    {"PostObjectRestore", (*call).restore},
		"POST append":     {"AppendObject", (*call).appendObject},
		"DELETE":          {"DeleteObject", (*call).deleteObject},
		"DELETE uploadId": {"AbortMultipartUpload", (*call).abortUpload},
		"DELETE tagging":  {"DeleteObjectTagging", (*call).deleteTagging},
	}
	copies = map[string]operation{ // with x-cos-copy-source
		"PutObject":  {"PutObjectCopy", (*call).copyObject},
		"UploadPart": {"UploadPartCopy", (*call).copyPart},
	}
)

// elsewhere are subresources that the vendor has and the emulator has not: a
// request for one must not be mistaken for a request of the bucket or object.
var elsewhere = []string{
	"accelerate", "cors", "domain", "encryption", "intelligenttiering", "inventory", "legal-hold", "lifecycle",
	"logging", "notification", "object-lock", "origin", "policy", "referer", "replication", "retention", "select",
	"symlink", "versions", "website",
}

// route finds the operation that a request is for.
func (c *call) route() operation {
	table := onObject
	switch {
	case c.bucket == "":
		table = onService
	case c.key == "":
		table = onBucket
	}
	first := firstParameter(c.r.URL.RawQuery)
	op, ok := table[c.r.Method+" "+first]
	if !ok && !slices.Contains(elsewhere, first) {
		op, ok = table[c.r.Method]
	}
	if !ok {
		return operation{"NotImplemented", (*call).notImplemented}
	}
	if as, ok := copies[op.name]; ok && c.r.Header.Get("x-cos-copy-source") != "" {
		return as
	}
	return op
}

// firstParameter returns the first parameter that is not the signature's.
func firstParameter(raw string) string {
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if name != "" && name != "sign" && !strings.HasPrefix(name, "q-") && name != "x-cos-security-token" {
			return name
		}
	}
	return ""
}

func (c *call) notImplemented() error {
	return &refusal{http.StatusNotImplemented, "NotImplemented", "The emulator has no such operation: " + c.r.Method + " ?" + c.r.URL.RawQuery}
}
