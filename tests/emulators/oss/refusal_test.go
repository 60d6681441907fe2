package main

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	osssdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"
)

func TestSignaturesAreChecked(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body")
	as := func(change func(*signer.SigningContext)) *http.Request {
		r := bare(t, "GET", "/key", "")
		signRequest(t, r, time.Time{}, change)
		return r
	}
	at := func(shift time.Duration) *http.Request {
		r := bare(t, "GET", "/key", "")
		signRequest(t, r, time.Now().Add(shift))
		return r
	}
	altered := func(alter func(r *http.Request)) *http.Request {
		r := request(t, "GET", "/key", "", "x-oss-range-behavior: standard")
		alter(r)
		return r
	}
	for name, c := range map[string]struct {
		request  *http.Request
		status   int
		code, ec string
	}{
		"anonymous":               {bare(t, "GET", "/key", ""), 403, "AccessDenied", "0003-00000001"},
		"V1 header":               {bare(t, "GET", "/key", "", "Authorization: OSS "+accessKey+":c2lnbmF0dXJl"), 403, "AccessDenied", "0002-00000080"},
		"V1 URL":                  {bare(t, "GET", "/key?OSSAccessKeyId="+accessKey+"&Expires=4000000000&Signature=c2ln", ""), 403, "AccessDenied", "0002-00000080"},
		"wrong secret":            {as(func(s *signer.SigningContext) { s.Credentials.AccessKeySecret = "other" }), 403, "SignatureDoesNotMatch", "0002-00000201"},
		"unknown key":             {as(func(s *signer.SigningContext) { s.Credentials.AccessKeyID = "other" }), 403, "InvalidAccessKeyId", "0002-00000902"},
		"foreign token":           {as(func(s *signer.SigningContext) { s.Credentials.SecurityToken = "token" }), 403, "InvalidSecurityToken", ""},
		"wrong region":            {as(func(s *signer.SigningContext) { s.Region = osssdk.Ptr("cn-shanghai") }), 400, "InvalidArgument", "0002-00000226"},
		"with oss- in the region": {as(func(s *signer.SigningContext) { s.Region = osssdk.Ptr("oss-" + region) }), 400, "InvalidArgument", "0002-00000226"},
		"other bucket":            {as(func(s *signer.SigningContext) { s.Bucket = osssdk.Ptr(bucketB) }), 403, "SignatureDoesNotMatch", ""},
		"slow clock":              {at(-16 * time.Minute), 403, "RequestTimeTooSkewed", "0002-00000504"},
		"fast clock":              {at(16 * time.Minute), 403, "RequestTimeTooSkewed", "0002-00000504"},
		"other key":               {altered(func(r *http.Request) { r.URL.Path = "/yek" }), 403, "SignatureDoesNotMatch", ""},
		"other method":            {altered(func(r *http.Request) { r.Method = "DELETE" }), 403, "SignatureDoesNotMatch", ""},
		"other query":             {altered(func(r *http.Request) { r.URL.RawQuery = "acl" }), 403, "SignatureDoesNotMatch", ""},
		"other header":            {altered(func(r *http.Request) { r.Header.Set("x-oss-range-behavior", "other") }), 403, "SignatureDoesNotMatch", ""},
		"header added":            {altered(func(r *http.Request) { r.Header.Set("x-oss-meta-a", "1") }), 403, "SignatureDoesNotMatch", ""},
		"header gone":             {altered(func(r *http.Request) { r.Header.Del("x-oss-range-behavior") }), 403, "SignatureDoesNotMatch", ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := e.refused(t, c.request, c.status, c.code)
			if got := response.Header.Get("x-oss-ec"); c.ec != "" && got != c.ec {
				t.Errorf("EC is %q, want %q", got, c.ec)
			}
		})
	}
	for name, r := range map[string]*http.Request{"14 minutes slow": at(-14 * time.Minute), "14 minutes fast": at(14 * time.Minute)} {
		if response, body := e.send(r); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
	var counts map[string]struct{ Refused int }
	e.ask("/requests", &counts)
	if counts["GetObject"].Refused < 12 {
		t.Errorf("refused signatures are not counted: %v", counts)
	}
}

