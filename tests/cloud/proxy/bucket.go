package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Need is one action that IAM has to allow on one resource.
type Need struct {
	Action   string // "s3:GetObject"
	Resource string // BUCKET, BUCKET/KEY, or a KMS key as the request names it
}

// bucketNeeds returns what IAM has to allow for a request to S3 by path: what a header asks
// for besides, such as an access rule, is an action of its own. A request that is not known
// here needs an action that nobody has. Sources: Amazon S3 user guide, "Required permissions
// for Amazon S3 API operations"; API reference, CopyObject, "Permissions".
func bucketNeeds(r *http.Request) []Need {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	if key == "" {
		return []Need{{bucketAction(r.Method, query), bucket}}
	}
	action := objectAction(r.Method, query)
	version := query.Get("versionId") != ""
	if read := strings.HasPrefix(action, "s3:GetObject"); version && (read || action == "s3:DeleteObject") {
		action = strings.Replace(action, "Object", "ObjectVersion", 1)
	}
	needs := []Need{{action, bucket + "/" + key}}
	if action == "s3:PutObject" {
		needs = append(needs, writeNeeds(r, bucket+"/"+key)...)
	}
	return needs
}

// subresources are looked for in this order.
var subresources = []string{"location", "notification", "versioning", "uploads", "uploadId", "tagging", "acl", "versions", "delete", "list-type"}

func subresource(query url.Values) string {
	for _, name := range subresources {
		if query.Has(name) {
			return name
		}
	}
	return ""
}

func bucketAction(method string, query url.Values) string {
	what := method + " " + subresource(query)
	known := map[string]string{
		"HEAD ": "ListBucket", "GET ": "ListBucket", "GET list-type": "ListBucket", "GET location": "GetBucketLocation", "GET versions": "ListBucketVersions",
		"GET uploads": "ListBucketMultipartUploads", "GET versioning": "GetBucketVersioning", "PUT versioning": "PutBucketVersioning",
		"GET notification": "GetBucketNotification", "PUT notification": "PutBucketNotification", "POST delete": "DeleteObject",
	}
	return named(known, what)
}

func objectAction(method string, query url.Values) string {
	what := method + " " + subresource(query)
	known := map[string]string{
		"HEAD ": "GetObject", "GET ": "GetObject", "GET tagging": "GetObjectTagging", "GET acl": "GetObjectAcl", "GET uploadId": "ListMultipartUploadParts",
		"PUT ": "PutObject", "PUT uploadId": "PutObject", "POST uploads": "PutObject", "POST uploadId": "PutObject", "PUT tagging": "PutObjectTagging",
		"PUT acl": "PutObjectAcl", "DELETE ": "DeleteObject", "DELETE uploadId": "AbortMultipartUpload",
	}
	return named(known, what)
}

func named(known map[string]string, what string) string {
	if action, ok := known[what]; ok {
		return "s3:" + action
	}
	return "unknown: " + what
}

// writeNeeds returns what a write needs besides PutObject.
func writeNeeds(r *http.Request, object string) []Need {
	var needs []Need
	if r.Header.Get("X-Amz-Acl") != "" {
		needs = append(needs, Need{"s3:PutObjectAcl", object})
	}
	if r.Header.Get("X-Amz-Tagging") != "" {
		needs = append(needs, Need{"s3:PutObjectTagging", object})
	}
	if key := r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); key != "" {
		needs = append(needs, Need{"kms:GenerateDataKey", key})
		if r.URL.Query().Has("uploads") { // parts are decrypted when they are joined
			needs = append(needs, Need{"kms:Decrypt", key})
		}
	}
	return append(needs, copyNeeds(r, object)...)
}

// copyNeeds returns what a copy inside S3 needs at its source, and for the tags that
// come with it.
func copyNeeds(r *http.Request, object string) []Need {
	from := r.Header.Get("X-Amz-Copy-Source")
	if from == "" {
		return nil
	}
	path, version, _ := strings.Cut(from, "?versionId=")
	source, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		return []Need{{"unknown: copy of " + from, object}}
	}
	kind := "Object"
	if version != "" {
		kind = "ObjectVersion"
	}
	needs := []Need{{"s3:Get" + kind, source}}
	if !r.URL.Query().Has("uploadId") && r.Header.Get("X-Amz-Tagging-Directive") != "REPLACE" {
		needs = append(needs, Need{"s3:Get" + kind + "Tagging", source}, Need{"s3:PutObjectTagging", object})
	}
	return needs
}

// signerOf returns who signed a request, by a header or by a query.
func signerOf(r *http.Request) (accessKey, service string) {
	if accessKey, service = signer(r.Header.Get("Authorization")); service != "" {
		return accessKey, service
	}
	return signer("Credential=" + r.URL.Query().Get("X-Amz-Credential") + "/")
}

// ofBucket fills in what a call to S3 does.
func (c *Call) ofBucket(r *http.Request) {
	c.Operation = strings.TrimSpace(r.Method + " " + subresource(r.URL.Query()))
	c.Needs = bucketNeeds(r)
	for _, need := range c.Needs {
		c.Actions = append(c.Actions, need.Action[strings.IndexByte(need.Action, ':')+1:])
		c.Resources = append(c.Resources, need.Resource)
	}
	slices.Sort(c.Actions)
	c.Actions, c.Resources = slices.Compact(c.Actions), sortedSet(c.Resources)
}
