package main

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	cossdk "github.com/tencentyun/cos-go-sdk-v5"
)

// refused sends a request and checks the status and the vendor's error document.
func (e *emulator) refused(t *testing.T, r *http.Request, status int, code string) {
	t.Helper()
	response, body := e.send(r)
	var document errorDocument
	err := xml.Unmarshal([]byte(body), &document)
	switch {
	case response.StatusCode != status || err != nil || document.Code != code:
		t.Errorf("%s %s: got %s %s (%v), want %d %s", r.Method, r.URL, response.Status, body, err, status, code)
	case document.RequestID != response.Header.Get("x-cos-request-id") || document.RequestID == "":
		t.Errorf("request id %q in the document, %q in the header", document.RequestID, response.Header.Get("x-cos-request-id"))
	case document.Message == "" || !strings.HasSuffix(string(document.Resource), r.URL.EscapedPath()) || document.TraceID == "":
		t.Errorf("the error document lacks something: %s", body)
	}
}

func TestSignaturesAreChecked(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body")
	signAs := func(access, secret string, life time.Duration, begin time.Time) func(*http.Request) {
		return func(r *http.Request) {
			cossdk.AddAuthorizationHeader(access, secret, "", r, &cossdk.AuthTime{
				SignStartTime: begin, SignEndTime: begin.Add(life), KeyStartTime: begin, KeyEndTime: begin.Add(life),
			})
		}
	}
	now := time.Now()
	for name, c := range map[string]struct {
		sign func(*http.Request)
		want string
	}{
		"nobody":           {func(*http.Request) {}, "AccessDenied"},
		"another key":      {signAs("AKIDother", secretKey, time.Hour, now), "InvalidAccessKeyId"},
		"another secret":   {signAs(accessKey, "other", time.Hour, now), "SignatureDoesNotMatch"},
		"expired":          {signAs(accessKey, secretKey, time.Minute, now.Add(-2*time.Minute)), "AccessDenied"},
		"from the future":  {signAs(accessKey, secretKey, time.Hour, now.Add(20*time.Minute)), "RequestTimeTooSkewed"},
		"altered":          {func(r *http.Request) { signRequest(r); r.Header.Set("x-cos-meta-a", "2") }, "SignatureDoesNotMatch"},
		"more metadata":    {func(r *http.Request) { signRequest(r); r.Header.Set("x-cos-meta-b", "2") }, "AccessDenied"},
		"another key's":    {func(r *http.Request) { signRequest(r); r.URL.Path = "/other" }, "SignatureDoesNotMatch"},
		"another method's": {func(r *http.Request) { r.Method = "GET"; signRequest(r); r.Method = "PUT" }, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := bare(t, "PUT", "/key", "body", "x-cos-meta-a: 1")
			c.sign(r)
			e.refused(t, r, http.StatusForbidden, c.want)
		})
	}
}

func TestRefusedSignaturesAreCountedAndChangeNothing(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body")
	e.refused(t, bare(t, "PUT", "/key", "other"), http.StatusForbidden, "AccessDenied")
	e.refused(t, bare(t, "DELETE", "/key", ""), http.StatusForbidden, "AccessDenied")
	if _, body := e.send(request(t, "GET", "/key", "")); body != "body" {
		t.Errorf("the object is %q now", body)
	}
	counts := e.counts()
	if counts["PutObject"].Refused != 1 || counts["PutObject"].Requests != 2 || counts["DeleteObject"].Refused != 1 || counts["GetObject"].Refused != 0 {
		t.Errorf("counts: %+v", counts)
	}
}