func TestSignedURLsExpire(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("key", "body")
	presign := func(life time.Duration) string {
		result, err := e.sdk().Presign(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")}, osssdk.PresignExpires(life))
		if err != nil {
			t.Fatal(err)
		}
		return result.URL
	}
	week := presign(7 * 24 * time.Hour)
	if response, body := e.send(bare(t, "GET", week, "", "Range: bytes=1-2")); response.StatusCode != http.StatusPartialContent || body != "od" {
		t.Errorf("a range of a signed URL: %s %s", response.Status, body)
	}
	e.ahead(time.Hour)
	if response, _ := e.send(bare(t, "GET", week, "")); response.StatusCode != http.StatusOK {
		t.Errorf("an hour later: %s", response.Status)
	}
	e.ahead(7*24*time.Hour + time.Minute)
	if response := e.refused(t, bare(t, "GET", week, ""), http.StatusForbidden, "AccessDenied"); response.Header.Get("x-oss-ec") != "0002-00000069" {
		t.Errorf("an expired URL: %v", response.Header)
	}
	e.ahead(0)
	e.refused(t, bare(t, "GET", strings.Replace(week, "x-oss-expires=604800", "x-oss-expires=604801", 1), ""), http.StatusBadRequest, "InvalidArgument")
	e.refused(t, bare(t, "PUT", week, ""), http.StatusForbidden, "SignatureDoesNotMatch")
}

func TestTemporaryCredentialsNeedTheirToken(t *testing.T) {
	t.Parallel()
	e := start(t, "-sts-token", "the token")
	as := func(token string) *osssdk.Client {
		return e.sdk(func(config *osssdk.Config) {
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(accessKey, secretKey, token))
		})
	}
	sdkPut(t, as("the token"), &osssdk.PutObjectRequest{Key: osssdk.Ptr("key")}, []byte("body"))
	result, err := as("the token").Presign(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")})
	if err != nil {
		t.Fatal(err)
	}
	if response, body := e.send(bare(t, "GET", result.URL, "")); body != "body" {
		t.Errorf("by a signed URL: %s %s", response.Status, body)
	}
	for token, want := range map[string]string{"": "InvalidAccessKeyId", "another": "InvalidSecurityToken"} {
		_, err := as(token).GetObject(t.Context(), &osssdk.GetObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("key")})
		if code(err) != want {
			t.Errorf("with the token %q: %v, want %s", token, err, want)
		}
	}
}

