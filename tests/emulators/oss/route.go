package main

import (
	"net/http"
	"slices"
)

// operation is one of the vendor's, by its name in the documentation.
type operation struct {
	name string
	do   func(*call) error
}

// The operations, by method and the subresource among the query's parameters.
var (
	onService = map[string]operation{
		"GET": {"ListBuckets", (*call).listBuckets},
	}
	onBucket = map[string]operation{
		"GET":            {"ListObjects", (*call).listObjects},
		"GET list-type":  {"ListObjectsV2", (*call).listObjectsV2},
		"GET uploads":    {"ListMultipartUploads", (*call).listUploads},
		"GET location":   {"GetBucketLocation", (*call).getLocation},
		"GET bucketInfo": {"GetBucketInfo", (*call).getInfo},
		"GET versioning": {"GetBucketVersioning", (*call).getVersioning},
		"GET acl":        {"GetBucketAcl", (*call).getBucketACL},
		"POST delete":    {"DeleteMultipleObjects", (*call).deleteMultiple},
	}
	onObject = map[string]operation{
		"GET":             {"GetObject", (*call).getObject},
		"GET uploadId":    {"ListParts", (*call).listParts},
		"GET acl":         {"GetObjectACL", (*call).getObjectACL},
		"GET tagging":     {"GetObjectTagging", (*call).getTagging},
		"HEAD":            {"HeadObject", (*call).headObject},
		"HEAD objectMeta": {"GetObjectMeta", (*call).getObjectMeta},
		"PUT":             {"PutObject", (*call).putObject},
		"PUT uploadId":    {"UploadPart", (*call).uploadPart},
		"PUT partNumber":  {"UploadPart", (*call).uploadPart},
		"PUT acl":         {"PutObjectACL", (*call).putObjectACL},
		"PUT tagging":     {"PutObjectTagging", (*call).putTagging},
		"POST uploads":    {"InitiateMultipartUpload", (*call).initiateUpload},
		"POST uploadId":   {"CompleteMultipartUpload", (*call).completeUpload},
		"POST restore":    {"RestoreObject", (*call).restore},
		"POST append":     {"AppendObject", (*call).appendObject},
		"DELETE":          {"DeleteObject", (*call).deleteObject},
		"DELETE uploadId": {"AbortMultipartUpload", (*call).abortUpload},
		"DELETE tagging":  {"DeleteObjectTagging", (*call).deleteTagging},
	}
	copies = map[string]operation{ // with x-oss-copy-source
		"PutObject":  {"CopyObject", (*call).copyObject},
		"UploadPart": {"UploadPartCopy", (*call).copyPart},
	}
)

// subresources are the parameters that choose the operation. The emulator has
// not all of them: a request for one that it lacks must not be mistaken for a
// request of the bucket or object.
var subresources = []string{
	"accessmonitor", "acl", "append", "asyncFetch", "bucketInfo", "cname", "cors", "delete", "encryption", "group",
	"inventory", "lifecycle", "list-type", "live", "location", "logging", "meta", "metaQuery", "objectMeta", "partNumber",
	"policy", "qos", "referer", "regions", "replication", "requestPayment", "resourceGroup", "restore", "seal", "stat",
	"symlink", "tagging", "transferAcceleration", "uploadId", "uploads", "versioning", "versions", "website", "worm",
	"x-oss-async-process", "x-oss-process",
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
	name := c.r.Method
	for _, sub := range subresources {
		if c.query.Has(sub) {
			name = c.r.Method + " " + sub
			if _, ok := table[name]; ok {
				break
			}
		}
	}
	op, ok := table[name]
	if !ok || c.query.Has("versionId") {
		return operation{"NotImplemented", (*call).notImplemented}
	}
	if as, ok := copies[op.name]; ok && c.r.Header.Get(copySource) != "" {
		return as
	}
	return op
}

func (c *call) notImplemented() error {
	if !slices.Contains([]string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}, c.r.Method) {
		return &refusal{status: http.StatusMethodNotAllowed, code: "MethodNotAllowed", message: "The specified method is not allowed against this resource."}
	}
	return &refusal{status: http.StatusNotImplemented, code: "NotImplemented", message: "The emulator has no such operation: " + c.r.Method + " ?" + c.r.URL.RawQuery}
}
