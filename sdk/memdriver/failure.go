package memdriver

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"

	"github.com/dth-dev/dth/sdk/driver"
)

// failure is an error answer of the server.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// errorRules maps the server's codes to kinds where the status alone does not. A 404 counts
// as an absent object only by its code.
var errorRules = []driver.ErrorRule{
	{Status: 403, Code: "Expired", Kind: driver.KindExpired},
	{Status: 403, Code: "RequestTimeTooSkewed", Kind: driver.KindExpired},
	{Status: 403, Code: "InvalidObjectState", Kind: driver.KindFrozen},
	{Status: 400, Code: "BadDigest", Kind: driver.KindIntegrity},
	{Status: 400, Code: "IncompleteBody", Kind: driver.KindIntegrity},
	{Status: 503, Code: "SlowDown", Kind: driver.KindThrottled},
	{Status: 404, Code: "NoSuchKey", Kind: driver.KindNotFound},
	{Status: 404, Code: "NoSuchVersion", Kind: driver.KindNotFound},
	{Status: 404, Code: "NoSuchUpload", Kind: driver.KindNotFound},
	{Status: 404, Code: "NoSuchBucket", Kind: driver.KindNotFound},
}

// errorBody is the body of an error answer, in JSON or XML.
type errorBody struct {
	XMLName xml.Name `json:"-" xml:"Error"`
	Code    string   `json:"code" xml:"Code"`
	Message string   `json:"message" xml:"Message"`
}

// writeFailure answers with the failure in the form that the exchange asks for.
func writeFailure(w http.ResponseWriter, replies string, f *failure) {
	body := errorBody{Code: f.code, Message: f.message}
	var encoded []byte
	var err error
	if replies == repliesXML {
		w.Header().Set("Content-Type", "application/xml")
		encoded, err = xml.Marshal(body)
	} else {
		w.Header().Set("Content-Type", "application/json")
		encoded, err = json.Marshal(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(f.status)
	_, _ = w.Write(encoded) // the client is gone when this fails
}