func TestObjectsHaveRules(t *testing.T) {
	t.Parallel()
	e := start(t)
	put := func(key string, headers ...string) *http.Request {
		return request(t, "PUT", key, "body", headers...)
	}
	tags := "x-oss-tagging: "
	for name, c := range map[string]struct {
		request  *http.Request
		status   int
		code, ec string
	}{
		"long key":              {put("/" + strings.Repeat("k", maxKey+1)), 400, "InvalidObjectName", ""},
		"key not in UTF-8":      {put("/%ff"), 400, "InvalidObjectName", "0016-00000004"},
		"key from a slash":      {put("//key"), 400, "InvalidObjectName", ""},
		"key from a backslash":  {put("/%5Ckey"), 400, "InvalidObjectName", ""},
		"underscore in meta":    {put("/k", "x-oss-meta-a_b: 1"), 400, "InvalidArgument", "0011-00000004"},
		"control in meta":       {put("/k", "x-oss-meta-a: 1\t2"), 400, "InvalidArgument", "0011-00000005"},
		"umlaut in meta":        {put("/k", "x-oss-meta-a: ü"), 400, "InvalidArgument", "0011-00000005"},
		"much meta":             {put("/k", "x-oss-meta-a: "+strings.Repeat("v", maxMeta)), 400, "InvalidArgument", "0011-00000002"},
		"wrong class":           {put("/k", "x-oss-storage-class: STANDARD"), 400, "InvalidArgument", ""},
		"wrong acl":             {put("/k", "x-oss-object-acl: bucket-owner-read"), 400, "InvalidArgument", ""},
		"wrong encryption":      {put("/k", "x-oss-server-side-encryption: DES"), 400, "InvalidEncryptionAlgorithmError", ""},
		"key service":           {put("/k", "x-oss-server-side-encryption: KMS"), 403, "KmsServiceNotEnabled", ""},
		"11 tags":               {put("/k", tags+"1=&2=&3=&4=&5=&6=&7=&8=&9=&10=&11="), 400, "InvalidTag", "0010-00000217"},
		"a tag twice":           {put("/k", tags+"a=1&a=2"), 400, "InvalidTag", ""},
		"a long tag":            {put("/k", tags+strings.Repeat("k", 129)+"=1"), 400, "InvalidTag", ""},
		"an umlaut in a tag":    {put("/k", tags+"a=%C3%BC"), 400, "InvalidTag", ""},
		"wrong Content-MD5":     {put("/k", "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="), 400, "InvalidDigest", ""},
		"hex Content-MD5":       {put("/k", "Content-MD5: 841a2d689ad86bd1611447453c22c6fc"), 400, "InvalidDigest", ""},
		"no such bucket":        {request(t, "GET", "http://none-example."+endpoint+"/k", ""), 404, "NoSuchBucket", "0015-00000101"},
		"no such key":           {request(t, "GET", "/none", ""), 404, "NoSuchKey", "0026-00000001"},
		"no such upload":        {request(t, "PUT", "/k?partNumber=1&uploadId=none", "x"), 404, "NoSuchUpload", ""},
		"another region":        {request(t, "GET", "http://"+bucketA+".oss-cn-shanghai.aliyuncs.com/k", ""), 403, "AccessDenied", "0003-00001403"},
		"a version":             {request(t, "GET", "/k?versionId=1", ""), 501, "NotImplemented", ""},
		"another subresource":   {request(t, "GET", "/k?symlink", ""), 501, "NotImplemented", ""},
		"too many keys":         {request(t, "GET", "/?max-keys=1001", ""), 400, "InvalidArgument", ""},
		"no keys":               {request(t, "GET", "/?list-type=2&max-keys=0", ""), 400, "InvalidArgument", ""},
		"a long marker":         {request(t, "GET", "/?marker="+strings.Repeat("k", maxKey+1), ""), 400, "InvalidArgument", ""},
		"another encoding":      {request(t, "GET", "/?encoding-type=base64", ""), 400, "InvalidArgument", ""},
		"a foreign token":       {request(t, "GET", "/?list-type=2&continuation-token=%21", ""), 400, "InvalidArgument", ""},
		"delete without an MD5": {request(t, "POST", "/?delete", "<Delete><Object><Key>k</Key></Object></Delete>"), 400, "MissingArgument", ""},
		"tags of nothing":       {request(t, "GET", "/none?tagging", ""), 404, "NoSuchKey", ""},
		"tags not in XML":       {request(t, "PUT", "/none?tagging", "a=1"), 400, "MalformedXML", ""},
		"restore of nothing":    {request(t, "POST", "/none?restore", ""), 404, "NoSuchKey", ""},
		"copy of no source":     {put("/k", "x-oss-copy-source: nothing"), 400, "InvalidArgument", ""},
		"copy with a directive": {put("/k", "x-oss-copy-source: /"+bucketA+"/k", "x-oss-metadata-directive: Replaced"), 400, "InvalidArgument", ""},
		"callback not in JSON":  {put("/k", "x-oss-callback: e30x"), 400, "InvalidArgument", ""},
		"callback to nobody":    {put("/k", "x-oss-callback: e30="), 400, "InvalidArgument", ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := e.refused(t, c.request, c.status, c.code)
			if got := response.Header.Get("x-oss-ec"); c.ec != "" && got != c.ec {
				t.Errorf("EC is %q, want %q", got, c.ec)
			}
		})
	}
}