func TestClockDecidesWhatIsValid(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.ahead(2 * time.Hour)
	e.refused(t, request(t, "GET", "/", ""), http.StatusForbidden, "AccessDenied")
	e.ahead(-20 * time.Minute)
	e.refused(t, request(t, "GET", "/", ""), http.StatusForbidden, "RequestTimeTooSkewed")
	e.ahead(-10 * time.Minute)
	response, body := e.send(request(t, "GET", "/", ""))
	if response.StatusCode != http.StatusOK {
		t.Errorf("ten minutes of skew: %s %s", response.Status, body)
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err != nil || time.Until(date) > -9*time.Minute {
		t.Errorf("an answer is dated %s (%v) by a clock that is ten minutes behind", date, err)
	}
}

func TestTemporaryCredentialsNeedTheirToken(t *testing.T) {
	t.Parallel()
	e := start(t, "-sts-token", "the-token")
	for name, c := range map[string]struct{ token, want string }{
		"the token": {"the-token", ""}, "none": {"", "InvalidAccessKeyId"}, "another": {"other", "AccessDenied"},
	} {
		client := e.sdkAs(accessKey, secretKey, c.token, hostA)
		if _, _, err := client.Bucket.Get(t.Context(), nil); codeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		signed, err := client.Object.GetPresignedURL3(t.Context(), "PUT", "key", time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, body := e.send(bare(t, "PUT", signed.String(), "x")); (response.StatusCode == http.StatusOK) != (c.want == "") {
			t.Errorf("%s in a URL: %s %s", name, response.Status, body)
		}
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body")
	e.put("archived", "body", "x-cos-storage-class: DEEP_ARCHIVE")
	long := strings.Repeat("k", maxKey)
	restoring := func(days int, tier string) string {
		return fmt.Sprintf("<RestoreRequest><Days>%d</Days><CASJobParameters><Tier>%s</Tier></CASJobParameters></RestoreRequest>", days, tier)
	}
	from := "x-cos-copy-source: " + hostA
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"no such key":            {request(t, "GET", "/none", ""), 404, "NoSuchKey"},
		"no such bucket":         {request(t, "GET", "http://none-1250000000.cos.ap-beijing.myqcloud.com/key", ""), 404, "NoSuchBucket"},
		"another region":         {request(t, "GET", "http://"+bucketA+".cos.eu-frankfurt.myqcloud.com/key", ""), 404, "NoSuchBucket"},
		"long key":               {request(t, "PUT", "/"+long+"k", ""), 400, "KeyTooLong"},
		"key begins with /":      {request(t, "PUT", "//key", ""), 400, "InvalidURI"},
		`key begins with \`:      {request(t, "PUT", "/%5Ckey", ""), 400, "InvalidURI"},
		"control in a key":       {request(t, "PUT", "/a%1Ab", ""), 400, "InvalidURI"},
		"key is not UTF-8":       {request(t, "PUT", "/a%FFb", ""), 400, "InvalidURI"},
		"upload of a bad key":    {request(t, "POST", "//key?uploads", ""), 400, "InvalidURI"},
		"class":                  {request(t, "PUT", "/a", "", "x-cos-storage-class: GLACIER"), 400, "InvalidStorageClass"},
		"access":                 {request(t, "PUT", "/a", "", "x-cos-acl: everybody"), 400, "InvalidArgument"},
		"underscore in a name":   {request(t, "PUT", "/a", "", "x-cos-meta-a_b: 1"), 400, "InvalidArgument"},
		"long metadata":          {request(t, "PUT", "/a", "", "x-cos-meta-a: "+strings.Repeat("v", maxMeta-len("x-cos-meta-a")+1)), 400, "MetadataTooLarge"},
		"much metadata":          {request(t, "PUT", "/a", "", "x-cos-meta-a: "+strings.Repeat("v", 2000), "x-cos-meta-b: "+strings.Repeat("v", 2000), "x-cos-meta-c: "+strings.Repeat("v", 100)), 400, "MetadataTooLarge"},
		"many tags":              {request(t, "PUT", "/a", "", "x-cos-tagging: a&b&c&d&e&f&g&h&i&j&k"), 400, "InvalidTag"},
		"bad tag":                {request(t, "PUT", "/a", "", "x-cos-tagging: a%3C=1"), 400, "InvalidTag"},
		"malformed MD5":          {request(t, "PUT", "/a", "x", "Content-MD5: abc"), 400, "InvalidDigest"},
		"another MD5":            {request(t, "PUT", "/a", "x", "Content-MD5: 7o3pGNBWQBRbGPcPTDqmAg=="), 400, "BadDigest"},
		"key service":            {request(t, "PUT", "/a", "x", "x-cos-server-side-encryption: cos/kms"), 501, "NotImplemented"},
		"client's key":           {request(t, "PUT", "/a", "x", "x-cos-server-side-encryption-customer-algorithm: AES256"), 501, "NotImplemented"},
		"range past the end":     {request(t, "GET", "/key", "", "Range: bytes=4-9"), 416, "InvalidRange"},
		"two ranges":             {request(t, "GET", "/key", "", "Range: bytes=0-1,3-3"), 400, "InvalidArgument"},
		"backward range":         {request(t, "GET", "/key", "", "Range: bytes=3-1"), 400, "InvalidArgument"},
		"modified since":         {request(t, "GET", "/key", "", "If-Unmodified-Since: Mon, 02 Jan 2006 15:04:05 GMT"), 412, "PreconditionFailed"},
		"frozen":                 {request(t, "GET", "/archived", ""), 403, "InvalidObjectState"},
		"copy of a frozen":       {request(t, "PUT", "/a", "", from+"/archived"), 403, "InvalidObjectState"},
		"copy of nothing":        {request(t, "PUT", "/a", "", from+"/none"), 404, "NoSuchKey"},
		"copy of a path":         {request(t, "PUT", "/a", "", "x-cos-copy-source: /"+bucketA+"/key"), 400, "InvalidArgument"},
		"copy onto itself":       {request(t, "PUT", "/key", "", from+"/key"), 400, "InvalidRequest"},
		"copy if it matches":     {request(t, "PUT", "/a", "", from+"/key", "x-cos-copy-source-if-match: \"x\""), 412, "PreconditionFailed"},
		"copy if it is another":  {request(t, "PUT", "/a", "", from+"/key", "x-cos-copy-source-if-none-match: 841a2d689ad86bd1611447453c22c6fc"), 412, "PreconditionFailed"},
		"copy by S3's directive": {request(t, "PUT", "/a", "", from+"/key", "x-cos-metadata-directive: REPLACE"), 400, "InvalidArgument"},
		"overwrite forbidden":    {request(t, "PUT", "/key", "x", "x-cos-forbid-overwrite: true"), 409, "FileAlreadyExists"},
		"upload over forbidden":  {request(t, "POST", "/key?uploads", "", "x-cos-forbid-overwrite: true"), 409, "FileAlreadyExists"},
		"copy over forbidden":    {request(t, "PUT", "/archived", "", from+"/key", "x-cos-forbid-overwrite: true"), 409, "FileAlreadyExists"},
		"delete without MD5":     {request(t, "POST", "/?delete", "<Delete><Object><Key>a</Key></Object></Delete>"), 400, "MissingContentMD5"},
		"tags that are no XML":   {request(t, "PUT", "/key?tagging", "tags"), 400, "MalformedXML"},
		"tags of nothing":        {request(t, "GET", "/none?tagging", ""), 404, "NoSuchKey"},
		"restore a readable":     {request(t, "POST", "/key?restore", restoring(1, "Bulk")), 403, "InvalidObjectState"},
		"restore in a hurry":     {request(t, "POST", "/archived?restore", restoring(1, "Expedited")), 400, "InvalidArgument"},
		"restore for no day":     {request(t, "POST", "/archived?restore", restoring(0, "Bulk")), 400, "InvalidArgument"},
		"too many keys":          {request(t, "GET", "/?max-keys=1001", ""), 400, "InvalidArgument"},
		"unknown encoding":       {request(t, "GET", "/?encoding-type=base64", ""), 400, "InvalidArgument"},
		"append nowhere":         {request(t, "POST", "/log?append", "x"), 400, "InvalidArgument"},
		"append past the end":    {request(t, "POST", "/log?append&position=1", "x"), 409, "AppendPositionErr"},
		"lifecycle":              {request(t, "GET", "/?lifecycle", ""), 501, "NotImplemented"},
		"delete the bucket":      {request(t, "DELETE", "/", ""), 501, "NotImplemented"},
		"an app by its domain":   {request(t, "GET", "/app.apk", ""), 404, "NoSuchKey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e.refused(t, c.request, c.status, c.code)
		})
	}
	e.put(long, "as long as may be", "x-cos-meta-a: "+strings.Repeat("v", maxMeta-len("x-cos-meta-a")))
}

func TestUploadsAreHeldToTheirRules(t *testing.T) {
	t.Parallel()
	e := start(t)
	client := e.sdk()
	body := random(minPart)
	id, parts := begin(t, client, "key", body, body[:minPart-1], body, body[:5])
	part := func(number int, etag string) string {
		return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", number, etag)
	}
	complete := func(id string, parts ...string) *http.Request {
		return request(t, "POST", "/key?uploadId="+id, "<CompleteMultipartUpload>"+strings.Join(parts, "")+"</CompleteMultipartUpload>")
	}
	one, two, three, four := part(1, parts[0].ETag), part(2, parts[1].ETag), part(3, parts[2].ETag), part(4, parts[3].ETag)
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"no such upload":        {complete("1234", one), 404, "NoSuchUpload"},
		"another key's upload":  {request(t, "GET", "/other?uploadId="+id, ""), 404, "NoSuchUpload"},
		"no parts":              {complete(id), 400, "MalformedXML"},
		"a gap":                 {complete(id, one, three), 400, "InvalidPart"},
		"no first part":         {complete(id, two), 400, "InvalidPart"},
		"in disorder":           {complete(id, one, three, two), 400, "InvalidPartOrder"},
		"backward":              {complete(id, one, two, one), 400, "InvalidPartOrder"},
		"one part twice":        {complete(id, one, one), 400, "InvalidPartOrder"},
		"a short part":          {complete(id, one, two, three), 400, "EntityTooSmall"},
		"another ETag":          {complete(id, part(1, parts[3].ETag)), 400, "InvalidPart"},
		"a part that is not":    {complete(id, one, two, three, four, part(5, parts[0].ETag)), 400, "InvalidPart"},
		"part number 0":         {request(t, "PUT", "/key?partNumber=0&uploadId="+id, "x"), 400, "InvalidArgument"},
		"part number 10001":     {request(t, "PUT", "/key?partNumber=10001&uploadId="+id, "x"), 400, "InvalidArgument"},
		"no part number":        {request(t, "PUT", "/key?uploadId="+id, "x"), 400, "InvalidArgument"},
		"part of no upload":     {request(t, "PUT", "/key?partNumber=1", "x"), 404, "NoSuchUpload"},
		"part with another MD5": {request(t, "PUT", "/key?partNumber=9&uploadId="+id, "x", "Content-MD5: 7o3pGNBWQBRbGPcPTDqmAg=="), 400, "BadDigest"},
		"copy past the end": {request(t, "PUT", "/key?partNumber=9&uploadId="+id, "", "x-cos-copy-source: "+hostA+"/small",
			"x-cos-copy-source-range: bytes=0-5"), 400, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			e.put("small", "12345")
			e.refused(t, c.request, c.status, c.code)
		})
	}
	if response, answer := e.send(complete(id, one, part(2, parts[1].ETag))); response.StatusCode != http.StatusOK {
		t.Errorf("after all refusals, a good end: %s %s", response.Status, answer)
	}
}

func TestAnUploadMayNotOverwriteWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	e := start(t)
	_, answer := e.send(request(t, "POST", "/key?uploads", "", "x-cos-forbid-overwrite: true"))
	id := told.FindStringSubmatch(answer)[1]
	response, _ := e.send(request(t, "PUT", "/key?partNumber=1&uploadId="+id, "part"))
	list := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + response.Header.Get("ETag") + "</ETag></Part></CompleteMultipartUpload>"
	e.put("key", "came first")
	e.refused(t, request(t, "POST", "/key?uploadId="+id, list), http.StatusConflict, "FileAlreadyExists")
	if _, body := e.send(request(t, "GET", "/key", "")); body != "came first" {
		t.Errorf("the object is %q", body)
	}
}