func TestPartsHaveRules(t *testing.T) {
	t.Parallel()
	e := start(t)
	id, list := begin(t, e.sdk(), "key", random(minPart-1), random(minPart), []byte("end"))
	part := func(query string, headers ...string) *http.Request {
		return request(t, "PUT", "/key?"+query+"&uploadId="+id, "x", headers...)
	}
	end := func(numbers ...int) *http.Request {
		var body strings.Builder
		for _, n := range numbers {
			etag := `"0"`
			if n <= len(list) {
				etag = *list[n-1].ETag
			}
			body.WriteString("<Part><PartNumber>" + itoa(n) + "</PartNumber><ETag>" + etag + "</ETag></Part>")
		}
		return request(t, "POST", "/key?uploadId="+id, "<CompleteMultipartUpload>"+body.String()+"</CompleteMultipartUpload>")
	}
	for name, c := range map[string]struct {
		request  *http.Request
		code, ec string
	}{
		"number 0":         {part("partNumber=0"), "InvalidArgument", "0017-00000220"},
		"number 10001":     {part("partNumber=10001"), "InvalidArgument", "0017-00000220"},
		"a word":           {part("partNumber=one"), "InvalidArgument", "0017-00000220"},
		"no number":        {part("partNumber="), "InvalidArgument", "0017-00000219"},
		"a class":          {part("partNumber=1", "x-oss-storage-class: IA"), "InvalidArgument", "0042-00000202"},
		"class at the end": {request(t, "POST", "/key?uploadId="+id, "", "x-oss-storage-class: IA"), "InvalidArgument", "0042-00000202"},
		"wrong order":      {end(3, 2), "InvalidPartOrder", "0042-00000209"},
		"twice":            {end(2, 2), "InvalidPartOrder", "0042-00000209"},
		"unknown part":     {end(2, 4), "InvalidPart", ""},
		"short part":       {end(1, 3), "EntityTooSmall", "0042-00000213"},
		"no parts":         {end(), "MalformedXML", ""},
		"no XML":           {request(t, "POST", "/key?uploadId="+id, "parts"), "MalformedXML", ""},
		"all, and a list":  {request(t, "POST", "/key?uploadId="+id, "<x/>", "x-oss-complete-all: yes"), "InvalidArgument", ""},
		"all, with short":  {request(t, "POST", "/key?uploadId="+id, "", "x-oss-complete-all: yes"), "EntityTooSmall", ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := e.refused(t, c.request, http.StatusBadRequest, c.code)
			if got := response.Header.Get("x-oss-ec"); c.ec != "" && got != c.ec {
				t.Errorf("EC is %q, want %q", got, c.ec)
			}
		})
	}
	e.refused(t, request(t, "PUT", "/other?partNumber=1&uploadId="+id, "x"), http.StatusNotFound, "NoSuchUpload")
	if response, body := e.send(end(2, 3)); response.StatusCode != http.StatusOK {
		t.Errorf("after all that: %s %s", response.Status, body)
	}
}

func TestOverwritingCanBeForbidden(t *testing.T) {
	t.Parallel()
	e := start(t)
	c := e.sdk()
	before, list := begin(t, c, "key", []byte("part"))
	ban := "x-oss-forbid-overwrite: true"
	e.put("key", "first", ban)
	for name, r := range map[string]*http.Request{
		"put":      request(t, "PUT", "/key", "second", ban),
		"copy":     request(t, "PUT", "/key", "", ban, "x-oss-copy-source: /"+bucketA+"/key"),
		"initiate": request(t, "POST", "/key?uploads", "", ban),
		"complete": request(t, "POST", "/key?uploadId="+before, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+*list[0].ETag+"</ETag></Part></CompleteMultipartUpload>", ban),
	} {
		t.Run(name, func(t *testing.T) { e.refused(t, r, http.StatusConflict, "FileAlreadyExists") })
	}
	if _, body := e.send(request(t, "GET", "/key", "")); body != "first" {
		t.Errorf("the object is %q", body)
	}
	e.put("key", "second", "x-oss-forbid-overwrite: false")
}

func TestHeadTellsErrorsInAHeader(t *testing.T) {
	t.Parallel()
	e := start(t)
	response, body := e.send(request(t, "HEAD", "/none", ""))
	document, err := base64.StdEncoding.DecodeString(response.Header.Get("x-oss-err"))
	var told struct {
		Code, EC  string
		RequestID string `xml:"RequestId"`
		Key       string
	}
	if err != nil || xml.Unmarshal(document, &told) != nil {
		t.Fatalf("x-oss-err is %q", response.Header.Get("x-oss-err"))
	}
	if response.StatusCode != http.StatusNotFound || body != "" || told.Code != "NoSuchKey" || told.Key != "none" ||
		told.EC != response.Header.Get("x-oss-ec") || told.RequestID != response.Header.Get("x-oss-request-id") {
		t.Errorf("%s %v %+v", response.Status, response.Header, told)
	}
	_, err = e.sdk().HeadObject(t.Context(), &osssdk.HeadObjectRequest{Bucket: osssdk.Ptr(bucketA), Key: osssdk.Ptr("none")})
	if code(err) != "NoSuchKey" {
		t.Errorf("the vendor's client reads %v", err)
	}
}

func TestArchivesHaveRules(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.put("standard", "x")
	e.put("archive", "x", "x-oss-storage-class: Archive")
	e.put("deep", "x", "x-oss-storage-class: DeepColdArchive")
	restore := func(key, days, tier string) *http.Request {
		return request(t, "POST", "/"+key+"?restore", "<RestoreRequest><Days>"+days+"</Days><JobParameters><Tier>"+tier+"</Tier></JobParameters></RestoreRequest>")
	}
	e.refused(t, request(t, "GET", "/archive", ""), http.StatusForbidden, "InvalidObjectState")
	e.refused(t, request(t, "PUT", "/copy", "", "x-oss-copy-source: /"+bucketA+"/archive"), http.StatusForbidden, "InvalidObjectState")
	if response, _ := e.send(request(t, "HEAD", "/archive", "")); response.StatusCode != http.StatusOK || response.Header.Get("x-oss-restore") != "" {
		t.Errorf("HEAD: %s %v", response.Status, response.Header)
	}
	e.refused(t, request(t, "POST", "/standard?restore", ""), http.StatusBadRequest, "OperationNotSupported")
	e.refused(t, restore("archive", "8", ""), http.StatusBadRequest, "MalformedXML")
	e.refused(t, restore("deep", "366", "Standard"), http.StatusBadRequest, "MalformedXML")
	e.refused(t, restore("deep", "1", "Bulk"), http.StatusBadRequest, "MalformedXML")
	if response, body := e.send(request(t, "POST", "/archive?restore", "")); response.StatusCode != http.StatusAccepted {
		t.Errorf("restore without a body: %s %s", response.Status, body)
	}
	e.refused(t, request(t, "GET", "/archive", ""), http.StatusForbidden, "InvalidObjectState")
	e.ahead(2 * time.Minute)
	r := bare(t, "GET", "/archive", "")
	signRequest(t, r, time.Now().Add(2*time.Minute))
	if response, body := e.send(r); body != "x" {
		t.Errorf("after a minute: %s %s", response.Status, body)
	}
	if _, body := e.send(request(t, "GET", "/?prefix=archive", "")); !strings.Contains(body, "<RestoreInfo>ongoing-request=") {
		t.Errorf("the listing does not tell of the restore: %s", body)
	}
	e.ahead(25 * time.Hour)
	r = bare(t, "GET", "/archive", "")
	signRequest(t, r, time.Now().Add(25*time.Hour))
	e.refused(t, r, http.StatusForbidden, "InvalidObjectState")
}
